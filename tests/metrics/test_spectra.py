import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.maps import Map
from skazoo.metrics import cross_correlation, cross_spectrum, power_spectrum, transfer_function, wavenumber_bins


@pytest.fixture
def maps():
    return np.random.default_rng(0).lognormal(size=(3, 32, 32))


def test_parseval(maps):
    scale = 0.7
    _, p = power_spectrum(maps, scale, window=None, corner_modes=True)
    bins = wavenumber_bins((32, 32), scale, corner_modes=True)
    assert bins.modes.sum() == 32 * 32 - 1
    np.testing.assert_allclose(p @ bins.modes / (32 * scale) ** 2, maps.var(axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize("window", [None, "hann"])
def test_white_noise_is_flat_at_sigma_squared_pixel_squared(window):
    noise = 3.0 * np.random.default_rng(1).standard_normal((400, 32, 32))
    k, p = power_spectrum(noise, 0.5, window=window)
    modes = wavenumber_bins((32, 32), 0.5).modes
    expected, error = 9.0 * 0.5**2, 9.0 * 0.5**2 * np.sqrt(2 * 3 / (modes * 400))  # 3: neighbours under the window
    # the mean that is subtracted costs the window's lowest ring a little of its power
    first = 1 if window else 0
    assert np.all(np.abs(p.mean(axis=0) - expected)[first:] < 5 * error[first:])


def test_scaling_the_map_scales_the_power_and_not_the_correlation(maps):
    _, p = power_spectrum(maps, 1.0)
    _, scaled = power_spectrum(5.0 * maps, 1.0)
    np.testing.assert_allclose(scaled, 25 * p, rtol=1e-12)
    np.testing.assert_allclose(transfer_function(5.0 * maps, maps, 1.0)[1], 5.0, rtol=1e-12)
    np.testing.assert_allclose(cross_correlation(5.0 * maps, maps, 1.0)[1], 1.0, rtol=1e-12)
    np.testing.assert_allclose(cross_correlation(-maps, maps, 1.0)[1], -1.0, rtol=1e-12)


def test_a_plane_wave_has_its_power_in_its_bin():
    size, scale, cycles = 32, 2.0, 5
    wave = np.cos(2 * np.pi * cycles * np.arange(size) / size)[None, :] * np.ones((size, 1))
    k, p = power_spectrum(wave, scale, window=None)
    bins = wavenumber_bins((size, size), scale)
    assert np.argmax(p[0]) == cycles - 1
    assert bins.edges[cycles - 1] < 2 * np.pi * cycles / (size * scale) < bins.edges[cycles]
    assert p[0, cycles - 1] * bins.modes[cycles - 1] / (size * scale) ** 2 == pytest.approx(0.5)
    assert np.delete(p[0], cycles - 1).max() < 1e-20


def test_agreement_with_powerbox(maps):
    powerbox = pytest.importorskip("powerbox")
    scale = 0.35
    bins = wavenumber_bins((32, 32), scale)
    k, p = power_spectrum(maps, scale, window=None)
    for row, image in zip(p, maps, strict=True):
        found = powerbox.get_power(image - image.mean(), 32 * scale, bins=bins.edges, ignore_zero_mode=True)
        np.testing.assert_allclose(row, found.power, rtol=1e-6)
        np.testing.assert_allclose(k, found.bin_avg, rtol=1e-6)


def test_cross_power_agrees_with_powerbox(maps):
    powerbox = pytest.importorskip("powerbox")
    edges = wavenumber_bins((32, 32), 1.0).edges
    a, b = maps[0] - maps[0].mean(), maps[1] - maps[1].mean()
    found = powerbox.get_power(a, 32.0, deltax2=b, bins=edges, ignore_zero_mode=True, remove_shotnoise=False)
    np.testing.assert_allclose(cross_spectrum(maps[0], maps[1], 1.0, window=None)[1][0], found.power, rtol=1e-6)


def test_bins_stop_below_nyquist_and_logarithmic_ones_hold_enough_modes():
    k, _ = power_spectrum(np.random.default_rng(0).normal(size=(64, 64)), 0.5)
    assert len(k) == 31 and k[-1] < np.pi / 0.5
    bins = wavenumber_bins((64, 64), 0.5, bins=20)
    assert bins.modes.min() >= 8 and np.all(np.diff(bins.k) > 0) and bins.edges[-1] == pytest.approx(np.pi / 0.5)


def test_units_are_carried_and_converted(maps):
    unit = u.Msun / u.kpc**2
    k, p = power_spectrum(maps * unit, 500 * u.pc)
    assert k.unit == 1 / u.kpc and p.unit == unit**2 * u.kpc**2
    np.testing.assert_allclose(p.value, power_spectrum(maps, 0.5)[1], rtol=1e-12)
    _, t = transfer_function((maps * unit).to(u.Msun / u.pc**2), maps * unit, 1.0)
    np.testing.assert_allclose(t, 1.0)
    assert cross_spectrum(maps * unit, maps * u.K, 1.0)[1].unit == unit * u.K * u.kpc**2


def test_map_objects_bring_their_scale(maps):
    unit = u.Msun / u.kpc**2
    group = [Map(one, unit, "hi", 0.5 * u.kpc) for one in maps]
    np.testing.assert_allclose(power_spectrum(group)[1].value, power_spectrum(maps, 0.5)[1])
    with pytest.raises(ParameterError, match="pixel scales differ"):
        transfer_function(group, [Map(one, unit, "hi", 0.6 * u.kpc) for one in maps])
    with pytest.raises(ParameterError, match="mixes units"):
        power_spectrum([group[0], Map(maps[0], u.K, "temperature", 0.5 * u.kpc)])


def test_constant_and_empty_maps_have_no_power_and_undefined_ratios(maps):
    flat = np.full((2, 32, 32), 0.1)
    assert np.all(power_spectrum(flat, 1.0)[1] == 0)
    assert np.isnan(cross_correlation(flat, maps[:2], 1.0)[1]).all()
    assert np.isnan(transfer_function(maps[:2], np.zeros((2, 32, 32)), 1.0)[1]).all()
    assert np.all(transfer_function(flat, maps[:2], 1.0)[1] == 0)


def test_a_pixel_that_is_not_finite_is_not_averaged_away(maps):
    maps[1, 3, 4] = np.nan
    p = power_spectrum(maps, 1.0)[1]
    assert np.isnan(p[1]).all() and np.isfinite(p[[0, 2]]).all()


def test_mistakes_are_named(maps):
    for message, call in {
        "pixel_scale": lambda: power_spectrum(maps, 0.0),
        "pixel_scale must be one length": lambda: power_spectrum(maps, 1 * u.s),
        "pixel_scale is missing": lambda: power_spectrum(maps),
        "window": lambda: power_spectrum(maps, 1.0, window="box"),
        "bins must be": lambda: power_spectrum(maps, 1.0, bins="log"),
        "increasing": lambda: power_spectrum(maps, 1.0, bins=[2.0, 1.0]),
        "hold no Fourier mode": lambda: power_spectrum(maps, 1.0, bins=[0.2, 0.2001, 0.3]),
        "maps must be|a must be": lambda: power_spectrum(maps[0, 0], 1.0),
        "they must agree": lambda: cross_spectrum(maps, maps[:, :16], 1.0),
        "give as many, or one": lambda: cross_spectrum(maps, maps[:2], 1.0),
        "only one of truth and sample": lambda: transfer_function(maps * u.K, maps, 1.0),
        "does not convert": lambda: transfer_function(maps * u.K, maps * u.G, 1.0),
        "too small": lambda: power_spectrum(maps[:, :2, :2], 1.0),
    }.items():
        with pytest.raises(ParameterError, match=message):
            call()
