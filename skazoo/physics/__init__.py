"""What the particles mean: pure functions from particle fields to physical quantities."""

from .brightness import (
    brightness_temperature,
    brightness_temperature_from_column,
    column_density,
    hi_flux,
    line_depth,
)
from .hydrogen import hi_mass, molecular_fraction, neutral_fraction
from .magnetism import magnetic_field_strength
from .synchrotron import synchrotron_emissivity
from .thermodynamics import hydrogen_number_density, temperature, thermal_pressure

__all__ = [
    "brightness_temperature",
    "brightness_temperature_from_column",
    "column_density",
    "hi_flux",
    "hi_mass",
    "hydrogen_number_density",
    "line_depth",
    "magnetic_field_strength",
    "molecular_fraction",
    "neutral_fraction",
    "synchrotron_emissivity",
    "temperature",
    "thermal_pressure",
]
