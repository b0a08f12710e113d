"""Mean relations between the mass of a halo and what it holds."""

from __future__ import annotations

import numpy as np

__all__ = [
    "hi_diameter",
    "mean_hi_mass",
    "mean_metallicity",
    "mean_stellar_mass",
    "quenched_probability",
    "stellar_half_mass_radius",
    "virial_temperature",
]


def mean_stellar_mass(halo_mass, redshift: float = 0.0):
    """Median stellar mass (Msun): Moster et al. (2013, MNRAS 428, 3121, eqs. 2, 11-14, table 1)."""
    growth = redshift / (1.0 + redshift)
    pivot = 10.0 ** (11.590 + 1.195 * growth)
    peak = 0.0351 - 0.0247 * growth
    low, high = 1.376 - 0.826 * growth, 0.608 + 0.329 * growth
    ratio = halo_mass / pivot
    return 2.0 * peak * halo_mass / (ratio**-low + ratio**high)


def mean_hi_mass(stellar_mass):
    """Median HI mass (Msun) of star-forming galaxies: log M_HI = log M* - 0.85 - 0.7 (log M* - 10), as xGASS."""
    log_mass = np.log10(stellar_mass)
    return 10.0 ** (log_mass - 0.85 - 0.7 * (log_mass - 10.0))


def hi_diameter(hi_mass):
    """Diameter (kpc) where the HI falls to 1 Msun/pc^2: Wang et al. (2016, MNRAS 460, 2143)."""
    return 10.0 ** (0.506 * np.log10(hi_mass) - 3.293)


def stellar_half_mass_radius(r200):
    """R_1/2 = 0.015 R200 (Kravtsov 2013), same unit."""
    return 0.015 * r200


def quenched_probability(halo_mass):
    """Share of quenched galaxies: logistic in log M about 10^12.2 Msun, width 0.25 dex."""
    return 1.0 / (1.0 + np.exp(-(np.log10(halo_mass) - 12.2) / 0.25))


def mean_metallicity(stellar_mass):
    """Mass fraction of metals in the disc: Z = 0.0127 (M* / 10^10.3)^0.3, as mass-metallicity relations at z = 0."""
    return 0.0127 * (stellar_mass / 10.0**10.3) ** 0.3


def virial_temperature(circular_velocity):
    """T = mu m_p V^2 / 2 k with mu = 0.59, K, of a circular velocity in km/s."""
    return 0.5 * 0.59 * 121.147 * circular_velocity**2
