"""The beam that generated telescope maps are seen through."""

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter

from skazoo.mappers.beam import beam_noise, convolve_beam, log_uniform


def convolved(maps, fwhm):
    return ops.convert_to_numpy(convolve_beam(ops.array(maps), fwhm))


def test_a_point_becomes_the_beam():
    """Half the peak at half the width from the centre, and the flux as before."""
    point = np.zeros((1, 33, 41, 1), np.float32)
    point[0, 16, 20] = 5.0
    seen = convolved(point, 4.0)[0, :, :, 0]
    peak = seen[16, 20]
    assert seen.max() == peak == pytest.approx(5.0 * 4 * np.log(2) / (np.pi * 4.0**2), rel=1e-3)
    assert np.allclose([seen[14, 20], seen[18, 20], seen[16, 18], seen[16, 22]], peak / 2, rtol=1e-4)
    assert seen.sum() == pytest.approx(5.0, rel=1e-4)


def test_as_scipy_away_from_the_edges():
    maps = np.random.default_rng(0).normal(size=(2, 40, 36, 2)).astype(np.float32)
    width = 3.0 / np.sqrt(8 * np.log(2))
    expected = gaussian_filter(maps, (0, width, width, 0), truncate=8)
    assert np.allclose(convolved(maps, 3.0)[:, 8:-8, 8:-8], expected[:, 8:-8, 8:-8], atol=1e-5)


def test_even_maps_stay_even():
    assert np.allclose(convolved(np.full((1, 7, 5, 1), 3.0, np.float32), 4.0), 3.0, atol=1e-5)


def test_noise_of_a_natural_image():
    """Unit variance in every pixel, and a correlation that is the beam itself: the transform of its power spectrum."""
    white = np.random.default_rng(0).normal(size=(6000, 16, 12, 1)).astype(np.float32)
    noise = ops.convert_to_numpy(beam_noise(ops.array(white), 4.0))[..., 0]
    assert np.allclose(noise.var(axis=0), 1.0, atol=0.08)
    for step in (1, 2, 3):
        correlation = np.mean(noise[:, 5:-5] * noise[:, 5 + step : 11 + step])
        assert correlation == pytest.approx(2.0 ** (-4 * (step / 4.0) ** 2), abs=0.01)
    assert ops.convert_to_numpy(beam_noise(ops.array(white[:2]), 0.0)) == pytest.approx(white[:2])


def test_logarithms_are_uniform():
    normal = np.random.default_rng(0).normal(size=20000).astype(np.float32)
    logs = np.log(ops.convert_to_numpy(log_uniform(ops.array(normal), 2.0, 32.0)) / 2.0) / np.log(16.0)
    assert np.allclose(np.quantile(logs, [0.0, 0.25, 0.5, 0.75, 1.0]), [0.0, 0.25, 0.5, 0.75, 1.0], atol=0.02)
