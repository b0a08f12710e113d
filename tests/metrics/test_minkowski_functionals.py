import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import gaussian_minkowski, minkowski


def gaussian_field(count=12, size=128, width=4.0, seed=0):
    """Periodic Gaussian fields of unit variance, smooth over `width` pixels, and their tau."""
    k = np.hypot(*np.meshgrid(*(2 * np.pi * np.fft.fftfreq(size),) * 2, indexing="ij"))
    amplitude = np.exp(-0.5 * (k * width) ** 2)
    amplitude /= np.sqrt(np.mean(amplitude**2))
    white = np.random.default_rng(seed).standard_normal((count, size, size))
    return np.fft.ifft2(np.fft.fft2(white) * amplitude).real, np.mean(0.5 * (k * amplitude) ** 2)


def test_a_gaussian_field_has_the_analytic_functionals():
    fields, tau = gaussian_field()
    thresholds = np.linspace(-2.5, 2.5, 11)
    found, expected = minkowski(fields, thresholds), gaussian_minkowski(thresholds, tau)
    for functional, theory in zip(found, expected, strict=True):
        error = functional.std(axis=0) / np.sqrt(len(fields))
        gap = np.abs(functional.mean(axis=0) - theory)
        assert np.all(gap < 4 * error + 0.03 * np.abs(theory).max())


def test_a_disc_has_its_own_area_border_and_euler_number():
    radius = np.hypot(*np.meshgrid(*(np.arange(101) - 50.0,) * 2))
    thresholds = np.linspace(-30.37, -10.37, 5)  # of minus the radius: discs
    area, border, euler = minkowski(-radius, thresholds)[:, 0] * 99**2
    np.testing.assert_allclose(area, np.pi * thresholds**2, rtol=0.02)
    np.testing.assert_allclose(4 * border, -2 * np.pi * thresholds, rtol=0.02)
    np.testing.assert_allclose(euler, 1, rtol=0.02)
    np.testing.assert_allclose(minkowski(radius, -thresholds[::-1])[2, 0] * 99**2, -1, rtol=0.02)  # holes


def test_constant_maps_have_no_border_and_broken_ones_no_numbers():
    maps = np.ones((2, 16, 16))
    maps[1, 3, 3] = np.nan
    found = minkowski(maps, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(found[:, 0], [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert np.isnan(found[:, 1]).all()
    with pytest.raises(ParameterError, match="increasing"):
        minkowski(maps, [1.0, 0.5])
