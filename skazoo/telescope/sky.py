"""Skies as the telescope takes them: checked, and in Jy per pixel."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.constants import c, k_B

from ..errors import ParameterError
from ..maps.map import Map

__all__ = ["jansky_per_kelvin", "to_jansky_per_pixel"]

PIXEL_TOLERANCE = 1e-3


def jansky_per_kelvin(frequency: u.Quantity, solid_angle: u.Quantity) -> float:
    """Flux density of 1 K of brightness temperature over a solid angle: 2 k nu^2 / c^2 Omega, Jy.

    Rayleigh-Jeans, which is the definition of brightness temperature in radio astronomy.
    """
    per_steradian = 2 * k_B * u.K * frequency**2 / c**2
    return float((per_steradian * solid_angle.to_value(u.sr)).to_value(u.Jy))


def to_jansky_per_pixel(
    sky: Map | u.Quantity, npix: int, pixel_scale: u.Quantity, pixel_kpc: float, frequency: u.Quantity
) -> np.ndarray:
    """One sky or a batch of them in the unit that `predict` takes: (..., npix, npix) float64 Jy/pixel.

    Args:
        sky: `Map`, or `Quantity` (H, W) or (n, H, W), in K or mK of brightness temperature as observed,
            Jy/pixel, or Jy/sr.
        npix, pixel_scale, pixel_kpc, frequency: of the observation.

    Raises:
        ParameterError: another unit, a shape other than (npix, npix), pixels of another size, values that are
            not finite, or none above zero but some below.
    """
    if isinstance(sky, Map):
        given = sky.pixel_scale.to_value(u.kpc)
        if abs(given / pixel_kpc - 1) > PIXEL_TOLERANCE:
            raise ParameterError(
                f"the pixels of the sky are {given:.6g} kpc, but pixel_scale of the observation is {pixel_kpc:.6g} kpc "
                f"({pixel_scale.to_value(u.arcsec):.4g} arcsec); they must agree to 0.1 %."
            )
        data, unit = np.asarray(sky.data), sky.unit
    elif isinstance(sky, u.Quantity):
        data, unit = sky.value, sky.unit
    else:
        raise ParameterError(
            f"sky must be a Map or a Quantity in K, Jy/pixel or Jy/sr, but is a {type(sky).__name__}; "
            "multiply the array by its unit."
        )
    if data.ndim not in (2, 3) or data.shape[-1] != npix or data.shape[-2] != npix:
        raise ParameterError(f"sky must have shape ({npix}, {npix}) or (n, {npix}, {npix}), but has {data.shape}.")
    if not np.isfinite(data).all():
        raise ParameterError(f"sky holds {np.count_nonzero(~np.isfinite(data))} values that are NaN or infinite.")
    if data.size and data.max() <= 0 and data.min() < 0:
        raise ParameterError("sky is negative everywhere; brightness must be zero or above somewhere.")
    area = pixel_scale**2
    if unit.is_equivalent(u.K):
        factor = unit.to(u.K) * jansky_per_kelvin(frequency, area)
    elif unit.is_equivalent(u.Jy / u.pix):
        factor = unit.to(u.Jy / u.pix)
    elif unit.is_equivalent(u.Jy / u.sr):
        factor = (unit.to(u.Jy / u.sr) * area.to(u.sr)).value
    else:
        raise ParameterError(f"sky must be in K, mK, Jy/pixel or Jy/sr, but its unit is {unit}.")
    return np.asarray(data, np.float64) * factor
