"""Time and memory of the metrics of `evaluate`: 200 test galaxies, 32 samples each, 64 pixels, dark matter to HI.

    skazoo data build toy_64
    taskset -c 0 pytest tests/benchmarks/bench_metrics.py -m benchmark -s

The set is looked for where `tfds.load` looks (TFDS_DATA_DIR or ~/tensorflow_datasets). The mapper is a pixelwise
regression with log-normal noise; its seconds are not counted. Limits: 60 s on two cores, 2 GB.
"""

import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy import ndimage

pytestmark = pytest.mark.benchmark
_CONFIG = "ska_tng/toy_64"
GALAXIES, SAMPLES = 200, 32
SECONDS, GIGABYTES = 60, 2.0
FEATURES = ("dark_matter", "hi", "id", "galaxy", "view", "pixel_kpc")


class NoisyRegression:
    """log10 HI = a + b log10 dark matter + smooth noise, one fit for all pixels; draws cost next to nothing."""

    source, target = ("dark_matter",), ("hi",)
    FLOORS = np.log10((1e4, 1e2))  # of source and target, Msun kpc^-2

    def fit(self, examples):
        x, y = (np.stack([example[name] for example in examples]) for name in ("dark_matter", "hi"))
        x, y = (np.log10(np.maximum(maps, 10**floor)) for maps, floor in zip((x, y), self.FLOORS, strict=True))
        self.slope, self.level = np.polyfit(x.ravel(), y.ravel(), 1)
        self.scatter = np.std(y - self.level - self.slope * x)
        noise = np.random.default_rng(0).standard_normal((256, *x.shape[1:])).astype(np.float32)
        noise = ndimage.gaussian_filter(noise, (0, 1.5, 1.5), mode="wrap")  # correlated, as a mapper's errors are
        self.noise = noise * (self.scatter / noise.std())
        return self

    def sample(self, source, num_samples, seed):
        rng = np.random.default_rng(seed)
        expected = self.level + self.slope * np.log10(np.maximum(source[..., 0], 10 ** self.FLOORS[0]))
        drawn = expected[None] + self.noise[rng.integers(0, len(self.noise), (num_samples, len(source)))]
        return np.where(drawn > self.FLOORS[1], np.float32(10) ** drawn, 0)[..., None].astype(np.float32)


def measure(folder: str | None = None) -> str:
    """Evaluate in this process: seconds of the metrics and peak resident memory as text; the page in `folder`."""
    import tensorflow_datasets as tfds

    import skazoo.datasets  # noqa: F401  the builder
    from skazoo.metrics import evaluate

    wanted = tfds.decode.PartialDecoding({name: True for name in FEATURES})

    def galaxies(split, count):
        return list(tfds.load(_CONFIG, split=split, decoders=wanted).take(count).as_numpy_iterator())

    mapper, examples = NoisyRegression().fit(galaxies("train", 100)), galaxies("test", GALAXIES)
    assert len(examples) == GALAXIES
    before = peak()
    report = evaluate(mapper, examples, SAMPLES, name=f"{_CONFIG} test", progress=False)
    metrics = report.provenance["seconds"] - report.provenance["sampling_seconds"]
    after, start = peak(), time.perf_counter()
    if folder:
        report.save(folder)
    page = f"; page and JSON {time.perf_counter() - start:.1f} s" if folder else ""
    cores = len(os.sched_getaffinity(0))
    return (
        f"{GALAXIES} galaxies x {SAMPLES} samples on {cores} core(s): metrics {metrics:.1f} s (limit {SECONDS} on 2), "
        f"sampling {report.provenance['sampling_seconds']:.1f} s{page}\n"
        f"peak resident memory {after:.2f} GB (limit {GIGABYTES:g}), of which {before:.2f} before the evaluation"
    )


def peak() -> float:
    """Largest resident memory of this process so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def test_metrics(tmp_path):
    import tensorflow_datasets as tfds

    import skazoo.datasets  # noqa: F401  the builder

    if not tfds.builder(_CONFIG).is_prepared():
        pytest.skip(f"{_CONFIG} is not prepared: skazoo data build toy_64")
    # in a process of its own: the peak of memory is then that of one evaluation
    done = subprocess.run([sys.executable, __file__, tmp_path / "report"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    print("\n" + done.stdout.strip())


if __name__ == "__main__":
    print(measure(*sys.argv[1:]))
