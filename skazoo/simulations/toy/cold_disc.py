"""Gas cells of the central galaxy's disc."""

from __future__ import annotations

import numpy as np

from .disc_model import OUTER_EDGE, DiscModel, scale_height
from .geometry import GOLDEN_ANGLE, stratified
from .hidden import Hidden
from .interstellar import HYDROGEN
from .rotation_curve import RotationCurve
from .streams import generator
from .texture import Texture

__all__ = ["disc_cells"]

_SIGMA = 9.0  # km/s, turbulent speed of the gas
_TABLE = np.linspace(0.0, OUTER_EDGE, 257)


def disc_cells(hidden: Hidden, curve: RotationCurve, count: int) -> dict:
    """Cells on a jittered sunflower lattice (little shot noise), lighter outside; texture acts on their masses.

    Returns: dict of float32 arrays: position (3, N) kpc, velocity (3, N) km/s, mass (N,) Msun, density (N,)
    Msun/kpc^3, column (N,) local surface density Msun/kpc^2, radius (N,) R / R_HI.
    """
    rng = generator(hidden.seed, "disc")
    hi_radius = 0.5 * hidden.hi_diameter
    texture = Texture(hidden)
    model = DiscModel.solve(hidden.hi_mass, hi_radius, hidden.hole, texture.contrast)
    # cells per area ~ sqrt(Sigma): the outskirts are as well resolved as the centre
    rate = _TABLE * np.sqrt(model.edge * np.exp((1.0 - _TABLE) / model.slope))
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]))]) * (_TABLE[1] - _TABLE[0])
    share = stratified(rng, count)
    radius = np.interp(share * cumulative[-1], cumulative, _TABLE).astype(np.float32)
    radius = np.maximum(radius, np.float32(1e-3))
    spacing = np.float32(np.sqrt(2.0 * np.pi / count))
    angle = np.arange(count, dtype=np.float64) * GOLDEN_ANGLE
    angle = (angle % (2.0 * np.pi)).astype(np.float32) + spacing * rng.standard_normal(count, dtype=np.float32)
    column = model.hydrogen(radius) / np.float32(HYDROGEN) * texture(radius, angle)
    smooth = np.sqrt(model.edge * np.exp((1.0 - radius) / np.float32(model.slope)))
    area = np.float32(2.0 * np.pi * cumulative[-1] / count * hi_radius**2) / smooth
    height = scale_height(radius)
    level = np.float32(0.995) * (2.0 * rng.random(count, dtype=np.float32) - 1.0)
    z = height * np.arctanh(level)
    density = column / (2.0 * height) * (1.0 - level * level)
    cosine, sine = np.cos(angle), np.sin(angle)
    tilt = np.float32(np.tan(hidden.warp)) * np.clip(radius / np.float32(hidden.warp_start) - 1.0, 0.0, 0.8)
    z = z + radius * np.float32(hi_radius) * tilt * np.sin(angle - np.float32(hidden.warp_phase))
    local = np.stack([radius * cosine * np.float32(hi_radius), radius * sine * np.float32(hi_radius), z])
    speed = curve(radius * hi_radius)
    # asymmetric drift of an exponential disc, V^2 = V_c^2 - sigma^2 R / R_g
    drift = np.float32(_SIGMA**2 / model.slope) * radius
    rotation = np.float32(hidden.spin) * np.sqrt(np.maximum(speed**2 - drift, (0.1 * speed) ** 2))
    velocity = rng.standard_normal((3, count), dtype=np.float32) * np.float32(_SIGMA)
    velocity[0] -= rotation * sine
    velocity[1] += rotation * cosine
    frame = hidden.disc.astype(np.float32)
    return {
        "position": frame @ local,
        "velocity": frame @ velocity,
        "mass": column * area,
        "density": density,
        "column": column,
        "radius": radius,
    }
