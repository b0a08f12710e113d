"""The state of cold gas: what a cell of given density stores so that TNG's recipes find the HI in it.

The HI of a cell is m X_H f_neutral / (1 + R_mol). A star-forming cell (n_H > 0.106 cm^-3) stores the energy of the
effective equation of state: u = u_h - f (u_h - u_c) with a cold fraction f of 0.95, from which the two-phase formula
of Springel & Hernquist (2003) recovers f, and the pressure of its neutral gas, P = f (gamma - 1) rho u, then gives
R_mol = (P / P0)^0.8, P0 / k = 1.7e4 K cm^-3 (Leroy et al. 2008), which passes 1 at n_H = 0.5 cm^-3. Thinner gas is
warm (8000 K) and self-shielded above 6e-3 cm^-3.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = [
    "NUMBER_DENSITY",
    "THRESHOLD",
    "atomic_fraction",
    "energy_of_temperature",
    "log_densities",
    "mean_atomic_fraction",
    "neutral_fraction",
    "state",
]

NUMBER_DENSITY = 4.0460e-8  # cm^-3 per Msun/kpc^3 of protons
_KELVIN = 121.147  # m_p (km/s)^2 / k_B
THRESHOLD = 0.106  # cm^-3, star formation
COLD_FRACTION = 0.95
HYDROGEN = 0.76
_WARM = 8000.0
_SHIELDING, _SHIELDING_SLOPE, _THIN = 6e-3, 2.3, 3.6
_FULL_IONISATION = 1.16  # electrons per hydrogen, helium included


def neutral_fraction(number_density):
    """Share of warm gas: r / (1 + r) with r = (n_H / 6e-3)^2.3 + 3.6 n_H, shielded and optically thin.

    3.6 cm^3 is x_e alpha_B(1e4 K) / Gamma for the ultraviolet background at z = 0, 8.3e-14 / s.
    """
    ratio = (number_density * (1.0 / _SHIELDING)) ** _SHIELDING_SLOPE + _THIN * number_density
    return ratio / (1.0 + ratio)


def energy_of_temperature(kelvin, electrons, hydrogen=HYDROGEN):
    """Specific energy u = 1.5 k T / (mu m_p), (km/s)^2, with mu = 4 / (1 + 3 X + 4 X x_e)."""
    return 1.5 / _KELVIN * kelvin * (1.0 + 3.0 * hydrogen + 4.0 * hydrogen * electrons) / 4.0


def _two_phase_energy(number_density, hydrogen):
    """Energy of gas whose cold fraction is `COLD_FRACTION`: T_h = 1e3 + 5.73e7 / (1 + A) K, clouds at 1e3 K."""
    evaporation = 573.0 * np.maximum(1.0, number_density / 0.13) ** -0.8
    hot = 1.5 / _KELVIN * (1e3 + 5.73e7 / (1.0 + evaporation)) * (3.0 + 5.0 * hydrogen) / 4.0
    cold = 1.5 / _KELVIN * 1e3 * (1.0 + 3.0 * hydrogen) / 4.0
    return hot - COLD_FRACTION * (hot - cold)


def state(density, hydrogen):
    """Energy, neutral fraction, electron abundance and HI share of cold cells.

    Args:
        density: (N,) Msun/kpc^3.
        hydrogen: (N,) mass fraction X_H.

    Returns: dict of (N,) arrays: internal_energy ((km/s)^2), neutral_hydrogen_abundance, electron_abundance,
    forming (bool) and atomic (HI mass / hydrogen mass).
    """
    number = hydrogen * density * np.float32(NUMBER_DENSITY)
    forming = number > THRESHOLD
    neutral = neutral_fraction(number)
    electrons = _FULL_IONISATION * (1.0 - neutral) + np.float32(1e-3)
    warm = energy_of_temperature(np.float32(_WARM) * (1.5 - 0.5 * neutral), electrons, hydrogen)
    energy = np.where(forming, _two_phase_energy(number, hydrogen), warm)
    pressure = energy * density * np.float32(2.0 / 3.0 * NUMBER_DENSITY * _KELVIN)
    cold = np.where(forming, np.float32(COLD_FRACTION), neutral)
    pressure = pressure * cold
    return {
        "internal_energy": energy,
        "neutral_hydrogen_abundance": neutral,
        "electron_abundance": electrons,
        "forming": forming,
        "atomic": cold / (1.0 + (pressure / np.float32(1.7e4)) ** np.float32(0.8)),
    }


def atomic_fraction(number_density):
    """HI mass / hydrogen mass of a cell with X_H = 0.76, by n_H (cm^-3)."""
    number = np.asarray(number_density, np.float64)
    return state(number / (HYDROGEN * NUMBER_DENSITY), HYDROGEN)["atomic"]


@lru_cache(maxsize=1)
def log_densities() -> np.ndarray:
    """Natural logarithms of the midplane n_H (cm^-3) of the tables."""
    return np.linspace(np.log(1e-5), np.log(1e3), 301)


@lru_cache(maxsize=1)
def _fraction_tables() -> np.ndarray:
    """`mean_atomic_fraction` for sigma = 0, 0.1 ... 1.2."""
    heights = (np.arange(64) + 0.5) / 64
    profile = np.log(1.0 - heights**2)  # sech^2 at equal shares of the column
    grid = log_densities()
    vertical = atomic_fraction(np.exp(grid[:, None] + profile)).mean(axis=1)
    points, weights = np.polynomial.hermite_e.hermegauss(9)
    rows = []
    for sigma in np.arange(13) * 0.1:
        # by mass, ln of a lognormal field is N(+sigma^2 / 2, sigma)
        shifted = grid[:, None] + sigma * points + 0.5 * sigma**2
        rows.append(np.interp(shifted, grid, vertical) @ weights / weights.sum())
    return np.array(rows)


def mean_atomic_fraction(log_density, sigma: float):
    """HI share of a sech^2 column by ln of its midplane n_H, averaged over lognormal contrast sigma."""
    row = _fraction_tables()[min(int(round(sigma * 10.0)), 12)]
    return np.interp(log_density, log_densities(), row)
