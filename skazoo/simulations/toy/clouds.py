"""Gas cells of cool clouds that fall into the halo."""

from __future__ import annotations

import numpy as np

from .geometry import directions
from .hidden import Hidden
from .interstellar import HYDROGEN, NUMBER_DENSITY, atomic_fraction
from .rotation_curve import RotationCurve
from .streams import generator
from .visible import Visible

__all__ = ["cloud_cells"]

_DENSITY = 0.03  # cm^-3
_MEMBERS = 20  # cells of a cloud


def cloud_cells(visible: Visible, hidden: Hidden, curve: RotationCurve, hi_mass: float, count: int) -> dict:
    """Clouds of lognormal mass along the halo's long axis, within about a third of R200, stretched as they fall.

    Args:
        hi_mass: of all clouds together (Msun); their sizes follow from it at n_H of about 0.03 cm^-3.

    Returns: dict of float32 arrays: position (3, N) kpc, velocity (3, N) km/s, mass (N,) Msun, density (N,)
    Msun/kpc^3, column (N,) Msun/kpc^2, radius (N,).
    """
    rng = generator(hidden.seed, "clouds")
    groups = max(count // _MEMBERS, 1)
    owner = np.arange(count) % groups
    middle, short = visible.axis_ratios
    axes = visible.orientation.astype(np.float32) * np.array([1.0, middle**1.5, short**1.5], np.float32)
    distance = np.float32(visible.r200) * (0.03 + 0.3 * rng.random(groups, dtype=np.float32) ** 1.5)
    centre = axes @ (directions(rng, groups) * distance)
    weight = np.exp(np.float32(1.2) * rng.standard_normal(groups, dtype=np.float32))
    gas = weight / weight.sum() * np.float32(hi_mass / (HYDROGEN * float(atomic_fraction(_DENSITY))))
    inward = -centre / np.maximum(np.sqrt((centre**2).sum(axis=0)), np.float32(1e-3))
    bulk = (0.4 * inward + 0.5 * rng.standard_normal((3, groups), dtype=np.float32)) * curve(distance)
    along = inward + np.float32(0.8) * rng.standard_normal((3, groups), dtype=np.float32)
    along /= np.sqrt((along**2).sum(axis=0))
    stretch = 1.0 + np.abs(rng.standard_normal(groups, dtype=np.float32))
    size = np.cbrt(gas / stretch / np.float32(_DENSITY / (HYDROGEN * NUMBER_DENSITY) * (2.0 * np.pi) ** 1.5))
    offset = rng.standard_normal((3, count), dtype=np.float32)
    square = (offset * offset).sum(axis=0)
    along = along[:, owner]
    drawn = offset + along * ((along * offset).sum(axis=0) * (stretch[owner] - 1.0))
    density = np.float32(1.5 * _DENSITY / (HYDROGEN * NUMBER_DENSITY)) * np.exp(np.float32(-0.2) * square)
    return {
        "position": centre[:, owner] + drawn * size[owner],
        "velocity": bulk[:, owner] + np.float32(12.0) * rng.standard_normal((3, count), dtype=np.float32),
        "mass": gas[owner] * np.float32(groups / count),
        "density": density,
        "column": np.full(count, 1e5, np.float32),
        "radius": np.ones(count, np.float32),
    }
