"""Polarisation of synchrotron emission and its Faraday rotation."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import ParameterError
from ..simulations.particles import Species
from .ionised import electron_density

__all__ = ["faraday_depth_density", "polarised_fraction", "stokes_fractions"]

_FARADAY = 0.812 * u.rad / u.m**2 / (u.cm**-3 * u.uG * u.pc)


def polarised_fraction(spectral_index: float = 0.75) -> float:
    """Linear polarisation (p + 1) / (p + 7/3) of synchrotron in a uniform field, p = 2 alpha + 1.

    Rybicki & Lightman (1979), eq. 6.38: 0.69 to 0.75 for alpha = 0.5 to 1.
    """
    if spectral_index <= 0.0:
        raise ParameterError(f"spectral_index must be positive, but is {spectral_index}.")
    power = 2.0 * spectral_index + 1.0
    return (power + 1.0) / (power + 7.0 / 3.0)


def stokes_fractions(field: u.Quantity, right, up, spectral_index: float = 0.75) -> tuple[np.ndarray, np.ndarray]:
    """Q / I and U / I of cells with magnetic vectors `field` (N, 3); angles from `up` through left (IAU), each (N,).

    The electric vector is perpendicular to the field's projection on the sky. Weigh both with the emissivity and
    add them along the line of sight to find how far a tangled field depolarises.

    Args:
        field: magnetic field vectors.
        right, up: (3,) unit vectors of the sky's axes: the first two rows of a view's matrix.
    """
    x, y = (field.to_value(u.G) @ np.asarray(axis, np.float64) for axis in (right, up))
    square = x * x + y * y
    share = polarised_fraction(spectral_index) / np.where(square > 0.0, square, 1.0)
    # field at angle phi from `up` through left (-x): cos 2 phi = (y^2 - x^2) / B^2, sin 2 phi = -2 x y / B^2
    return -share * (y * y - x * x), share * 2.0 * x * y


def faraday_depth_density(gas: Species, sight) -> u.Quantity:
    """Rotation measure per length, 0.812 n_e B_parallel, of each cell, (N,) rad m^-2 kpc^-1.

    Args:
        sight: (3,) unit vector towards the observer; a field along it counts positive.

    n_e / n_H of star-forming cells is that of the effective equation of state.
    """
    parallel = gas.magnetic_field @ np.asarray(sight, np.float64)
    return (_FARADAY * electron_density(gas) * parallel).to(u.rad / u.m**2 / u.kpc)
