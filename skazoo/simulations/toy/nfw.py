"""The NFW halo: mass profile, density, concentration, and radii drawn by inverse CDF."""

from __future__ import annotations

import numpy as np

from .cosmology import HUBBLE

__all__ = ["OUTER_RADIUS", "enclosed", "mass_function", "mean_concentration", "radius_table", "shape_density"]

OUTER_RADIUS = 2.0  # of R200: where the halo's outskirts end
_DECLINE = 0.3  # of R200: e-folding length of the steepening beyond R200 (keeps the total mass finite)
_GRID = np.geomspace(1e-3, OUTER_RADIUS, 256)


def mass_function(x):
    """ln(1 + x) - x / (1 + x), the NFW mass within x scale radii in units of 4 pi rho_s r_s^3."""
    return np.log1p(x) - x / (1.0 + x)


def mean_concentration(mass: float, redshift: float) -> float:
    """Median c200 of Dutton & Maccio (2014, MNRAS 441, 3359, eqs. 7, 10, 11) for a mass in Msun."""
    normalisation = 0.520 + (0.905 - 0.520) * np.exp(-0.617 * redshift**1.21)
    slope = -0.101 + 0.026 * redshift
    return float(10.0 ** (normalisation + slope * np.log10(mass * HUBBLE / 1e12)))


def enclosed(radius, concentration: float):
    """M(<r) / M200 at r in units of R200; pure NFW, also beyond R200."""
    return mass_function(concentration * np.asarray(radius)) / mass_function(concentration)


def shape_density(radius, concentration):
    """rho(r) R200^3 / M200 at r in units of R200, with the exponential decline beyond R200."""
    x = concentration * radius
    inner = concentration**3 / (4.0 * np.pi * mass_function(concentration)) / (x * (1.0 + x) ** 2)
    return inner * np.exp(np.minimum(1.0 - radius, 0.0) / _DECLINE)


def radius_table(concentration: float) -> tuple[np.ndarray, np.ndarray]:
    """(M(<r) / M200, r / R200), both increasing: interpolate the second at uniform values of the first."""
    shells = 4.0 * np.pi * _GRID**3 * shape_density(_GRID, concentration)
    steps = 0.5 * (shells[1:] + shells[:-1]) * np.diff(np.log(_GRID))
    mass = np.concatenate([[0.0], np.cumsum(steps)]) + enclosed(_GRID[0], concentration)
    return np.concatenate([[0.0], mass]), np.concatenate([[0.0], _GRID])
