"""How much of the hydrogen is neutral, and how much of that is atomic."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import MissingField, ParameterError, check_choice
from ..simulations.particles import Species
from .photodissociation import gnedin_kravtsov
from .thermodynamics import (
    _KELVIN,
    ADIABATIC_INDEX,
    hydrogen_fraction,
    hydrogen_number_density,
    temperature,
    thermal_pressure,
)

__all__ = [
    "MOLECULAR_MODELS",
    "PRESSURE_LAWS",
    "SF_MODELS",
    "hi_mass",
    "molecular_fraction",
    "neutral_fraction",
    "rahmati_neutral_fraction",
    "two_phase_neutral_fraction",
]

# R_mol = (P / P0)^alpha: P0 / k_B in K cm^-3, alpha
PRESSURE_LAWS = {"leroy08": (1.7e4, 0.80), "br06": (4.3e4, 0.92)}
MOLECULAR_MODELS = (*PRESSURE_LAWS, "gk11")
# how star-forming cells are treated -> softening of the equation of state that is undone first
SF_MODELS = {"two-phase": 1.0, "two-phase-softened": 0.3, "file": None}

# Rahmati et al. 2013, table A1: z, log n0 [cm^-3], Gamma_UVB [s^-1], alpha1, alpha2, beta, f
_RAHMATI = np.array(
    [
        [0.0, -2.94, 8.34e-14, -3.98, -1.09, 1.29, 0.01],
        [1.0, -2.29, 7.40e-13, -2.94, -0.90, 1.21, 0.03],
        [2.0, -2.06, 1.50e-12, -2.22, -1.09, 1.75, 0.03],
        [3.0, -2.13, 1.16e-12, -1.99, -0.88, 1.72, 0.04],
        [4.0, -2.23, 7.91e-13, -2.05, -0.75, 1.93, 0.02],
        [5.0, -2.35, 5.43e-13, -2.63, -0.57, 1.77, 0.01],
    ]
)


def two_phase_neutral_fraction(internal_energy, number_density, hydrogen=0.76, softening: float = 1.0):
    """Neutral (cold-cloud) fraction of star-forming gas in the Springel & Hernquist (2003) two-phase model.

    f = (u_h - u) / (u_h - u_c), clipped to [0, 1], with clouds at T_c = 1000 K, and hot gas at
    T_h = T_c + 5.73e7 K / (1 + A), A = 573 max(1, n_H / 0.13 cm^-3)^-0.8 (the TNG parameter file's values;
    form of Stevens et al. 2019). AREPO runs with a softer equation of state fall outside [0, 1], hence the clip.

    Args:
        internal_energy: u, Quantity (N,).
        number_density: n_H, Quantity (N,).
        hydrogen: mass fraction X_H.
        softening: q of a softer equation of state, u = q u_two-phase + (1 - q) u(1e4 K): 0.3 in TNG
            (FactorForSofterEQS; Springel, Di Matteo & Hernquist 2005). The default takes u as it is, as most work on
            TNG's HI does; undoing the softening lowers the median fraction by 0.06.

    Raises:
        ParameterError: softening not in (0, 1].
    """
    if not 0.0 < softening <= 1.0:
        raise ParameterError(f"softening must be in (0, 1], but is {softening}.")
    energy = internal_energy.to_value(u.km**2 / u.s**2)
    ratio = np.maximum(1.0, number_density.to_value(u.cm**-3) / 0.13)
    hot_temperature = 1e3 + 5.73e7 / (1.0 + 573.0 * ratio**-0.8)
    per_kelvin = 1.0 / ((ADIABATIC_INDEX - 1.0) * _KELVIN)  # u mu / T
    cold = 1e3 * per_kelvin / (4.0 / (1.0 + 3.0 * hydrogen))
    hot = hot_temperature * per_kelvin / (4.0 / (3.0 + 5.0 * hydrogen))
    warm = 1e4 * per_kelvin / (4.0 / (3.0 + 5.0 * hydrogen))
    energy = (energy - (1.0 - softening) * warm) / softening
    return np.clip((hot - energy) / (hot - cold), 0.0, 1.0)


def rahmati_neutral_fraction(gas_temperature, number_density, redshift: float):
    """Neutral fraction in photo- and collisional-ionisation equilibrium with self-shielding.

    Rahmati et al. 2013 (MNRAS 430, 2427), appendix A, table A1 interpolated linearly in redshift (0 to 5).

    Raises:
        MissingField: above z = 5, where the fit ends.
    """
    if redshift > 5.0:
        raise MissingField(
            f"the neutral fraction at z = {redshift:.2f} needs NeutralHydrogenAbundance in the file: "
            "the Rahmati et al. (2013) fit that stands in for it ends at z = 5."
        )
    row = [np.interp(max(redshift, 0.0), _RAHMATI[:, 0], _RAHMATI[:, i]) for i in range(1, 7)]
    density = number_density.to_value(u.cm**-3)
    kelvin = gas_temperature.to_value(u.K)
    relative = density / 10.0 ** row[0]
    rate = row[1] * ((1.0 - row[5]) * (1.0 + relative ** row[4]) ** row[2] + row[5] * (1.0 + relative) ** row[3])
    scaled = 315614.0 / kelvin
    recombination = 1.269e-13 * scaled**1.503 / (1.0 + (scaled / 0.522) ** 0.47) ** 1.923
    collisions = 1.17e-10 * np.sqrt(kelvin) * np.exp(-157809.0 / kelvin) / (1.0 + np.sqrt(kelvin / 1e5))
    a = recombination + collisions
    b = 2.0 * recombination + rate / density + collisions
    # the smaller root of a f^2 - b f + alpha = 0, in the form that does not cancel when f is tiny
    return 2.0 * recombination / (b + np.sqrt(b * b - 4.0 * a * recombination))


def neutral_fraction(gas: Species, redshift: float = 0.0, sf_model: str = "two-phase") -> np.ndarray:
    """n(H0 + 2 H2) / n_H of each cell, (N,) in [0, 1].

    The file's `neutral_hydrogen_abundance` where there is one, the Rahmati et al. (2013) equilibrium
    otherwise; star-forming cells, whose stored value belongs to the effective equation of state, by
    `two_phase_neutral_fraction` (sf_model="two-phase"; "two-phase-softened" with TNG's softening of 0.3 undone) or
    left as they are (sf_model="file").

    Raises:
        MissingField: when neither route's fields are there.
    """
    check_choice("sf_model", sf_model, SF_MODELS)
    if "neutral_hydrogen_abundance" in gas:
        fraction = np.clip(np.asarray(gas.neutral_hydrogen_abundance, np.float64), 0.0, 1.0)
    else:
        fraction = rahmati_neutral_fraction(temperature(gas), hydrogen_number_density(gas), redshift)
    if sf_model != "file" and "star_formation_rate" in gas:
        forming = np.asarray(gas.star_formation_rate.value) > 0.0
        if forming.any():
            rows = gas.select(forming)
            fraction[forming] = two_phase_neutral_fraction(
                rows.internal_energy, hydrogen_number_density(rows), hydrogen_fraction(rows), SF_MODELS[sf_model]
            )
    return fraction


def molecular_fraction(
    gas: Species, model: str | None = "leroy08", redshift: float = 0.0, neutral: np.ndarray | None = None
) -> np.ndarray:
    """H2 share of the neutral hydrogen, R / (1 + R) with R = (P / P0)^alpha, (N,) in [0, 1].

    P is the neutral gas's part of the thermal pressure, f_neutral (gamma - 1) rho u (Marinacci et al. 2017;
    Diemer et al. 2018, eq. 6).

    Args:
        gas: cells.
        model: "leroy08" (Leroy et al. 2008: P0/k = 1.7e4 K cm^-3, alpha = 0.8), "br06" (Blitz & Rosolowsky
            2006: 4.3e4, 0.92), "gk11" (`gnedin_kravtsov`: needs metals), or None for no molecules.
        redshift: for `neutral_fraction`, unless
        neutral: gives the neutral fraction (N,).
    """
    if model is None:
        return np.zeros(len(gas))
    check_choice("molecular model", model, MOLECULAR_MODELS)
    neutral = neutral_fraction(gas, redshift) if neutral is None else neutral
    if model == "gk11":
        return gnedin_kravtsov(gas, neutral)
    scale, power = PRESSURE_LAWS[model]
    ratio = (neutral * thermal_pressure(gas).to_value(u.K / u.cm**3) / scale) ** power
    return ratio / (1.0 + ratio)


def hi_mass(
    gas: Species, redshift: float = 0.0, molecular: str | None = "auto", sf_model: str = "two-phase"
) -> u.Quantity:
    """Atomic hydrogen mass m X_H f_neutral (1 - f_H2) of each cell, (N,) Msun.

    Args:
        gas: cells.
        redshift, sf_model: for `neutral_fraction`.
        molecular: model of `molecular_fraction`, or None for no molecules. "auto": the atomic fraction that the run
            itself followed where it did (Simba's GrackleHI, whose star-forming gas has no two-phase equation of
            state; Dave et al. 2019), "leroy08" elsewhere.
    """
    if molecular == "auto" and "atomic_hydrogen_abundance" in gas:
        atomic = np.clip(np.asarray(gas.atomic_hydrogen_abundance, np.float64), 0.0, 1.0)
        return gas.mass.to(u.Msun) * hydrogen_fraction(gas) * atomic
    molecular = "leroy08" if molecular == "auto" else molecular
    neutral = neutral_fraction(gas, redshift, sf_model)
    atomic = neutral * (1.0 - molecular_fraction(gas, molecular, neutral=neutral))
    return gas.mass.to(u.Msun) * hydrogen_fraction(gas) * atomic
