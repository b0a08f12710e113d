"""Earth-rotation synthesis: hour angles, elevation, and the baselines as the source sees them."""

from __future__ import annotations

import astropy.units as u
import erfa
import numpy as np

from ..errors import ObservationError, ParameterError, check_positive
from .array import Array

__all__ = ["elevation", "hour_angles", "hour_angles_at", "shadowed", "track_from", "uvw"]

SIDEREAL = 1.00273781191135  # turns of the Earth against the stars in a solar day
TT_MINUS_UT1 = 69.2  # s, about 2026; enters through nutation alone, where a minute is nothing


def hour_angles(duration: u.Quantity, integration: u.Quantity) -> np.ndarray:
    """Mid-points of equal integrations, symmetric about transit: (T,) radians.

    The number of integrations is `duration / integration` rounded up, so each lasts at most `integration`.

    Raises:
        ParameterError: a duration outside (0, 24 h], or an integration that is not positive or exceeds it.
    """
    hours, step = duration.to_value(u.h), integration.to_value(u.h)
    check_positive("integration", integration)
    if not 0 < hours <= 24:
        raise ParameterError(f"hours per night must be in (0, 24], but are {hours:g}.")
    if step > hours * (1 + 1e-9):
        raise ParameterError(f"integration ({integration}) must not exceed the track of {hours:g} h.")
    number = int(np.ceil(hours / step - 1e-9))
    middles = (np.arange(number) + 0.5) / number - 0.5
    return middles * hours * (2 * np.pi / 24) * SIDEREAL


def hour_angles_at(times, right_ascension, longitude) -> np.ndarray:
    """Hour angles of a source at given times: (T,) radians in [-pi, pi).

    Args:
        times: astropy `Time`, (T,). UTC is taken for UT1, which is less than 0.9 s (14 arcsec) away: no table of
            the Earth's rotation is needed.
        right_ascension: `Quantity` or radians, in the equinox of date.
        longitude: of the array, `Quantity` or degrees east.
    """
    if not isinstance(longitude, u.Quantity):
        longitude = longitude * u.deg
    days = times if times.scale == "ut1" else times.utc
    terrestrial = days.jd2 + TT_MINUS_UT1 / 86400.0
    sidereal = erfa.gst06a(days.jd1, days.jd2, days.jd1, terrestrial) + longitude.to_value(u.rad)
    angle = sidereal - radians(right_ascension, "right_ascension")
    return (np.atleast_1d(angle) + np.pi) % (2 * np.pi) - np.pi


def track_from(start: str, track: np.ndarray, right_ascension, longitude) -> np.ndarray:
    """The hour angles of `track`, (T,) radians about 0, moved to begin at a date: not wrapped, so they rise.

    Args:
        start: UTC, ISO 8601: where the first integration begins.
        track: mid-points of equal integrations, symmetric about 0.
        right_ascension, longitude: as in `hour_angles_at`.
    """
    from astropy.time import Time

    at_start = float(hour_angles_at(Time(start, scale="utc"), right_ascension, longitude)[0])
    step = track[1] - track[0] if len(track) > 1 else 2 * abs(track[0])
    return at_start + (track - track[0]) + 0.5 * step


def elevation(array: Array, declination, hour_angles) -> np.ndarray:
    """Height of the source above the horizon at the array's reference point: (T,) radians.

    sin(el) = sin(lat) sin(dec) + cos(lat) cos(dec) cos(HA)
    """
    dec, hour = radians(declination, "declination"), np.atleast_1d(radians(hour_angles, "hour_angles"))
    latitude = np.radians(array.latitude)
    return np.arcsin(np.clip(np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour), -1, 1))


def uvw(array: Array, declination, hour_angles, min_elevation=None) -> np.ndarray:
    """Baselines in the frame of the source: u to east, v to north, w towards it.

    Args:
        array: the antennas.
        declination: `Quantity` or radians.
        hour_angles: (T,) `Quantity` (angle or hourangle) or radians.
        min_elevation: `Quantity` or radians; times at which the source is lower are left out.

    Returns:
        (time, baseline, 3) float64 metres; baseline (p, q), p < q in the order of `array.pairs`, is the
        position of antenna q minus that of antenna p.

    Raises:
        ObservationError: the source is below `min_elevation` all the time.
        ParameterError: a declination outside [-90, 90] degrees, hour angles that are not finite.

    Source: Thompson, Moran & Swenson, "Interferometry and Synthesis in Radio Astronomy", eq. 4.1.
    """
    dec = float(radians(declination, "declination"))
    if not abs(dec) <= np.pi / 2 + 1e-12:
        raise ParameterError(f"declination must be in [-90, 90] degrees, but is {np.degrees(dec):g}.")
    hour = np.atleast_1d(radians(hour_angles, "hour_angles"))
    if hour.ndim != 1 or hour.size == 0 or not np.isfinite(hour).all():
        raise ParameterError("hour_angles must be one or more finite angles in a row.")
    if min_elevation is not None:
        hour = hour[above(array, dec, hour, min_elevation)]
    # rotate the antennas, then take differences: N antennas are far fewer than N^2 baselines
    x, y, z = array.equatorial.T
    sine, cosine = np.sin(hour)[:, None], np.cos(hour)[:, None]
    toward = cosine * x - sine * y
    antennas = np.stack(
        [
            sine * x + cosine * y,
            -np.sin(dec) * toward + np.cos(dec) * z,
            np.cos(dec) * toward + np.sin(dec) * z,
        ],
        axis=-1,
    )
    p, q = array.pairs
    return antennas[:, q] - antennas[:, p]


def above(array: Array, declination, hour_angles, min_elevation) -> np.ndarray:
    """(T,) booleans: is the source at least `min_elevation` high? `ObservationError` where it never is."""
    limit = float(radians(min_elevation, "min_elevation"))
    heights = elevation(array, declination, hour_angles)
    if not (heights >= limit).any():
        latitude, dec = array.latitude, np.degrees(float(radians(declination, "declination")))
        room = 90 - np.degrees(limit)
        raise ObservationError(
            f"declination {dec:g} deg never rises above min_elevation {np.degrees(limit):g} deg at {array.title} "
            f"(highest: {np.degrees(heights.max()):.1f} deg); it must be in "
            f"[{max(-90, latitude - room):.1f}, {min(90, latitude + room):.1f}] deg."
        )
    return heights >= limit


def shadowed(array: Array, baselines: np.ndarray) -> np.ndarray:
    """Which baselines have an antenna whose view another one blocks: (time, baseline) booleans.

    Dish p is blocked by q when their projected separation is under the mean of their diameters and q is
    nearer to the source. Stations on the ground (SKA-Low) do not shadow one another.

    Args:
        baselines: (time, baseline, 3) of `uvw`.
    """
    p, q = array.pairs
    if array.telescope == "ska-low":
        return np.zeros(baselines.shape[:2], bool)
    reach = 0.5 * (array.diameters[p] + array.diameters[q])
    close = np.hypot(baselines[..., 0], baselines[..., 1]) < reach
    blocked = np.zeros((len(baselines), len(array)), bool)
    time, pair = np.nonzero(close)
    # w of q minus w of p is positive where q is nearer to the source, and p behind it
    behind = np.where(baselines[time, pair, 2] > 0, p[pair], q[pair])
    blocked[time, behind] = True
    return blocked[:, p] | blocked[:, q]


def radians(value, name: str):
    """The angle in radians; plain numbers are radians already."""
    if isinstance(value, u.Quantity):
        try:
            return value.to_value(u.rad)
        except u.UnitConversionError:
            raise ParameterError(f"{name} must be an angle, but its unit is {value.unit}.") from None
    return np.asarray(value, np.float64)
