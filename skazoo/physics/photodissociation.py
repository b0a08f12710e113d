"""Molecular hydrogen where dust shields it from the radiation of young stars."""

from __future__ import annotations

import astropy.constants as const
import astropy.units as u
import numpy as np

from ..simulations.particles import Species
from .thermodynamics import ADIABATIC_INDEX, hydrogen_number_density

__all__ = ["gnedin_kravtsov", "gnedin_kravtsov_fraction"]

_SOLAR_METALLICITY = 0.0127
_LOCAL_SFR = 1e-9 * u.Msun / u.yr / u.pc**2  # surface density whose radiation is the Milky Way's, U = 1
_ESCAPING = 0.15
_BACKGROUND = 1e-3  # least U: light from elsewhere in the galaxy and from outside


def gnedin_kravtsov_fraction(surface: u.Quantity, dust, radiation) -> np.ndarray:
    """f_H2 = (1 + Sigma_c / Sigma_n)^-2 of neutral gas, Gnedin & Kravtsov 2011 (ApJ 728, 88), eqs. 6 to 10.

    Sigma_c = 20 Msun/pc^2 Lambda^(4/7) / (D sqrt(1 + U D^2)). The fit is for U D^2 of order 1 at most: beyond, more
    light would make more molecules.

    Args:
        surface: neutral hydrogen surface density Sigma_n.
        dust: D, dust-to-gas ratio in units of the Milky Way's, > 0.
        radiation: U, far-ultraviolet field in units of the Milky Way's, > 0.
    """
    d, field = np.asarray(dust, np.float64), np.asarray(radiation, np.float64)
    d_star = 1.5e-3 * np.log1p((3.0 * field) ** 1.7)
    alpha = 2.5 * field / (1.0 + (0.5 * field) ** 2)
    s = 0.04 / (d_star + d)
    g = (1.0 + alpha * s + s * s) / (1.0 + s)
    shielding = np.log1p(g * d ** (3.0 / 7.0) * (field / 15.0) ** (4.0 / 7.0))
    critical = 20.0 * shielding ** (4.0 / 7.0) / (d * np.sqrt(1.0 + field * d * d))
    return (1.0 + critical / np.maximum(surface.to_value(u.Msun / u.pc**2), 1e-30)) ** -2.0


def gnedin_kravtsov(gas: Species, neutral: np.ndarray) -> np.ndarray:
    """H2 share of the neutral hydrogen of each cell by `gnedin_kravtsov_fraction`, (N,) in [0, 1].

    Surface density over a Jeans length, Sigma = sqrt(gamma P / G); D = Z / 0.0127; U from the cell's own star
    formation over that length, of which 15 % escapes locally, at least 1e-3 (no transport between cells: Diemer et
    al. 2018 spread it optically thin).

    Args:
        neutral: neutral fraction (N,).

    Raises:
        MissingField: without `metallicity` or `internal_energy`.
    """
    density = gas.density.to(u.Msun / u.kpc**3).astype(np.float64)
    pressure = (ADIABATIC_INDEX - 1.0) * density * gas.internal_energy
    length = np.sqrt(ADIABATIC_INDEX * pressure / const.G) / density
    hydrogen = hydrogen_number_density(gas) * (const.m_p + const.m_e) * neutral
    radiation = np.full(len(gas), _BACKGROUND)
    if "star_formation_rate" in gas:
        local = gas.star_formation_rate * density / gas.mass * length
        radiation = np.maximum(radiation, (_ESCAPING * local / _LOCAL_SFR).to_value(u.one))
    dust = np.maximum(np.asarray(gas.metallicity, np.float64) / _SOLAR_METALLICITY, 1e-4)
    return gnedin_kravtsov_fraction((hydrogen * length).to(u.Msun / u.pc**2), dust, radiation)
