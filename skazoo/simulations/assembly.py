"""From absolute fields to a `ParticleSet`: centred, unwrapped, at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import astropy.units as u
import numpy as np

from .centre import shift, unwrap
from .missing import advice
from .particles import UNITS, Header, ParticleSet, Species

__all__ = ["assemble"]

_SYSTEMIC_KPC = 20.0
_SPEED = UNITS["velocity"]


def assemble(
    header: Header,
    layout: str,
    fields: Mapping[str, dict[str, Callable]],
    centre: np.ndarray,
    velocity: np.ndarray | None,
    source: str,
    metadata: dict,
) -> ParticleSet:
    """Particles relative to a galaxy.

    Args:
        layout: its name, for the advice on missing fields.
        fields: kind -> field name -> function that reads it, positions and velocities in the frame of the box.
        centre: (3,) proper kpc.
        velocity: (3,) km/s of the galaxy; None: the mean of the stars (or the next kind that is there) near its centre.
        source: the file or folder, for messages.
    """
    box = None if header.box_size is None else header.box_size.to_value(u.kpc)
    result: dict[str, Species] = {}
    streaming = {kind: own["velocity"] for kind, own in fields.items() if "velocity" in own}
    systemic = _systemic_velocity(velocity, streaming, result)
    for kind, own in fields.items():
        own = dict(own)
        own["position"] = partial(_relative_position, own["position"], centre, box)
        if kind in streaming:
            own["velocity"] = partial(_relative_velocity, streaming[kind], systemic)
        result[kind] = Species(kind, own, source, partial(advice, layout, header.snapshot, kind))
    return ParticleSet(header=header, **result, metadata=metadata)


def _relative_position(absolute: Callable, centre, box):
    return u.Quantity(unwrap(absolute().to_value(u.kpc), centre, box, overwrite=True), u.kpc, copy=False)


def _relative_velocity(absolute: Callable, systemic: Callable):
    values = absolute().to_value(_SPEED)
    shift(values, -systemic())
    return u.Quantity(values, _SPEED, copy=False)


def _systemic_velocity(stored, streaming: dict, species: dict[str, Species]):
    """A function that gives the galaxy's own velocity (3,) km/s in the frame of the box.

    The one that is known (km/s, no factor of a), else the mean velocity of the stars, or of the next kind
    that is there, within 20 kpc of the centre.
    """

    @cache
    def velocity() -> np.ndarray:
        if stored is not None:
            return np.asarray(stored, np.float64)
        for kind in ("stars", "dark_matter", "gas"):
            if kind in streaming:
                near = np.sum(species[kind].position.to_value(u.kpc) ** 2, axis=1) <= _SYSTEMIC_KPC**2
                if near.any():
                    moving = streaming[kind]().to_value(_SPEED)[near].astype(np.float64)
                    return np.average(moving, axis=0, weights=species[kind].mass.value[near])
        return np.zeros(3)

    return velocity
