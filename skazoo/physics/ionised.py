"""Free electrons: their density, and what they do to the microwave background, X-rays and radio continuum."""

from __future__ import annotations

import astropy.constants as const
import astropy.units as u
import numpy as np

from ..errors import check_positive
from ..simulations.particles import Species
from .thermodynamics import hydrogen_fraction, hydrogen_number_density, temperature

__all__ = ["bremsstrahlung_emissivity", "compton_density", "electron_density", "free_free_emissivity"]

_X_RAY_KELVIN = 1e5  # cooler gas emits no X-rays, and star-forming cells' temperature is none


def electron_density(gas: Species) -> u.Quantity:
    """n_e = x_e n_H of each cell, (N,) cm^-3."""
    return np.asarray(gas.electron_abundance, np.float64) * hydrogen_number_density(gas)


def compton_density(gas: Species) -> u.Quantity:
    """Compton y per length, sigma_T n_e k T / (m_e c^2) (Sunyaev & Zel'dovich 1972), of each cell, (N,) kpc^-1."""
    per_electron = const.sigma_T * const.k_B * temperature(gas) / (const.m_e * const.c**2)
    return (per_electron * electron_density(gas)).to(1 / u.kpc)


def _ions(gas: Species) -> u.Quantity:
    """Sum of Z^2 n over fully ionised hydrogen and helium, (N,) cm^-3."""
    hydrogen = hydrogen_fraction(gas)
    helium = (1.0 - hydrogen) / (4.0 * hydrogen)  # per hydrogen nucleus
    return hydrogen_number_density(gas) * (1.0 + 4.0 * helium)


def bremsstrahlung_emissivity(gas: Species, gaunt: float = 1.2) -> u.Quantity:
    """Bolometric thermal bremsstrahlung 1.426e-27 T^1/2 n_e sum(Z^2 n_i) g of each cell, (N,) erg s^-1 cm^-3.

    Rybicki & Lightman (1979), eq. 5.15b. Zero below 1e5 K and in star-forming cells. No lines: low by a factor of
    a few below 1e7 K in enriched gas.
    """
    kelvin = temperature(gas).to_value(u.K)
    hot = kelvin > _X_RAY_KELVIN
    if "star_formation_rate" in gas:
        hot = hot & ~(np.asarray(gas.star_formation_rate.value) > 0.0)
    value = 1.426e-27 * np.sqrt(kelvin) * gaunt * electron_density(gas).value * _ions(gas).value
    return np.where(hot, value, 0.0) * u.erg / u.s / u.cm**3


def free_free_emissivity(gas: Species, frequency: u.Quantity = 1.4 * u.GHz) -> u.Quantity:
    """Radio free-free emission of each cell over all directions, (N,) W Hz^-1 kpc^-3, optically thin.

    6.8e-38 T^-1/2 n_e sum(Z^2 n_i) g erg s^-1 Hz^-1 cm^-3 (Rybicki & Lightman 1979, eq. 5.14b, h nu << k T) with
    the radio Gaunt factor of Draine (2011), eq. 10.9.
    """
    check_positive("frequency", frequency)
    kelvin = temperature(gas).to_value(u.K)
    gaunt = np.log(
        np.exp(5.960 - np.sqrt(3.0) / np.pi * np.log(frequency.to_value(u.GHz) * (kelvin / 1e4) ** -1.5)) + np.e
    )
    value = 6.8e-38 / np.sqrt(kelvin) * electron_density(gas).value * _ions(gas).value * gaunt
    return (value * u.erg / u.s / u.Hz / u.cm**3).to(u.W / u.Hz / u.kpc**3)
