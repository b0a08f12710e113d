"""Gas cells of the hot halo."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from .geometry import cross, directions, stratified
from .hidden import Hidden
from .interstellar import HYDROGEN, NUMBER_DENSITY, energy_of_temperature, neutral_fraction
from .relations import virial_temperature
from .streams import generator
from .visible import Visible

__all__ = ["hot_cells"]

_BETA = 0.5
_EDGE = 1.5  # of R200
_SAMPLING = 0.5  # cells per radius ~ r^-0.5: the inner halo is better resolved
_ELECTRONS = 1.16
_MODES = 16
_RIPPLE = 0.35  # standard deviation of ln rho
_COOL_SHARE, _COMPRESSION = 0.35, 2.5  # of the cells, density against the hot gas
_CLUMPING = 3.0  # cool clouds are smaller than a cell: they shield themselves at this times its density


def hot_cells(visible: Visible, hidden: Hidden, mass: float, count: int) -> dict:
    """A beta model, rho ~ (1 + (r / r_c)^2)^(-3 beta / 2), with smooth lognormal clouds and outflow bubbles.

    Args:
        mass: within R200, Msun.

    Returns: dict of float32 arrays: position (3, N), velocity (3, N), mass, density, internal_energy,
    electron_abundance, neutral_hydrogen_abundance (N,).
    """
    rng = generator(hidden.seed, "hot_gas")
    r200 = visible.r200
    radius = np.float32(_EDGE) * np.maximum(stratified(rng, count), np.float32(1e-4)) ** np.float32(1.0 / _SAMPLING)
    profile = (1.0 + (radius / np.float32(hidden.core)) ** 2) ** np.float32(-1.5 * _BETA)
    volume = radius ** np.float32(3.0 - _SAMPLING)  # r^2 dr of a cell
    unit = directions(rng, count)
    # a few plane waves make the halo uneven on scales of R200 down to a tenth of it
    numbers = np.geomspace(3.0, 40.0, _MODES, dtype=np.float32)[:, None]
    waves = rng.standard_normal((_MODES, 3), dtype=np.float32) * numbers
    phases = np.float32(2.0 * np.pi) * rng.random((_MODES, 1), dtype=np.float32)
    ripple = np.cos(waves @ (unit * radius) + phases).sum(axis=0) * np.float32(_RIPPLE * np.sqrt(2.0 / _MODES))
    profile = profile * np.exp(ripple)
    middle, short = visible.axis_ratios
    flatten = np.array([1.0, middle**0.4, short**0.4], np.float32) / np.float32(np.cbrt((middle * short) ** 0.4))
    position = (visible.orientation.astype(np.float32) * flatten) @ (unit * (radius * np.float32(r200)))
    hollow = np.float32(1.0)
    if hidden.bubbles > 0.0:
        axis = hidden.disc[:, 2:].astype(np.float32)
        size = np.float32(hidden.bubbles)
        for side in (1.2, -1.2):
            square = ((position - np.float32(side) * size * axis) ** 2).sum(axis=0) / size**2
            hollow = hollow * (1.0 - np.float32(0.8) * np.exp(-(square**2)))
    weight = volume * profile * hollow
    factor = np.float32(mass) / weight[radius < 1.0].sum()
    cells = weight * factor
    # Sum V = sum (volume) * norm must be the ball's volume: rho = m / V
    density = profile * hollow * factor * volume.sum() / np.float32(4.0 / 3.0 * np.pi * (_EDGE * r200) ** 3)
    kelvin = np.float32(virial_temperature(visible.v200) * hidden.temperature) * (1.3 - np.float32(0.4) * radius)
    kelvin = np.maximum(kelvin * np.exp(np.float32(-0.5) * ripple) / np.sqrt(hollow), np.float32(2e4))
    # the crests of the ripples have cooled and are denser: a patchy cool halo, with soft edges
    crest = ripple / np.float32(_RIPPLE) + rng.standard_normal(count, dtype=np.float32)
    cool = 1.0 / (1.0 + np.exp(np.float32(-3.0) * (crest - np.float32(np.sqrt(2.0) * ndtri(1.0 - _COOL_SHARE)))))
    kelvin = kelvin * (np.float32(1.5e4) / kelvin) ** cool
    density = density * np.float32(_COMPRESSION) ** cool
    clumped = density * np.float32(HYDROGEN * NUMBER_DENSITY) * np.float32(_CLUMPING) ** cool
    neutral = neutral_fraction(clumped) / (1.0 + (kelvin / 3e4) ** 2)
    speed = np.float32(visible.v200 / np.sqrt(3.0) * 0.6)
    velocity = rng.standard_normal((3, count), dtype=np.float32) * speed
    # slow corotation with the halo's spin
    spin = hidden.disc[:, 2].astype(np.float32) * np.float32(0.3 * hidden.spin * visible.v200)
    velocity += cross(spin, unit)
    return {
        "position": position,
        "velocity": velocity,
        "mass": cells,
        "density": density,
        "internal_energy": energy_of_temperature(kelvin, np.float32(_ELECTRONS)),
        "electron_abundance": np.full(count, _ELECTRONS, np.float32),
        "neutral_hydrogen_abundance": neutral,
    }
