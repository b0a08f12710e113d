"""Temperature, density and pressure of gas cells."""

from __future__ import annotations

import astropy.constants as const
import astropy.units as u
import numpy as np

from ..simulations.particles import Species

__all__ = [
    "ADIABATIC_INDEX",
    "HYDROGEN_FRACTION",
    "hydrogen_fraction",
    "hydrogen_number_density",
    "mean_molecular_weight",
    "temperature",
    "thermal_pressure",
]

ADIABATIC_INDEX = 5.0 / 3.0
HYDROGEN_FRACTION = 0.76  # primordial mass fraction, where the file has no GFM_Metals

# One cell's specific energy of 1 (km/s)^2 per proton mass, as a temperature
_KELVIN = float((const.m_p * (u.km / u.s) ** 2 / const.k_B).to_value(u.K))
_PROTONS = float((u.Msun / u.kpc**3 / const.m_p).to_value(u.cm**-3))


def hydrogen_fraction(gas: Species):
    """Hydrogen mass fraction X_H of each cell: the file's, else 0.76."""
    return gas.hydrogen_fraction if "hydrogen_fraction" in gas else HYDROGEN_FRACTION


def mean_molecular_weight(electron_abundance, hydrogen_fraction=HYDROGEN_FRACTION):
    """mu = 4 / (1 + 3 X_H + 4 X_H x_e), with x_e = n_e / n_H (TNG data specification, FAQ)."""
    return 4.0 / (1.0 + 3.0 * hydrogen_fraction + 4.0 * hydrogen_fraction * electron_abundance)


def temperature(gas: Species) -> u.Quantity:
    """Gas temperature T = (gamma - 1) u mu m_p / k_B, (N,) K.

    Star-forming cells of TNG follow an effective equation of state: their T is a pressure in disguise.

    Raises:
        MissingField: without `internal_energy` or `electron_abundance`.
    """
    weight = mean_molecular_weight(np.asarray(gas.electron_abundance, np.float64), hydrogen_fraction(gas))
    energy = gas.internal_energy.to_value(u.km**2 / u.s**2)
    return (ADIABATIC_INDEX - 1.0) * energy * weight * _KELVIN * u.K


def hydrogen_number_density(gas: Species) -> u.Quantity:
    """n_H = X_H rho / m_p of all hydrogen, whatever its phase, (N,) cm^-3."""
    density = gas.density.to_value(u.Msun / u.kpc**3).astype(np.float64)
    return hydrogen_fraction(gas) * density * _PROTONS * u.cm**-3


def thermal_pressure(gas: Species) -> u.Quantity:
    """P / k_B = (gamma - 1) rho u / k_B, (N,) K cm^-3."""
    density = gas.density.to_value(u.Msun / u.kpc**3).astype(np.float64)
    energy = gas.internal_energy.to_value(u.km**2 / u.s**2)
    return (ADIABATIC_INDEX - 1.0) * density * _PROTONS * energy * _KELVIN * u.K / u.cm**3
