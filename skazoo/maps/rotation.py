"""Which way the galaxy is looked at."""

from __future__ import annotations

import numbers

import astropy.units as u
import numpy as np

from ..errors import ParameterError
from ..simulations.particles import ParticleSet

__all__ = ["angular_momentum", "rotation_matrix"]

_ENOUGH_CELLS = 10  # star-forming cells that define a disc


def rotation_matrix(rotation, particles: ParticleSet | None = None) -> np.ndarray:
    """The (3, 3) matrix R of a view: seen position = R @ position, line of sight = third row.

    Args:
        rotation: None (as the file has it), a matrix, "face-on", "edge-on", or an integer seed of a uniform
            draw from SO(3).
        particles: needed for "face-on" and "edge-on".

    Raises:
        ParameterError: not orthonormal, or an unknown word.
    """
    if rotation is None:
        return np.eye(3)
    if isinstance(rotation, str):
        if rotation not in ("face-on", "edge-on"):
            raise ParameterError(
                f"rotation must be 'face-on', 'edge-on', a 3x3 matrix, a seed or None, but is {rotation!r}."
            )
        pole = angular_momentum(particles)
        pole = pole / np.linalg.norm(pole)
        # any axis in the disc will do for x; the one nearest to the file's x axis keeps views comparable
        axis = np.eye(3)[0] if abs(pole[0]) < 0.9 else np.eye(3)[1]
        right = axis - pole * (axis @ pole)
        right /= np.linalg.norm(right)
        up = np.cross(pole, right)
        return np.stack([right, up, pole] if rotation == "face-on" else [right, pole, -up])
    if isinstance(rotation, numbers.Integral):
        from scipy.spatial.transform import Rotation

        return Rotation.random(rng=np.random.default_rng(int(rotation))).as_matrix()
    matrix = np.asarray(rotation, np.float64)
    if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6):
        raise ParameterError("rotation must be an orthonormal 3x3 matrix.")
    return matrix


def angular_momentum(particles: ParticleSet) -> np.ndarray:
    """Angular momentum (arbitrary scale) of the star-forming gas, else of the stars, else of all gas.

    Only matter within twice its half-mass radius counts: a satellite far out has more angular momentum than the
    disc, and would turn the view.
    """
    for species, weight in _rotating(particles):
        position = species.position.to_value(u.kpc)
        radius = np.sqrt(np.einsum("ij,ij->i", position, position))
        order = np.argsort(radius)
        enclosed = np.cumsum(weight[order])
        half = radius[order][np.searchsorted(enclosed, 0.5 * enclosed[-1])]
        weight = np.where(radius <= 2.0 * half, weight, 0.0)
        velocity = species.velocity.to_value(u.km / u.s).astype(np.float64)
        velocity = velocity - weight @ velocity / weight.sum()
        spin = weight @ np.cross(position, velocity)
        if np.linalg.norm(spin) > 0.0:
            return spin
    raise ParameterError("rotation 'face-on' needs gas or stars that rotate; give a matrix or a seed instead.")


def _rotating(particles: ParticleSet):
    """(species, mass that counts) in order of preference."""
    gas, stars = particles.gas, particles.stars
    if gas is not None and len(gas) and "star_formation_rate" in gas:
        forming = gas.star_formation_rate.value > 0.0
        if forming.sum() >= _ENOUGH_CELLS:
            yield gas, np.where(forming, gas.mass.to_value(u.Msun), 0.0)
    for species in (stars, gas):
        if species is not None and len(species):
            yield species, species.mass.to_value(u.Msun)
