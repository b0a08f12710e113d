import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import (
    floor_fraction,
    half_mass_radius,
    log_pixel_distance,
    log_pixel_histogram,
    radial_profile,
    threshold_radius,
    total,
    total_bias,
)
from skazoo.metrics.one_point import wasserstein_of_histograms
from skazoo.metrics.profiles import fraction_radius

UNIT = u.Msun / u.kpc**2


def disc(size=64, length=6.0, peak=1e7):
    place = np.arange(size) - (size - 1) / 2
    return peak * np.exp(-np.hypot(place[:, None], place[None, :]) / length)


def test_a_factor_of_ten_is_one_dex_in_distance_and_bias():
    maps = np.random.default_rng(0).lognormal(3, 1, size=(3, 16, 16))
    assert log_pixel_distance(10 * maps, maps, 1e-6) == pytest.approx(1.0)
    np.testing.assert_allclose(total_bias(10 * maps, maps), 1.0)
    assert log_pixel_distance(maps * UNIT, (maps * UNIT).to(u.kg / u.m**2), 1e-20 * u.kg / u.m**2) < 1e-9


def test_the_distance_of_histograms_is_that_of_the_pixels():
    rng = np.random.default_rng(1)
    a, b = 10 ** rng.normal(3, 0.5, (4, 16, 16)), 10 ** rng.normal(3.4, 0.7, (4, 16, 16))
    edges = np.arange(0, 7, 0.01)
    counts = [np.histogram(np.log10(one), edges)[0] for one in (a, b)]
    assert wasserstein_of_histograms(*counts, edges) == pytest.approx(log_pixel_distance(a, b, 1.0), abs=0.01)


def test_pixels_at_the_floor_are_counted_and_leave_the_density():
    maps = np.full((2, 4, 4), 1e5)
    maps[0, :2] = 0.0
    np.testing.assert_allclose(floor_fraction(maps, 100.0), [0.5, 0.0])
    edges = np.linspace(2, 7, 51)
    density = log_pixel_histogram(maps, 100.0, edges)
    assert np.sum(density * np.diff(edges)) == pytest.approx(0.75)


def test_total_is_mass_and_bias_of_an_empty_map_is_undefined():
    maps = disc()[None] * UNIT
    assert total(maps, 500 * u.pc).unit == u.Msun
    assert total(maps, 500 * u.pc)[0].value == pytest.approx(disc().sum() * 0.25)
    assert np.isnan(total_bias(np.zeros((1, 8, 8)), np.ones((1, 8, 8)))).all()
    assert np.isnan(total_bias(np.ones((1, 8, 8)), np.zeros((1, 8, 8)))).all()


def test_radial_profile_of_an_exponential_disc():
    radius, profile = radial_profile(disc() * UNIT, 0.5 * u.kpc)
    assert radius.unit == u.kpc and profile.unit == UNIT and profile.shape == (1, 12)
    # the mean over a ring of width w is above the value at its mean radius by about w^2 / 24 h^2
    np.testing.assert_allclose(profile[0, 1:-3].value, 1e7 * np.exp(-radius[1:-3].value / 3.0), rtol=0.02)
    fine = radial_profile(disc() * UNIT, 0.5 * u.kpc, bins=30)[1][0, -5:].value
    np.testing.assert_allclose(fine, 1e7 * np.exp(-radial_profile(disc(), 0.5, bins=30)[0][-5:] / 3.0), rtol=0.02)


def test_half_mass_and_threshold_radius_of_an_exponential_disc():
    maps = disc(length=4.0)
    assert half_mass_radius(maps, 0.5)[0] == pytest.approx(1.678 * 4.0 * 0.5, rel=0.02)
    scaled = half_mass_radius(np.stack([maps, 7 * maps]), 0.5 * u.kpc)
    np.testing.assert_allclose(scaled.to_value(u.kpc), half_mass_radius(maps, 0.5)[0])
    found = threshold_radius(maps * UNIT, 1e5 * UNIT, 0.5 * u.kpc)
    assert found[0].to_value(u.kpc) == pytest.approx(4.0 * 0.5 * np.log(100), rel=0.02)


def test_a_uniform_disc_holds_half_its_mass_within_r_over_root_two():
    place = np.arange(101) - 50
    maps = (np.hypot(place[:, None], place[None, :]) <= 40).astype(float)
    assert half_mass_radius(maps, 1.0)[0] == pytest.approx(40 / np.sqrt(2), rel=0.02)


def test_radii_of_empty_faint_and_overfull_maps():
    assert np.isnan(half_mass_radius(np.zeros((2, 8, 8)), 1.0)).all()
    assert threshold_radius(np.zeros((1, 32, 32)), 1.0, 1.0)[0] == 0
    assert np.isnan(threshold_radius(np.full((1, 32, 32), 5.0), 1.0, 1.0)[0])


def test_mistakes_are_named():
    maps = np.ones((1, 8, 8))
    for message, call in {
        "floor must be positive": lambda: floor_fraction(maps, 0.0),
        "only one of maps and floor": lambda: floor_fraction(maps, 1.0 * UNIT),
        "does not convert": lambda: log_pixel_distance(maps * u.K, maps * UNIT, 1.0),
        "fraction must lie": lambda: fraction_radius(maps, 1.0, 50),
        "only one of threshold and maps": lambda: threshold_radius(maps, 1.0 * UNIT, 1.0),
        "too small for a radial profile": lambda: radial_profile(maps[:, :4, :4], 1.0),
        "without counts": lambda: wasserstein_of_histograms([0, 0], [1, 0], [0, 1, 2]),
    }.items():
        with pytest.raises(ParameterError, match=message):
            call()
