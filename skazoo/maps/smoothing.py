"""How large each particle is drawn."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..simulations.particles import Species

__all__ = ["support_radius"]

# MARTINI's convention: the spline's support is 2.5 radii of the sphere with the cell's volume
_CELL_RADII = 2.5
_NEIGHBOURS = 32


def support_radius(species: Species) -> np.ndarray:
    """Kernel support radius of each particle, (N,) kpc.

    Gas: 2.5 (3 V / 4 pi)^(1/3) with V = m / rho; otherwise the file's smoothing length, and where there is none
    the distance to the 32nd neighbour (to the farthest one in smaller sets).
    """
    if species.kind == "gas" and "density" in species:
        volume = species.mass.to_value(u.Msun) / species.density.to_value(u.Msun / u.kpc**3)
        return _CELL_RADII * np.cbrt(3.0 / (4.0 * np.pi) * volume)
    if "smoothing_length" in species:
        return species.smoothing_length.to_value(u.kpc)
    return neighbour_distance(species.position.to_value(u.kpc), _NEIGHBOURS)


def neighbour_distance(position: np.ndarray, neighbours: int) -> np.ndarray:
    """Distance of each of (N, 3) points to its n-th neighbour, or to the farthest where N is smaller; (N,)."""
    from scipy.spatial import cKDTree

    if len(position) < 2:
        return np.zeros(len(position))
    number = min(neighbours + 1, len(position))
    return cKDTree(position).query(position, k=[number], workers=-1)[0][:, 0]
