"""Seconds to sample a batch of 16 maps of 64 x 64: PixelCNN cached and naive, and Glow; the limits are issue 8's.

    pytest -m benchmark -s tests/benchmarks/bench_sampling.py

The naive loop runs the whole network once for every pixel; some of its passes are timed, and all counted.
"""

import time

import numpy as np
import pytest

SIZE, BATCH, PASSES = 64, 16, 10


def seconds(call, times: int = 3) -> float:
    call()  # compiles
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def dark_matter() -> np.ndarray:
    return 10 ** np.random.default_rng(0).normal(7, 0.5, (BATCH, SIZE, SIZE, 1)).astype("f4")


@pytest.mark.benchmark
def test_pixelcnn_samples_with_cached_activations():
    from skazoo.mappers import PixelCNN
    from skazoo.mappers.backend import compiled

    mapper = PixelCNN("dark_matter", "hi", SIZE, width=48, features=32, source_width=32, stem=2)
    source = dark_matter()
    cached = seconds(lambda: mapper.sample(source, 1))
    maps = mapper.source_transform.forward(source)

    def parameters(target, source):
        return mapper._parameters(target, mapper.encoder(source))

    one_pass = compiled(parameters, mapper)
    naive = SIZE**2 * seconds(lambda: np.asarray(one_pass(maps, maps)), PASSES)
    print(f"\nPixelCNN {mapper.count_params():,} parameters: {cached:.1f} s cached, {naive:.0f} s naive")
    assert cached <= 40 and naive >= 20 * cached


@pytest.mark.benchmark
def test_glow_samples_in_one_pass():
    from skazoo.mappers import Glow

    mapper = Glow("dark_matter", "hi", SIZE, levels=3, steps=6, width=72, features=32)
    spent = seconds(lambda: mapper.sample(dark_matter(), 1))
    print(f"\nGlow {mapper.count_params():,} parameters: {spent:.2f} s")
    assert spent <= 1
