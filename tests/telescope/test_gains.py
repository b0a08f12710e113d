"""Gain errors of antennas, and the picture of an array."""

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from astropy.utils import iers

from skazoo.errors import OutputError, ParameterError
from skazoo.telescope import Array, GainErrors, Observation
from skazoo.telescope.array_plot import draw_array, portrait


def test_gains_multiply_the_visibilities(small, blobs):
    gains = GainErrors(amplitude=0.05, phase=5 * u.deg, seed=3)
    clean, dirty = (small.visibilities(blobs, seed=None, id="a", gains=g) for g in (None, gains))
    drawn = gains(small.array, np.unique(clean.hour_angle), "a")
    assert drawn.shape == (24, 24) and (drawn == drawn[0]).all()
    np.testing.assert_allclose(dirty.data, clean.data * drawn[0, clean.p] * drawn[0, clean.q].conj(), rtol=1e-12)


def test_draws_have_the_size_and_the_interval(small_array):
    hours = np.arange(2000) * 600 / 86164.0905 * 2 * np.pi
    gains = GainErrors(amplitude=0.1, phase=0.2 * u.rad, interval=1200 * u.s)(small_array, hours, "x")
    assert (gains[0::2] == gains[1::2]).mean() > 0.99
    assert np.std(np.abs(gains)) == pytest.approx(0.1, rel=0.05) and np.std(np.angle(gains)) == pytest.approx(
        0.2, rel=0.05
    )
    other = GainErrors(amplitude=0.1, seed=1)(small_array, hours[:1], "x")
    assert (other != GainErrors(amplitude=0.1, seed=2)(small_array, hours[:1], "x")).all()
    assert (other != GainErrors(amplitude=0.1, seed=1)(small_array, hours[:1], "y")).all()


def test_observed_with_gains(small, blobs):
    still = GainErrors()
    reference = small.observe(blobs, seed=1)
    none = small.observe(blobs, seed=1, gains=still)
    np.testing.assert_allclose(none.dirty.data, reference.dirty.data, atol=1e-5 * np.abs(reference.dirty.data).max())
    bad = small.observe(blobs, seed=1, gains=GainErrors(phase=20 * u.deg), method="visibilities")
    assert np.linalg.norm(bad.dirty.data - reference.dirty.data) > 0.02 * np.linalg.norm(reference.dirty.data)
    assert "GainErrors" in bad.dirty.metadata["gains"]
    # amplitude errors of the user's own: every antenna at half its gain
    halved = small.observe(blobs, seed=None, gains=lambda array, hours, id: np.full((len(hours), len(array)), 0.5))
    np.testing.assert_allclose(
        halved.dirty.data,
        small.observe(blobs, seed=None).dirty.data / 4,
        atol=1e-5 * np.abs(reference.dirty.data).max(),
    )
    again = bad.visibilities()
    assert (again.data == small.visibilities(blobs, seed=1, id=0, gains=GainErrors(phase=20 * u.deg)).data).all()


def test_refused(small, blobs):
    with pytest.raises(ParameterError, match=r"amplitude .* in \[0, 1\]"):
        GainErrors(amplitude=-1)
    with pytest.raises(ParameterError, match="phase .* must be an angle"):
        GainErrors(phase=3.0)
    with pytest.raises(ParameterError, match="interval"):
        GainErrors(interval=0 * u.s)
    with pytest.raises(ParameterError, match=r"finite \(24, 24\) array"):
        small.observe(blobs, gains=lambda array, hours, id: np.ones(3))


def test_a_dated_track(small_array):
    """From a start, the track is not symmetric: it begins at the hour angle of that moment."""
    options = dict(npix=48, pixel_scale=8 * u.arcsec, hours_per_night=2, integration=600 * u.s)
    dated = Observation(small_array, start="2026-03-20T10:00:00", right_ascension=0 * u.deg, **options)
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        lst = Time("2026-03-20T10:05:00").sidereal_time("apparent", longitude=21.4 * u.deg).radian
    assert dated.track[0] % (2 * np.pi) == pytest.approx(lst % (2 * np.pi), abs=1e-4)  # UTC is not quite UT1
    assert dated.nights == 50 and dated.config["start"] == "2026-03-20T10:00:00.000"
    with pytest.raises(ParameterError, match="start must be a UTC date and time"):
        Observation(small_array, start="yesterday", **options)
    with pytest.raises(ParameterError, match=r"right_ascension must be in \[0, 360\] deg"):
        Observation(small_array, right_ascension=400 * u.deg, **options)


@pytest.mark.parametrize("key", ["ska-mid-aa05", "ska-mid-aastar"])
def test_the_picture(key, tmp_path):
    from matplotlib.image import imread

    observation = portrait(Array.load(key), 0.02, integration=1200 * u.s)
    path = draw_array(observation, tmp_path / "array.png")
    pixels = imread(path)
    assert pixels.shape[0] > 1000 and pixels[..., :3].std() > 0.1
    with pytest.raises(OutputError):
        draw_array(observation, path / "below.png")
