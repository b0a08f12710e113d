"""Gas cells of the satellites, their tails, and cool clouds of the halo."""

from __future__ import annotations

import numpy as np

from .disc_model import edge_column, scale_height
from .geometry import directions, frames_about
from .hidden import Hidden
from .interstellar import HYDROGEN, NUMBER_DENSITY
from .relations import hi_diameter
from .rotation_curve import RotationCurve
from .streams import generator
from .visible import Visible

__all__ = ["cloud_cells", "satellite_cells", "satellite_frames"]

_SLOPE = 0.33  # scale length / R_HI of a small disc
_SIGMA = 8.0


def satellite_frames(hidden: Hidden) -> np.ndarray:
    """(n, 3, 3) frames of the satellites' discs, third column along the spin."""
    return frames_about(hidden.satellites.axis)


def satellite_cells(visible: Visible, hidden: Hidden, count: int) -> dict:
    """`count` cells for each satellite: an exponential disc on the size-mass relation and a stripped tail.

    Returns: as `disc_cells`, with owner (N,), the row in `hidden.satellites`.
    """
    rng, satellites = generator(hidden.seed, "satellites"), hidden.satellites
    number, total = len(satellites), len(satellites) * count
    owner = np.repeat(np.arange(number), count)
    hi_radius = 0.5 * hi_diameter(satellites.hi_mass)
    hi_radius = hi_radius.astype(np.float32)[owner]
    # a Gamma(2) in x is the cell rate ~ sqrt(Sigma) of an exponential disc
    uniform = 1.0 - rng.random((2, total), dtype=np.float32)
    radius = np.minimum(np.float32(-2.0 * _SLOPE) * np.log(uniform[0] * uniform[1]), np.float32(2.5))
    angle = np.float32(2.0 * np.pi) * rng.random(total, dtype=np.float32)
    column = np.float32(edge_column() / HYDROGEN) * np.exp((1.0 - radius) / np.float32(_SLOPE))
    mass = column * np.exp(radius / np.float32(2.0 * _SLOPE)) * hi_radius**2
    height = scale_height(radius)
    level = np.float32(0.99) * (2.0 * rng.random(total, dtype=np.float32) - 1.0)
    density = column / (2.0 * height) * (1.0 - level * level)
    local = np.stack([radius * np.cos(angle) * hi_radius, radius * np.sin(angle) * hi_radius, height * np.arctanh(level)])
    clumps = visible.subhaloes
    speed = (60.0 * np.cbrt(clumps.mass[satellites.host] / 1e10)).astype(np.float32)[owner]
    speed = speed * np.tanh(np.float32(2.0) * radius)
    velocity = rng.standard_normal((3, total), dtype=np.float32) * np.float32(_SIGMA)
    velocity[0] -= speed * np.sin(angle)
    velocity[1] += speed * np.cos(angle)
    frames = satellite_frames(hidden).astype(np.float32)[owner]
    position = np.einsum("nij,jn->in", frames, local)
    velocity = np.einsum("nij,jn->in", frames, velocity)
    # every third cell is in the tail, where the outer disc's gas has gone
    along = rng.random(total, dtype=np.float32) ** 1.5
    tailed = (np.arange(total) % count) % 3 == 0
    tail = satellites.tail.T.astype(np.float32)[:, owner]
    spread = hi_radius * (0.3 + 0.4 * along)
    trail = tail * along + rng.standard_normal((3, total), dtype=np.float32) * spread
    position = np.where(tailed, trail, position)
    stripped = satellites.stripped.astype(np.float32)[owner]
    thin = np.float32(0.05 / HYDROGEN / NUMBER_DENSITY) * np.exp(-1.5 * along)
    density = np.where(tailed, thin * (0.4 + rng.random(total, dtype=np.float32)), density)
    weight = np.bincount(owner[~tailed], mass[~tailed], number).astype(np.float32)[owner]
    tail_mass = 3.0 / count * stripped / (1.0 - stripped) * weight
    mass = np.where(tailed, tail_mass * (1.5 - along), mass)
    column = np.where(tailed, np.float32(1e5), column)
    bulk = clumps.velocity[satellites.host].T.astype(np.float32)[:, owner]
    position += clumps.position[satellites.host].T.astype(np.float32)[:, owner]
    return {
        "position": position,
        "velocity": velocity + bulk * np.where(tailed, 1.0 - 0.5 * along, 1.0),
        "mass": mass,
        "density": density,
        "column": column,
        "radius": radius,
        "owner": owner,
    }


def cloud_cells(visible: Visible, hidden: Hidden, curve: RotationCurve, count: int) -> dict:
    """Cool clouds that fall in along the halo's long axis: Gaussian clumps within about a third of R200.

    Returns: as `disc_cells`; masses up to a common factor.
    """
    rng = generator(hidden.seed, "clouds")
    groups = 4 + rng.poisson(10.0)
    middle, short = visible.axis_ratios
    axes = visible.orientation.astype(np.float32) * np.array([1.0, middle**1.5, short**1.5], np.float32)
    distance = visible.r200 * (0.04 + 0.3 * rng.random(groups, dtype=np.float32) ** 1.3)
    centre = axes @ (directions(rng, groups) * distance)
    size = (0.01 + 0.015 * rng.random(groups, dtype=np.float32)) * np.float32(visible.r200)
    weight = np.exp(rng.standard_normal(groups, dtype=np.float32))
    radial = -centre / np.maximum(np.linalg.norm(centre, axis=0), 1e-3)
    speed = curve(distance)
    bulk = (0.4 * radial + 0.5 * rng.standard_normal((3, groups), dtype=np.float32)) * speed
    owner = np.arange(count) % groups
    offset = rng.standard_normal((3, count), dtype=np.float32)
    square = np.einsum("ij,ij->j", offset, offset)
    stretch = 1.0 + 1.5 * np.abs(rng.standard_normal(groups, dtype=np.float32))
    drawn = offset * size[owner]
    drawn += radial[:, owner] * (np.einsum("ij,ij->j", radial[:, owner], drawn) * (stretch[owner] - 1.0))
    density = np.float32(0.03 / HYDROGEN / NUMBER_DENSITY) * np.exp(-0.4 * square)
    return {
        "position": centre[:, owner] + drawn,
        "velocity": bulk[:, owner] + rng.standard_normal((3, count), dtype=np.float32) * np.float32(15.0),
        "mass": weight[owner],
        "density": density,
        "column": np.full(count, 1e5, np.float32),
        "radius": np.full(count, 2.5, np.float32),
    }
