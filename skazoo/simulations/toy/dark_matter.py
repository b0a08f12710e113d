"""Dark-matter particles: a triaxial NFW halo and its subhaloes. They depend on the visible latents alone."""

from __future__ import annotations

import numpy as np

from . import nfw
from .cosmology import G
from .geometry import directions, stratified
from .streams import generator
from .visible import Visible

__all__ = ["NEIGHBOURS", "dark_matter_particles"]

NEIGHBOURS = 32  # the smoothing length is the radius of the sphere that holds so many particles
_ROUNDING = 0.15  # c/a of the inner halo is larger by this much, within about 0.3 R200
_CLUMP_CONCENTRATION = 6.0  # tidal radius / scale radius of a subhalo


def dark_matter_particles(visible: Visible, count: int = 14000, particle_mass: float | None = None) -> dict:
    """Positions, velocities, masses and smoothing lengths of equal-mass particles.

    Args:
        visible: latents.
        count: number of particles; their mass is such that exactly (1 - f_b) M200 lies within R200.
        particle_mass: Msun, instead of `count`: the number then follows, and the mass within R200 is right to
            the percent (shot noise and the halo's flattening).

    Returns: dict of float32 arrays: position (N, 3) kpc, mass (N,) Msun, smoothing_length (N,) kpc; and a function
    that returns velocity (N, 3) km/s (maps do not need it).
    """
    rng, clump_rng = generator(visible.seed, "dark_matter"), generator(visible.seed, "subhaloes")
    cumulative, radii = nfw.radius_table(visible.concentration)
    clumps = visible.subhaloes
    share = visible.dark_matter_mass / visible.halo_mass
    if particle_mass is None:
        nominal = visible.dark_matter_mass * cumulative[-1] / count
    else:
        nominal = particle_mass
        count = max(int(round(visible.dark_matter_mass * cumulative[-1] / nominal)), 1)
    members = np.rint(clumps.mass * share / nominal).astype(int)
    smooth = _smooth_halo(rng, visible, count - members.sum(), cumulative, radii)
    clumpy = _clumps(clump_rng, visible, members, count / cumulative[-1])
    position = np.concatenate([smooth[0], clumpy[0]], axis=1)
    number_density = np.concatenate([smooth[1], clumpy[1]])  # per kpc^3
    sigma = np.concatenate([smooth[2], clumpy[2]])  # km/s

    def velocity():
        """Isotropic Gaussian; subhaloes move as a whole besides."""
        normal = generator(visible.seed, "dark_matter_velocity").standard_normal((len(sigma), 3), dtype=np.float32)
        drawn = normal * sigma[:, None]
        drawn[len(sigma) - members.sum() :] += np.repeat(clumps.velocity.astype(np.float32), members, axis=0)
        return drawn

    if particle_mass is None:
        inside = np.count_nonzero(np.einsum("ij,ij->j", position, position) < visible.r200**2)
        nominal = visible.dark_matter_mass / max(inside, 1)
    return {
        "position": np.ascontiguousarray(position.T),
        "velocity": velocity,
        "mass": np.full(len(number_density), nominal, np.float32),
        "smoothing_length": np.cbrt(np.float32(NEIGHBOURS * 3.0 / (4.0 * np.pi)) / number_density),
    }


def _smooth_halo(rng, visible, count, cumulative, radii):
    """Positions, number density and velocity dispersion: shells stretched to ellipsoids of the same volume."""
    radius = np.interp(stratified(rng, count) * cumulative[-1], cumulative, radii).astype(np.float32)
    middle, short = visible.axis_ratios
    inner = np.float32(_ROUNDING) * np.exp(-((radius / np.float32(0.3)) ** 2))
    c = np.minimum(np.float32(short) + inner, np.float32(0.97))
    b = np.minimum(np.float32(middle) + inner, np.float32(1.0))
    stretch = visible.r200 * radius / np.cbrt(b * c)
    position = directions(rng, count) * stretch
    position[1] *= b
    position[2] *= c
    position = visible.orientation.astype(np.float32) @ position
    # sigma^2 = V_c^2 / 2, on the table of radii
    speeds = np.sqrt(0.5 * G * visible.halo_mass / visible.r200 * nfw.enclosed(radii[1:], visible.concentration))
    speeds = speeds / np.sqrt(radii[1:])
    sigma = np.interp(radius, radii[1:], speeds).astype(np.float32)
    density = count / cumulative[-1] / visible.r200**3
    density = np.float32(density) * nfw.shape_density(
        np.maximum(radius, np.float32(1e-3)), np.float32(visible.concentration)
    )
    return position, density.astype(np.float32), sigma


def _clumps(rng, visible, members, count_within):
    """The same for truncated NFW spheres around the subhaloes."""
    clumps = visible.subhaloes
    owner = np.repeat(np.arange(len(clumps)), members)
    total = len(owner)
    grid = np.linspace(0.0, 1.0, 129)
    inside = nfw.mass_function(_CLUMP_CONCENTRATION * grid)
    radius = np.interp(rng.random(total) * inside[-1], inside, grid).astype(np.float32)
    size = clumps.radius.astype(np.float32)[owner]
    position = directions(rng, total) * (radius * size) + clumps.position.T.astype(np.float32)[:, owner]
    sigma = np.sqrt(0.5 * G * clumps.mass / clumps.radius).astype(np.float32)[owner]
    distance = np.linalg.norm(clumps.position, axis=1) / visible.r200
    host = count_within * nfw.shape_density(distance, visible.concentration) / visible.r200**3
    x = _CLUMP_CONCENTRATION * np.maximum(radius, np.float32(0.02))
    own = members[owner] * _CLUMP_CONCENTRATION**3 / (4.0 * np.pi * inside[-1]) / (x * (1.0 + x) ** 2) / size**3
    return position, (own + host[owner]).astype(np.float32), sigma
