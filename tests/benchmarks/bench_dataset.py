"""Time to the first batch, and the rate of reading, of a prepared toy set.

    skazoo data build toy_64
    pytest tests/benchmarks/bench_dataset.py -m benchmark -s

The set is looked for where `tfds.load` looks (TFDS_DATA_DIR or ~/tensorflow_datasets); first batches are timed in fresh
processes, imports included, and everything with the files in the page cache.
"""

import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.benchmark
_CONFIG = "ska_tng/toy_64"
_FIRST = f"""
import tensorflow_datasets as tfds
from skazoo.datasets import pairs
source, target = next(iter(pairs(tfds.load("{_CONFIG}", split="train"), "dark_matter", "hi", batch_size=32)))
print(source.shape, target.shape)
"""


@pytest.fixture(scope="module")
def prepared():
    import tensorflow_datasets as tfds

    import skazoo.datasets  # noqa: F401  the builder

    builder = tfds.builder(_CONFIG)
    if not builder.is_prepared():
        pytest.skip(f"{_CONFIG} is not prepared: skazoo data build toy_64")
    return builder


def test_first_batch(prepared):
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", _FIRST], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    print(f"\nfirst batch of pairs, imports included: {np.median(seconds):.1f} s (median of {len(seconds)})")
    assert np.median(seconds) <= 8


@pytest.mark.parametrize("batch_size", [None, 32])
def test_reading(prepared, batch_size):
    import tensorflow_datasets as tfds

    rates = []
    for _ in range(3):
        # file names in their order: reading, not shuffling, is what is timed
        ds = prepared.as_dataset(split="train", batch_size=batch_size)
        start, read = time.perf_counter(), 0
        for example in tfds.as_numpy(ds):
            read += sum(np.asarray(value).nbytes for value in _leaves(example))
        rates.append(read / (time.perf_counter() - start) / 1e6)
    print(f"\nreading, batch size {batch_size}: {np.median(rates):.0f} MB/s of decoded arrays (median of {len(rates)})")
    assert np.median(rates) >= 400


def _leaves(example):
    for value in example.values():
        yield from _leaves(value) if isinstance(value, dict) else (value,)
