"""Magnetic fields of gas cells."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..simulations.particles import Species

__all__ = ["magnetic_field_strength"]


def magnetic_field_strength(gas: Species) -> u.Quantity:
    """|B| of each cell, (N,) G. Readers hand B over in Gauss (2.6019e-6 h/a^2 per TNG code unit)."""
    field = gas.magnetic_field.to_value(u.G)
    return np.sqrt(np.einsum("ij,ij->i", field, field)) * u.G
