"""Overlapping tiles: exact where they must be, seamless where they can be."""

import resource
import time

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import Diffusion
from skazoo.mappers.tiling import tile_starts, tile_weights, tiled

SIZES = [(64, 64, 16), (100, 64, 16), (113, 32, 8), (40, 32, 24), (70, 32, 30), (65, 64, 0), (1024, 64, 16)]


@pytest.mark.parametrize("pixels, tile, overlap", SIZES)
def test_weights_are_a_partition_of_unity(pixels, tile, overlap):
    starts = tile_starts(pixels, tile, overlap)
    assert starts[0] == 0 and starts[-1] == pixels - tile
    assert np.all(np.diff(starts) <= tile - overlap) and np.all(np.diff(starts) > 0)
    weights = tile_weights(pixels, tile, starts)
    total = np.zeros(pixels)
    for start, one in zip(starts, weights, strict=True):
        total[start : start + tile] += one
    assert np.abs(total - 1).max() < 1e-7 and weights.min() >= 0
    if 0 < overlap <= tile // 2 and len(starts) > 1:
        assert np.abs(np.diff(weights[0])).max() < np.pi / overlap  # smooth: no step where a tile ends
        assert weights[0, -1] == 0 and weights[1, 0] == 0


@pytest.mark.parametrize("height, width", [(32, 32), (50, 70), (20, 33), (33, 97)])
def test_a_pixelwise_function_does_not_notice(height, width):
    """With a local denoiser tiled = untiled, whatever the sizes and however the tiles fall into batches."""

    def denoise(x, sigma, source):
        sigma = np.reshape(sigma, (-1, 1, 1, 1))
        return (x + sigma**2 * np.tanh(source.sum(-1, keepdims=True))) / (1 + sigma**2)

    rng = np.random.default_rng(0)
    x, source = rng.normal(size=(3, height, width, 1)), rng.normal(size=(3, height, width, 2))
    sigma = np.array([0.1, 1.0, 10.0])
    for batch in (1, 5, 64):
        found = tiled(denoise, 32, 8, batch)(x, sigma, source)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, denoise(x, sigma, source), rtol=1e-6, atol=1e-6)


def test_memory_is_bounded_and_one_shape_serves():
    shapes = set()

    def spy(x):
        shapes.add(x.shape)
        return x

    tiled(spy, 16, 4, batch=7)(np.ones((2, 60, 40, 1), np.float32))
    assert shapes == {(7, 16, 16, 1)}


def smoothing(size, reach=2.0):
    """Fourier transform of the covariance of a field with short correlation, on a periodic grid; unit variance."""
    k = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]) * 2 * np.pi
    power = np.exp(-0.5 * (k * reach) ** 2) + 1e-3
    return power / power.mean()


def gaussian_denoiser(x, sigma):
    """E[y | x] for that field: a filter of its own in every tile, as exact as a tile allows."""
    power = smoothing(x.shape[1])[None, :, :, None]
    sigma = np.reshape(sigma, (-1, 1, 1, 1))
    return np.fft.ifft2(np.fft.fft2(x, axes=(1, 2)) * power / (power + sigma**2), axes=(1, 2)).real


def samples(denoise, noise, steps=30):
    from skazoo.mappers.samplers import SAMPLERS

    integrate, levels = SAMPLERS["multistep"]
    sigmas = levels(steps, 0.01, 20.0)
    return integrate(lambda x, sigma: denoise(x, np.full(len(x), sigma)), noise * sigmas[0], sigmas)


def test_no_seams():
    """Gradients across the seams of samples have the variance that they have elsewhere, and that of the field."""
    n, tile, overlap = 128, 32, 16
    noise = np.random.default_rng(1).normal(size=(16, n, n, 1))
    whole = np.asarray(samples(gaussian_denoiser, noise))[..., 0]
    drawn = np.asarray(samples(tiled(gaussian_denoiser, tile, overlap, 256), noise))[..., 0]
    inner = np.s_[:, 16:-16, 16:-16]  # the whole map is periodic and its tiles are not: its own frame differs
    assert np.sqrt(np.mean(np.square(drawn - whole)[inner])) < 3e-3
    starts = tile_starts(n, tile, overlap)
    edges = np.unique(np.concatenate([starts[1:], starts[:-1] + tile]))  # pixel after each edge of a tile
    steps = np.square(np.diff(drawn, axis=2)).mean(axis=(0, 1))  # at pixel i: between i and i + 1
    steps = 0.5 * (steps + np.square(np.diff(drawn, axis=1)).mean(axis=(0, 2)))
    seam = np.isin(np.arange(n - 1), edges - 1)
    seam[[0, -1]] = False
    inside = ~seam
    inside[:8] = inside[-8:] = False  # the frame of the whole map is another matter
    error = steps[inside].std() * np.sqrt(1 / seam.sum() + 1 / inside.sum())
    assert abs(steps[seam].mean() - steps[inside].mean()) < 3 * error
    covariance = np.fft.ifft2(smoothing(n)).real
    expected = 2 * (covariance[0, 0] - covariance[0, 1])
    assert steps[inside].mean() == pytest.approx(expected, rel=0.05)
    # without an overlap the seams are plain to see: the test can tell
    apart = np.asarray(samples(tiled(gaussian_denoiser, tile, 0, 256), noise[:4]))[..., 0]
    across = np.square(np.diff(apart, axis=2)).mean(axis=(0, 1))[tile_starts(n, tile, 0)[1:] - 1]
    assert across.mean() > 2 * expected


def plain(**more):
    return Diffusion("a", "b", 16, transforms={"a": Affine(), "b": Affine()}, width=8, multipliers=(1, 2), **more)


def test_mapper_samples_by_tiles():
    """One tile gives what no tiles give; several give a finite map of the whole size with the same noise."""
    mapper = plain()
    rng = np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.05 * rng.normal(size=variable.shape).astype(np.float32))
    source = rng.normal(size=(2, 16, 16, 1)).astype(np.float32)
    whole = mapper.sample(source, 2, steps=4)
    np.testing.assert_allclose(mapper.sample(source, 2, steps=4, tile=16, overlap=8), whole, rtol=1e-4, atol=1e-4)
    large = np.tile(source, (1, 2, 3, 1))[:, :, :40]
    drawn = mapper.sample(large, 2, steps=4, tile=16, overlap=8)
    assert drawn.shape == (2, 2, 32, 40, 1) and np.all(np.isfinite(drawn))
    alone = mapper.sample(large[[1]], 2, rows=[1], steps=4, tile=16, overlap=8)
    np.testing.assert_allclose(drawn[:, 1], alone[:, 0], rtol=1e-4, atol=1e-4)


def test_refused():
    with pytest.raises(ParameterError, match="overlap"):
        tiled(lambda x: x, 16, 16)
    with pytest.raises(ParameterError, match="multiple of 2"):
        plain().sample(np.zeros((1, 32, 32, 1)), 1, steps=2, tile=15, overlap=4)


@pytest.mark.slow
def test_a_map_of_1024_pixels():
    mapper = plain(stem=2)
    source = np.random.default_rng(0).normal(size=(1, 1024, 1024, 1)).astype(np.float32)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    drawn = mapper.sample(source, 1, steps=6, tile=64, overlap=16)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"1024 x 1024 by tiles of 64: {seconds:.1f} s for 6 steps, {grown:.0f} MB more memory")
    assert drawn.shape == (1, 1, 1024, 1024, 1) and np.all(np.isfinite(drawn))
    # an untrained network is the linear denoiser of white noise of unit variance: known mean and deviation
    assert abs(drawn.mean()) < 5e-3 and drawn.std() == pytest.approx(1.0, abs=0.2)
