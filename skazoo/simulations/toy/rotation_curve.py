"""Circular velocity of halo, stars and gas together."""

from __future__ import annotations

import numpy as np

from . import nfw
from .cosmology import G
from .hidden import Hidden
from .relations import stellar_half_mass_radius
from .visible import Visible

__all__ = ["RotationCurve", "stellar_scales"]


def stellar_scales(visible: Visible, hidden: Hidden) -> tuple[float, float]:
    """Exponential scale length of the stellar disc and Hernquist radius of the bulge, kpc.

    R_1/2 = 0.015 R200; R_d = R_1/2 / 1.678; the bulge's projected half-mass radius is 0.2 R_1/2 = 1.815 a.
    """
    half = stellar_half_mass_radius(visible.r200) * hidden.size
    return half / 1.678, 0.2 * half / 1.815


class RotationCurve:
    """V_c(R) = sqrt(G M(<R) / R), tabulated, with disc masses enclosed as in a sphere.

    `curve(radius)` in kpc returns km/s, float32.
    """

    def __init__(self, visible: Visible, hidden: Hidden):
        self._radius = np.geomspace(0.05, 2.5 * visible.r200, 96)
        scale, core = stellar_scales(visible, hidden)
        y = self._radius / scale
        disc = 1.0 - (1.0 + y) * np.exp(-y)
        bulge = (self._radius / (self._radius + core)) ** 2
        stars = hidden.stellar_mass * ((1.0 - hidden.bulge) * disc + hidden.bulge * bulge)
        y = self._radius / (0.25 * hidden.hi_diameter)
        gas = 1.8 * hidden.hi_mass * (1.0 - (1.0 + y) * np.exp(-y))
        halo = visible.dark_matter_mass * nfw.enclosed(self._radius / visible.r200, visible.concentration)
        self._speed = np.sqrt(G * (halo + stars + gas) / self._radius)

    def __call__(self, radius) -> np.ndarray:
        return np.interp(radius, self._radius, self._speed).astype(np.float32)
