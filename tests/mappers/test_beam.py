"""The beam that generated telescope maps are seen through."""

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter

from skazoo.mappers.beam import convolve_beam


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
