"""Earth rotation: baselines against spherical trigonometry, OSKAR and the horizon."""

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from skazoo.errors import ObservationError, ParameterError
from skazoo.telescope import Array, hour_angles, uvw
from skazoo.telescope.coverage import elevation, hour_angles_at, shadowed


def test_w_is_the_projection_on_the_source(small_array):
    """w is the baseline along the direction of the source; u is its easterly part, v completes a right hand."""
    dec, hour = np.radians(-12.0), np.radians(35.0)
    baselines = uvw(small_array, dec, hour)[0]
    latitude = np.radians(small_array.latitude)
    # the source in east, north, up, by the altitude and azimuth of textbooks
    altitude = float(elevation(small_array, dec, hour)[0])
    east = -np.cos(dec) * np.sin(hour)
    north = np.sin(dec) * np.cos(latitude) - np.cos(dec) * np.cos(hour) * np.sin(latitude)
    source = np.array([east, north, np.sin(altitude)])
    assert np.linalg.norm(source) == pytest.approx(1, abs=1e-12)
    p, q = small_array.pairs
    enu = small_array.enu[q] - small_array.enu[p]
    np.testing.assert_allclose(baselines[:, 2], enu @ source, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(baselines, axis=1), small_array.baseline_lengths, rtol=1e-12)
    pole = np.array([0.0, np.cos(latitude), np.sin(latitude)])
    to_east = np.cross(pole, source) / np.linalg.norm(np.cross(pole, source))
    np.testing.assert_allclose(baselines[:, 0], enu @ to_east, atol=1e-9)
    np.testing.assert_allclose(baselines[:, 1], enu @ np.cross(source, to_east), atol=1e-9)


def test_degrees_and_radians_agree(small_array):
    angles = np.array([-20.0, 5.0])
    a = uvw(small_array, -30 * u.deg, angles * u.deg)
    b = uvw(small_array, np.radians(-30), np.radians(angles))
    c = uvw(small_array, -30 * u.deg, angles / 15 * u.hourangle)
    np.testing.assert_allclose(a, b, atol=1e-9)
    np.testing.assert_allclose(a, c, atol=1e-9)


def test_hour_angles_are_midpoints_about_transit():
    angles = hour_angles(8 * u.h, 120 * u.s)
    assert len(angles) == 240
    np.testing.assert_allclose(angles, -angles[::-1], atol=1e-15)
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi * 120 / 86164.0989, rtol=1e-8)
    assert len(hour_angles(1 * u.h, 1 * u.h)) == 1
    assert len(hour_angles(1 * u.h, 35 * u.min)) == 2


def test_below_the_horizon():
    array = Array.load("ska-mid-aa05")
    with pytest.raises(ObservationError, match=r"declination 80 deg .* in \[-90.0, 44.3\] deg"):
        uvw(array, 80 * u.deg, hour_angles(8 * u.h, 1 * u.h), min_elevation=15 * u.deg)
    track = hour_angles(24 * u.h, 0.5 * u.h)
    heights = np.degrees(elevation(array, -30 * u.deg, track))
    kept = uvw(array, -30 * u.deg, track, min_elevation=15 * u.deg)
    assert len(kept) == np.count_nonzero(heights >= 15) < len(track)


def test_shadowing_takes_the_dish_behind():
    # towards a source low in the north, the dish 12 m to the south of another stands in its shadow
    array = Array([[0, 0, 0], [0, -18.0, 0], [500, 0, 0]], 15.0, -30.0, 0.0)
    low = uvw(array, 40 * u.deg, 0.0)
    assert np.degrees(elevation(array, 40 * u.deg, 0.0))[0] == pytest.approx(20)
    # pairs are (0, 1), (0, 2), (1, 2): dish 1 is blocked, dish 0 and 2 are not
    assert shadowed(array, low)[0].tolist() == [True, False, True]
    assert not shadowed(array, uvw(array, -30 * u.deg, 0.0)).any()


@pytest.mark.parametrize("bad", [{"declination": 100 * u.deg}, {"declination": 3 * u.m}, {"hour_angles": [np.nan]}])
def test_bad_angles(small_array, bad):
    given = {"declination": -30 * u.deg, "hour_angles": 0.0, **bad}
    with pytest.raises(ParameterError, match="declination|hour_angles"):
        uvw(small_array, **given)


@pytest.mark.parametrize("duration, step", [(0, 60), (25, 60), (1, 0), (1, 7200)])
def test_bad_tracks(duration, step):
    with pytest.raises(ParameterError, match="hours per night|integration"):
        hour_angles(duration * u.h, step * u.s)


@pytest.mark.real
def test_uvw_agrees_with_oskar(ska_data):
    theirs = np.load(ska_data / "oskar_mid_reference.npz")
    count = int(theirs["num_times"])
    array = Array(theirs["antenna_enu_m"], 15.0, float(theirs["latitude_deg"]), float(theirs["longitude_deg"]))
    times = Time(str(theirs["start_utc"]), scale="ut1") + (np.arange(count) + 0.5) / count * 4 * u.h
    hour = hour_angles_at(times, float(theirs["ra_deg"]) * u.deg, array.longitude)
    ours = uvw(array, float(theirs["dec_deg"]) * u.deg, hour)
    # OSKAR's baselines are antenna p minus antenna q
    assert np.abs(ours + theirs["uvw_m"]).max() < 0.2
