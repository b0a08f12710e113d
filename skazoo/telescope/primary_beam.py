"""How the sensitivity of one antenna falls from the centre of the field outwards."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.constants import c

__all__ = ["PRIMARY_BEAMS", "gaussian", "width"]

PRIMARY_BEAMS = ("gaussian",)


def width(frequency: u.Quantity, diameter: float) -> u.Quantity:
    """FWHM of the power pattern, 66 deg lambda / D (SKAO's sensitivity calculator); diameter in metres."""
    return 66 * u.deg * (c / frequency).to_value(u.m) / diameter


def gaussian(npix: int, pixel_scale: u.Quantity, fwhm: u.Quantity) -> np.ndarray:
    """Power pattern on the image, 1 at pixel [npix // 2, npix // 2]: (npix, npix) float64."""
    axis = (np.arange(npix) - npix // 2) * (pixel_scale / fwhm).to_value(u.dimensionless_unscaled)
    return np.exp(-4 * np.log(2) * (axis[:, None] ** 2 + axis[None] ** 2))
