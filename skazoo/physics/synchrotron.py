"""Synchrotron emission of relativistic electrons in the magnetic field."""

from __future__ import annotations

import astropy.constants as const
import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_choice, check_positive
from ..simulations.particles import Species
from .magnetism import magnetic_field_strength

__all__ = ["ELECTRON_MODELS", "emissivity", "spectral_index", "synchrotron_emissivity"]

ELECTRON_MODELS = ("equipartition", "thermal")


def emissivity(
    field: u.Quantity,
    frequency: u.Quantity,
    bandwidth: u.Quantity,
    spectral_index: float = 0.75,
    energy_ratio: float = 1.0,
    proton_ratio: float = 10.0,
    lorentz_factors: tuple[float, float] = (300.0, 15000.0),
    cosmic_ray_energy: u.Quantity | None = None,
) -> u.Quantity:
    """Synchrotron emissivity of a power-law electron population, W Hz^-1 kpc^-3, shape of `field`.

    Electrons n(gamma) ~ gamma^-(2 alpha + 1) between the Lorentz factors hold 1 / (1 + k) of the energy
    eta B^2 / 8 pi (Xu et al. 2012; Marinacci et al. 2018, section 2.3): eps ~ B^(3 + alpha) nu^-alpha.

    Args:
        field: |B|.
        frequency, bandwidth: centre and full width of the band, in the emitter's frame.
        spectral_index: alpha > 0.5 of S ~ nu^-alpha; 0.7-0.8 for galaxies, 1.7 for cluster relics.
        energy_ratio: eta, cosmic-ray over magnetic energy.
        proton_ratio: k, proton over electron energy.
        lorentz_factors: least and greatest gamma.
        cosmic_ray_energy: energy density of cosmic rays, shape of `field`, in place of eta B^2 / 8 pi.

    Raises:
        ParameterError: spectral_index <= 0.5, or a band that reaches zero frequency.
    """
    check_positive("frequency", frequency)
    check_positive("bandwidth", bandwidth)
    if spectral_index <= 0.5:
        raise ParameterError(f"spectral_index must exceed 0.5 (energy converges), but is {spectral_index}.")
    if bandwidth >= 2.0 * frequency:
        raise ParameterError(f"bandwidth {bandwidth} must be below twice the frequency {frequency}.")
    gauss = field.to_value(u.G)
    energy_density = gauss**2 / (8.0 * np.pi)  # erg cm^-3
    rest = float((const.m_e * const.c**2).to_value(u.erg))
    low, high = lorentz_factors
    power = 1.0 - 2.0 * spectral_index
    rays = energy_ratio * energy_density
    if cosmic_ray_energy is not None:
        rays = cosmic_ray_energy.to_value(u.erg / u.cm**3)
    normalisation = rays / (1.0 + proton_ratio) / rest
    normalisation = normalisation * (-power) / (low**power - high**power)
    larmor = float((const.e.esu / (2.0 * np.pi * const.m_e.cgs * const.c.cgs)).value)  # Hz per Gauss
    centre, width = frequency.to_value(u.Hz), bandwidth.to_value(u.Hz)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = (centre - width / 2) / (larmor * gauss), (centre + width / 2) / (larmor * gauss)
        slope = 1.0 - spectral_index
        # integral of x^-alpha over the band; its limit for alpha = 1 is the logarithm
        band = np.log(last / first) if abs(slope) < 1e-9 else (last**slope - first**slope) / slope
        cross_section = float(const.sigma_T.to_value(u.cm**2))
        light = float(const.c.to_value(u.cm / u.s))
        value = 2.0 / 3.0 * cross_section * light * energy_density * normalisation * band / width
    value = np.where(gauss > 0.0, value, 0.0)
    return (value * u.erg / u.s / u.Hz / u.cm**3).to(u.W / u.Hz / u.kpc**3)


def synchrotron_emissivity(
    gas: Species,
    frequency: u.Quantity = 1.4 * u.GHz,
    bandwidth: u.Quantity = 0.3 * u.GHz,
    electrons: str = "equipartition",
    thermal_fraction: float = 0.01,
    **options,
) -> u.Quantity:
    """`emissivity` of each gas cell from its own |B|, (N,) W Hz^-1 kpc^-3.

    Args:
        gas: cells.
        frequency, bandwidth: band in the emitter's frame.
        electrons: "equipartition" (cosmic rays hold `energy_ratio` times the magnetic energy) or "thermal" (they
            hold `thermal_fraction` of the thermal energy rho u; 0.01 to 0.05 in cluster shocks, Vazza et al. 2015).
        options: of `emissivity`.

    Raises:
        MissingField: without `magnetic_field` (TNG mini snapshots have none).
    """
    check_choice("electron model", electrons, ELECTRON_MODELS)
    if electrons == "thermal":
        options["cosmic_ray_energy"] = (thermal_fraction * gas.density * gas.internal_energy).to(u.erg / u.cm**3)
    return emissivity(magnetic_field_strength(gas), frequency, bandwidth, **options)


def spectral_index(first, first_frequency: u.Quantity, second, second_frequency: u.Quantity) -> np.ndarray:
    """alpha of S ~ nu^-alpha between two maps of the same unit, their shape; NaN where either is not positive."""
    check_positive("first_frequency", first_frequency)
    check_positive("second_frequency", second_frequency)
    if first_frequency == second_frequency:
        raise ParameterError(f"a spectral index needs two frequencies, but both are {first_frequency}.")
    second = u.Quantity(second)
    above = np.asarray(u.Quantity(first).to_value(second.unit), np.float64)
    below = np.asarray(second.value, np.float64)
    positive = (above > 0) & (below > 0)
    span = np.log((first_frequency / second_frequency).to_value(u.one))
    ratio = np.divide(above, below, out=np.ones_like(above), where=positive)
    return np.where(positive, -np.log(ratio) / span, np.nan)
