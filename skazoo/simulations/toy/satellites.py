"""Gas cells of the satellites and of the tails that ram pressure strips from them."""

from __future__ import annotations

import numpy as np

from .disc_model import edge_column, scale_height
from .geometry import frames_about
from .hidden import Hidden
from .interstellar import HYDROGEN, NUMBER_DENSITY, atomic_fraction
from .relations import hi_diameter
from .streams import generator
from .visible import Visible

__all__ = ["satellite_cells"]

_SLOPE = 0.33  # scale length / R_HI of a small disc
_SIGMA = 8.0  # km/s
_TAIL_DENSITY = 0.03  # cm^-3: not quite star-forming, well shielded
_TAIL_SHARE = 3  # every third cell is in the tail


def satellite_cells(visible: Visible, hidden: Hidden, count: int) -> dict:
    """`count` cells for each satellite: an exponential disc on the size-mass relation, and a tail.

    Returns: dict of float32 arrays: position (3, N) kpc, velocity (3, N) km/s, mass (N,) Msun, density (N,)
    Msun/kpc^3, column (N,) Msun/kpc^2, radius (N,) R / R_HI; and owner (N,), the row in `hidden.satellites`.
    """
    rng, satellites, clumps = generator(hidden.seed, "satellites"), hidden.satellites, visible.subhaloes
    number, total = len(satellites), len(satellites) * count
    owner = np.repeat(np.arange(number), count)

    def each(values):
        """Per-satellite values (n,) or (n, 3) as (N,) or (3, N)."""
        return np.repeat(np.asarray(values, np.float32).T, count, axis=-1)

    hi_radius = each(0.5 * hi_diameter(satellites.hi_mass))
    # a Gamma(2) in x is the cell rate ~ sqrt(Sigma) of an exponential disc
    uniform = 1.0 - rng.random((2, total), dtype=np.float32)
    radius = np.minimum(np.float32(-2.0 * _SLOPE) * np.log(uniform[0] * uniform[1]), np.float32(2.5))
    angle = np.float32(2.0 * np.pi) * rng.random(total, dtype=np.float32)
    column = np.float32(edge_column() / HYDROGEN) * np.exp((1.0 - radius) / np.float32(_SLOPE))
    area = np.float32(2.0 * np.pi * (2.0 * _SLOPE) ** 2 / count) * np.exp(radius / np.float32(2.0 * _SLOPE))
    mass = column * area * hi_radius**2
    height = scale_height(radius)
    level = np.float32(0.99) * (2.0 * rng.random(total, dtype=np.float32) - 1.0)
    density = column / (2.0 * height) * (1.0 - level * level)
    cosine, sine = np.cos(angle), np.sin(angle)
    flat = radius * hi_radius
    local = np.stack([flat * cosine, flat * sine, height * np.arctanh(level)])
    speed = each(60.0 * np.cbrt(clumps.mass[satellites.host] / 1e10)) * np.tanh(np.float32(2.0) * radius)
    velocity = rng.standard_normal((3, total), dtype=np.float32) * np.float32(_SIGMA)
    velocity[0] -= speed * sine
    velocity[1] += speed * cosine
    frames = frames_about(satellites.axis).astype(np.float32)
    position = (frames @ local.reshape(3, number, count).transpose(1, 0, 2)).transpose(1, 0, 2).reshape(3, total)
    velocity = (frames @ velocity.reshape(3, number, count).transpose(1, 0, 2)).transpose(1, 0, 2).reshape(3, total)

    # the tail: a cylinder at constant density whose width follows from its mass and length
    tailed = np.tile(np.arange(count) % _TAIL_SHARE == 0, number)
    along = rng.random(total, dtype=np.float32)
    gas = satellites.hi_mass * satellites.stripped / (HYDROGEN * float(atomic_fraction(_TAIL_DENSITY)))
    volume = gas / (_TAIL_DENSITY / (HYDROGEN * NUMBER_DENSITY))
    length = np.linalg.norm(satellites.tail, axis=1)
    width = np.sqrt(volume / (2.0 * np.pi * length))
    swing = np.sin(np.float32(3.0) * along)  # tails bend
    trail = each(satellites.tail) * along + each(satellites.bend) * swing
    trail += rng.standard_normal((3, total), dtype=np.float32) * each(width)
    position = np.where(tailed, trail, position)
    density = np.where(tailed, np.float32(_TAIL_DENSITY / (HYDROGEN * NUMBER_DENSITY)) * (1.25 - 0.5 * along), density)
    disc_mass = np.bincount(owner[~tailed], mass[~tailed], number)
    tail_mass = disc_mass * satellites.stripped / (1.0 - satellites.stripped) * _TAIL_SHARE / count
    position += each(clumps.position[satellites.host])
    velocity += each(clumps.velocity[satellites.host]) * np.where(tailed, 1.0 - np.float32(0.5) * along, 1.0)
    return {
        "position": position,
        "velocity": velocity,
        "mass": np.where(tailed, each(tail_mass), mass),
        "density": density,
        "column": np.where(tailed, np.float32(1e5), column),
        "radius": radius,
        "owner": owner,
    }
