"""The arguments of an observation as numbers with units: checked, and in one unit each."""

from __future__ import annotations

from numbers import Real

import astropy.units as u
from astropy.constants import c

from ..errors import ParameterError, check_positive

__all__ = ["angle_between", "bandwidth", "index_between", "moment", "number", "pixel", "quantity"]


def quantity(name: str, value, unit: u.UnitBase) -> u.Quantity:
    """A positive finite `Quantity` in `unit`."""
    if not isinstance(value, u.Quantity) or not value.unit.is_equivalent(unit):
        raise ParameterError(
            f"{name} must be a Quantity in {unit} or the like, such as 1 * u.{unit}, but is {value!r}."
        )
    check_positive(name, value)
    return value.to(unit)


def number(name: str, value, unit: u.UnitBase) -> float:
    """A positive finite number; a `Quantity` is brought to `unit`."""
    if isinstance(value, u.Quantity):
        value = quantity(name, value, unit).value
    check_positive(name, value)
    return float(value)


def angle_between(name: str, value, low: float, high: float) -> u.Quantity:
    """`value` in degrees; `ParameterError` unless it is an angle in [low, high] deg."""
    if not isinstance(value, u.Quantity) or not value.unit.is_equivalent(u.deg):
        raise ParameterError(f"{name} must be an angle, such as -30 * u.deg, but is {value!r}.")
    if not low <= value.to_value(u.deg) <= high:
        raise ParameterError(f"{name} must be in [{low}, {high}] deg, but is {value}.")
    return value.to(u.deg)


def index_between(value, low: float = -10.0, high: float = 10.0) -> float:
    """A spectral index: flux density goes as frequency to its power."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high:
        raise ParameterError(f"spectral_index must be a number in [{low:g}, {high:g}], but is {value!r}.")
    return float(value)


def moment(value) -> str:
    """A UTC date and time, `Time` or ISO 8601 text, as ISO 8601 text."""
    from astropy.time import Time

    try:
        return (value if isinstance(value, Time) else Time(value, scale="utc")).utc.isot
    except (ValueError, TypeError, AttributeError) as error:
        raise ParameterError(
            f"start must be a UTC date and time, such as '2030-03-20T21:00:00', but is {value!r}: {error}."
        ) from None


def pixel(scale, redshift: float, cosmology) -> tuple[u.Quantity, float]:
    """The pixel as an angle (arcsec) and as a proper length (kpc)."""
    if cosmology is None:
        from astropy.cosmology import Planck15 as cosmology
    distance = cosmology.angular_diameter_distance(redshift)
    if isinstance(scale, u.Quantity) and scale.unit.is_equivalent(u.kpc):
        check_positive("pixel_scale", scale)
        angle = ((scale / distance).to_value(u.dimensionless_unscaled) * u.rad).to(u.arcsec)
        return angle, float(scale.to_value(u.kpc))
    if not isinstance(scale, u.Quantity) or not scale.unit.is_equivalent(u.arcsec):
        raise ParameterError(f"pixel_scale must be an angle or a length, such as 2 * u.arcsec, but is {scale!r}.")
    check_positive("pixel_scale", scale)
    return scale.to(u.arcsec), float((scale.to_value(u.rad) * distance).to_value(u.kpc))


def bandwidth(width, frequency: u.Quantity) -> u.Quantity:
    """The channel width in Hz; a velocity width dv is nu dv / c."""
    if isinstance(width, u.Quantity) and width.unit.is_equivalent(u.km / u.s):
        width = (frequency * width / c).to(u.Hz)
    width = quantity("channel_width", width, u.Hz)
    if width >= frequency:
        raise ParameterError(f"channel_width must be below the frequency, {frequency:.6g}, but is {width}.")
    return width
