"""What the particles mean: pure functions from particle fields to physical quantities."""

from .brightness import (
    brightness_temperature,
    brightness_temperature_from_column,
    column_density,
    hi_flux,
    line_depth,
)
from .hydrogen import hi_mass, molecular_fraction, neutral_fraction
from .ionised import bremsstrahlung_emissivity, compton_density, electron_density, free_free_emissivity
from .magnetism import magnetic_field_strength
from .polarisation import faraday_depth_density, polarised_fraction, stokes_fractions
from .synchrotron import spectral_index, synchrotron_emissivity
from .thermodynamics import hydrogen_number_density, temperature, thermal_pressure

__all__ = [
    "bremsstrahlung_emissivity",
    "brightness_temperature",
    "brightness_temperature_from_column",
    "column_density",
    "compton_density",
    "electron_density",
    "faraday_depth_density",
    "free_free_emissivity",
    "hi_flux",
    "hi_mass",
    "hydrogen_number_density",
    "line_depth",
    "magnetic_field_strength",
    "molecular_fraction",
    "neutral_fraction",
    "polarised_fraction",
    "spectral_index",
    "stokes_fractions",
    "synchrotron_emissivity",
    "temperature",
    "thermal_pressure",
]
