"""Observing: the fast path against the visibilities, seeds, units, the cache, and what is refused."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import Planck15
from astropy.io import fits

from skazoo.errors import ObservationError, ParameterError
from skazoo.maps.map import Map
from skazoo.telescope import Array, Observation, image
from skazoo.telescope import response as response_module

SHORT = dict(hours_per_night=1, integration=600 * u.s)
CONFIGURATIONS = {
    "mid briggs": dict(array="ska-mid-aa1", pixel_scale=8 * u.arcsec, taper=26 * u.arcsec, hours_per_night=6),
    "mid natural": dict(
        array="ska-mid-aa2", pixel_scale=2 * u.arcsec, taper=9 * u.arcsec, weighting="natural", **SHORT
    ),
    "low uniform": dict(
        array="ska-low-aa2", redshift=5.0, pixel_scale=30 * u.arcsec, taper=100 * u.arcsec, weighting="uniform", **SHORT
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_fast_path_equals_visibilities(name, blobs):
    seen = Observation(npix=48, w_term=False, **CONFIGURATIONS[name])
    fast = seen.observe(blobs, seed=None).dirty.data
    slow = seen.observe(blobs, seed=None, method="visibilities").dirty.data
    assert np.linalg.norm(fast - slow) <= 1e-5 * np.linalg.norm(slow)
    # the two differ from the sky mirrored in either axis: the orientation is that of the coverage
    mirrored = seen.observe(blobs[:, ::-1], seed=None, method="visibilities").dirty.data[:, ::-1]
    assert np.linalg.norm(fast - mirrored) > 1e-3 * np.linalg.norm(slow)


def test_w_changes_little_where_it_is_left_out(small, blobs):
    """Up to 0.1 turns at the corner w, corrected for in imaging, changes the dirty image by less than 0.1 %."""
    assert small.response.facts["w_turns"] < 0.1 and not small.uses_w
    without = small.observe(blobs, seed=None).dirty.data
    included = Observation(
        small.array,
        npix=48,
        pixel_scale=8 * u.arcsec,
        taper=25 * u.arcsec,
        hours_per_night=4,
        integration=600 * u.s,
        w_term=True,
    )
    assert included.uses_w and included.metadata["w_term"] == "included"
    with_w = included.observe(blobs, seed=None).dirty.data
    assert 0 < np.linalg.norm(with_w - without) < 1e-3 * np.linalg.norm(with_w)


def test_a_point_of_1_jy_peaks_at_1(small):
    sky = np.zeros((48, 48))
    sky[24, 24] = 1
    dirty = small.observe(sky * u.Jy / u.pix, seed=None).dirty
    assert dirty.unit == u.Jy / u.beam
    assert dirty.data[24, 24] == pytest.approx(1, abs=1e-3)
    assert dirty.data.max() == dirty.data[24, 24]
    np.testing.assert_allclose(dirty.data, small.psf[24:72, 24:72], atol=1e-6)


def test_units_agree(small, blobs):
    """K, mK, Jy/pixel and Jy/sr are one sky: 2 k nu^2 / c^2 times the pixel."""
    reference = small.observe(blobs, seed=None).dirty.data
    pixel = small.pixel_scale**2
    jansky = blobs.to(u.Jy / u.sr, u.brightness_temperature(small.frequency))
    for same in (blobs.to(u.mK), jansky, (jansky * pixel.to(u.sr)).to(u.Jy) / u.pix):
        np.testing.assert_allclose(small.observe(same, seed=None).dirty.data, reference, rtol=1e-5)


def test_kelvin_per_jansky(small):
    """T = 1.222e6 S / (nu^2 bmaj bmin), GHz and arcsec."""
    major, minor, _ = small.beam.values
    expected = 1.222e6 / (small.frequency.to_value(u.GHz) ** 2 * major * minor)
    assert small.kelvin_per_jy_beam == pytest.approx(expected, rel=1e-3)
    # a smooth sky keeps its temperature: the dirty image of a broad bump, in K, peaks at the bump's value
    row, column = np.mgrid[:48, :48] - 24
    bump = np.exp(-(row**2 + column**2) / (2 * 3.0**2)) * u.K
    seen = small.observe(bump, seed=None)
    assert seen.brightness_temperature.unit == u.K
    np.testing.assert_allclose(seen.brightness_temperature.data, seen.dirty.data * small.kelvin_per_jy_beam, rtol=1e-5)


def test_seed_and_id_make_the_noise(small, blobs):
    one = small.observe(blobs, seed=3, ids="galaxy 7").dirty.data
    np.testing.assert_array_equal(one, small.observe(blobs, seed=3, ids="galaxy 7").dirty.data)
    for seed, name in ((4, "galaxy 7"), (3, "galaxy 8")):
        other = small.observe(blobs, seed=seed, ids=name).dirty.data
        assert abs(np.corrcoef((one - other).ravel(), one.ravel())[0, 1]) < 1
        assert np.std(one - other) == pytest.approx(np.sqrt(2) * small.noise_rms.value, rel=0.2)
    batch = small.observe(np.stack([blobs, blobs]), seed=3, ids=["galaxy 8", "galaxy 7"])
    np.testing.assert_array_equal(batch[1].dirty.data, one)
    default = small.observe(np.stack([blobs, blobs]), seed=3)
    np.testing.assert_array_equal(default[0].dirty.data, small.observe(blobs, seed=3).dirty.data)
    assert (default[0].dirty.data != default[1].dirty.data).any()


def test_a_map_brings_its_id_and_keeps_its_facts(small, blobs):
    sky = Map(blobs.value.astype(np.float32), u.K, "brightness_temperature", small.pixel_kpc * u.kpc, {"id": "TNG 12"})
    seen = small.observe(sky, seed=1)
    np.testing.assert_array_equal(
        seen.dirty.data, small.observe(blobs.astype(np.float32), seed=1, ids="TNG 12").dirty.data
    )
    assert seen.dirty.metadata["id"] == "TNG 12" and seen.id == "TNG 12"
    assert seen.dirty.metadata["noise_rms"] == pytest.approx(seen.noise_rms.value)
    assert seen.dirty.data.dtype == np.float32


def test_noise_falls_with_the_root_of_time_and_width(small):
    assert (small.with_hours(400).noise_rms / small.noise_rms).value == pytest.approx(0.5)
    assert small.with_hours(400).response is small.response
    assert (small.with_channel_width(12.5 * u.kHz).noise_rms / small.noise_rms).value == pytest.approx(2)
    velocity = small.with_channel_width(10 * u.km / u.s)
    assert velocity.channel_width.to_value(u.kHz) == pytest.approx(1420.40575 / 1.01 * 10 / 299792.458 * 1e3, rel=1e-6)


def test_noise_of_aa4_is_skaos():
    """Natural, 8 h, 50 kHz at 1.35 GHz: 31.7 uJy/beam, and the beam's taper costs what the weights say."""
    seen = Observation(
        redshift=0.05, npix=16, pixel_scale=4 * u.arcsec, weighting="natural", taper=16 * u.arcsec, hours=8
    )
    assert seen.receivers.natural_rms(50 * u.kHz, 8 * u.h) * 1e6 == pytest.approx(31.7, rel=0.03)
    assert seen.noise_rms.value > seen.receivers.natural_rms(50 * u.kHz, 8 * u.h)


def test_visibilities_image_to_the_dirty_map(small, blobs):
    seen = small.observe(blobs, seed=5, method="visibilities")
    vis = seen.visibilities()
    flipped = vis.uvw * [-1, 1, 1]
    dirty = image(vis.data, flipped, vis.frequency, 48, small.pixel_scale, vis.weights, w_term=False)
    np.testing.assert_allclose(dirty, seen.dirty.data, atol=1e-6 * np.abs(dirty).max())
    residual = vis.data - small.visibilities(blobs, seed=None).data
    assert np.std((residual / vis.sigma).real) == pytest.approx(1, rel=0.05)
    assert np.std((residual / vis.sigma).imag) == pytest.approx(1, rel=0.05)
    strength = np.sqrt(small.receivers.sefd / small.receivers.efficiency)
    time = (vis.integration * vis.channel_width).to_value(1)
    np.testing.assert_allclose(vis.sigma, strength[vis.p] * strength[vis.q] / (2 * np.sqrt(time)), rtol=1e-9)


def test_fits(small, blobs, tmp_path):
    path = small.observe(blobs, seed=0).to_fits(tmp_path / "dirty.fits")
    header = fits.getheader(path)
    major, minor, angle = small.beam.values
    assert header["BUNIT"] == "Jy beam-1" and header["TELESCOP"] == "small"
    assert (header["BMAJ"], header["BMIN"], header["BPA"]) == pytest.approx((major / 3600, minor / 3600, angle))
    assert header["CDELT2"] == pytest.approx(8 / 3600) and header["RESTFRQ"] == pytest.approx(1420405751.768)


def test_kpc_become_arcseconds():
    seen = Observation("ska-mid-aa1", redshift=0.05, npix=16, pixel_scale=2 * u.kpc, **SHORT)
    per_kpc = Planck15.arcsec_per_kpc_proper(0.05)
    assert seen.pixel_scale.to_value(u.arcsec) == pytest.approx((2 * u.kpc * per_kpc).to_value(u.arcsec), rel=1e-9)
    assert seen.pixel_kpc == 2


def test_cache_survives_and_heals(small_array, blobs, monkeypatch, tmp_path):
    def observe():
        monkeypatch.setattr(response_module, "_MEMORY", {})
        seen = Observation(small_array, npix=32, pixel_scale=8 * u.arcsec, taper=26 * u.arcsec, **SHORT)
        return seen.observe(blobs[:32, :32], seed=2).dirty.data

    monkeypatch.setenv("SKAZOO_CACHE", str(tmp_path))
    first = observe()
    entries = list(tmp_path.rglob("*.npz"))
    assert len(entries) == 1
    monkeypatch.setattr(response_module, "compute", lambda *_: pytest.fail("the cache was not used"))
    import skazoo.telescope.configuration as observation_module

    kept = observation_module.compute
    monkeypatch.setattr(observation_module, "compute", lambda *_: pytest.fail("the cache was not used"))
    np.testing.assert_array_equal(observe(), first)
    monkeypatch.setattr(observation_module, "compute", kept)
    entries[0].write_bytes(entries[0].read_bytes()[:1000])
    with pytest.warns(UserWarning, match="damaged .* computing it anew"):
        np.testing.assert_allclose(observe(), first, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(observe(), first)
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("SKAZOO_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="not kept on disk"):
        observe()


@pytest.mark.parametrize(
    "arguments, error, says",
    [
        (dict(array="ska-mid-aa5"), ParameterError, "Did you mean"),
        (dict(redshift=0), ParameterError, "redshift"),
        (dict(redshift=4.0), ObservationError, r"\[0.35, 15.4\] GHz.*redshift 0 to 3.058"),
        (dict(npix=3), ParameterError, r"npix must be a whole number in \[8, 8192\]"),
        (dict(pixel_scale=2.0), ParameterError, "pixel_scale must be an angle or a length"),
        (dict(pixel_scale=2 * u.s), ParameterError, "pixel_scale must be an angle or a length"),
        (dict(pixel_scale=-2 * u.arcsec), ParameterError, "pixel_scale must be positive"),
        (dict(hours=0), ParameterError, "hours must be positive"),
        (dict(hours=10 * u.Hz), ParameterError, "hours must be a Quantity in h"),
        (dict(channel_width=0 * u.Hz), ParameterError, "channel_width must be positive"),
        (dict(channel_width=50e3), ParameterError, "channel_width must be a Quantity in Hz"),
        (dict(channel_width=5 * u.GHz), ParameterError, "channel_width must be below the frequency"),
        (dict(weighting="robust"), ParameterError, "weighting"),
        (dict(robust=5), ParameterError, r"robust must be in \[-2, 2\]"),
        (dict(taper=-3 * u.arcsec), ParameterError, "taper must be positive"),
        (dict(declination=-30), ParameterError, "declination must be an angle"),
        (dict(declination=-100 * u.deg), ParameterError, r"declination must be in \[-90, 90\] deg"),
        (dict(declination=70 * u.deg), ObservationError, r"never rises .* must be in"),
        (dict(min_elevation=95 * u.deg), ParameterError, r"min_elevation must be in \[0, 89\] deg"),
        (dict(hours_per_night=30), ParameterError, r"hours per night must be in \(0, 24\]"),
        (dict(w_term="never"), ParameterError, "w_term"),
        (dict(array="ska-low-aa1", redshift=5, noise_table="braun"), ParameterError, "noise_table"),
    ],
)
def test_refused_configurations(arguments, error, says):
    with pytest.raises(error, match=says):
        Observation(**{"array": "ska-mid-aa1", "pixel_scale": 8 * u.arcsec, **SHORT, **arguments})


def test_pixels_too_coarse():
    with pytest.raises(ObservationError, match=r"set taper=.* arcsec or more, or pixel_scale=.* arcsec or less"):
        _ = Observation("ska-mid-aa1", pixel_scale=8 * u.arcsec, **SHORT).beam
    with pytest.raises(ObservationError, match="too coarse for the shortest baseline.*must be below"):
        _ = Observation("ska-mid-aa05", pixel_scale=2 * u.arcmin, **SHORT).beam


@pytest.mark.parametrize(
    "sky, says",
    [
        (np.zeros((48, 48)), "must be a Map or a Quantity"),
        (np.zeros((48, 40)) * u.K, r"shape \(48, 48\)"),
        (np.zeros((32, 32)) * u.K, r"shape \(48, 48\)"),
        (np.full((48, 48), np.nan) * u.K, "NaN or infinite"),
        (np.full((48, 48), -1.0) * u.K, "negative everywhere"),
        (np.zeros((48, 48)) * u.Msun, "unit is solMass"),
        (Map(np.zeros((48, 48)), u.K, "hi", 99 * u.kpc, {}), "pixels of the sky are 99 kpc"),
    ],
)
def test_refused_skies(small, sky, says):
    with pytest.raises(ParameterError, match=says):
        small.observe(sky)


def test_refused_seeds(small, blobs):
    with pytest.raises(ParameterError, match="seed must be a whole number"):
        small.observe(blobs, seed=-1)
    with pytest.raises(ParameterError, match="ids must name each of the 2 skies"):
        small.observe(np.stack([blobs, blobs]), ids=["a"])
    with pytest.raises(ParameterError, match="method"):
        small.observe(blobs, method="slow")


def test_arrays_of_the_user(small_array):
    bare = Array(small_array.enu, 12.0, -30.7, 21.4, name="twelve")
    with pytest.raises(ParameterError, match=r"Observation\(sefd"):
        Observation(bare, pixel_scale=8 * u.arcsec, **SHORT)
    seen = Observation(bare, pixel_scale=8 * u.arcsec, taper=26 * u.arcsec, sefd=400 * u.Jy, **SHORT)
    assert seen.metadata["noise_table"] == "given by the user" and seen.noise_rms.value > 0
