"""Independent random streams, one for each component of a galaxy."""

from __future__ import annotations

import numbers

import numpy as np

from ...errors import ParameterError

__all__ = ["STREAMS", "check_count", "check_seed", "derived_seed", "generator"]

# The numbers are part of every galaxy's identity: add at the end, never reorder.
STREAMS = {
    name: number
    for number, name in enumerate(
        (
            "visible", "hidden", "dark_matter", "subhaloes", "disc", "texture", "satellites", "clouds", "hot_gas",
            "magnetic_field", "stars", "redraw", "run", "dark_matter_velocity", "star_velocity",
            "star_history", "gas_metals",
        )
    )
}  # fmt: skip


def check_seed(seed) -> int:
    """A non-negative whole number as int, else `ParameterError`."""
    return check_count("seed", seed, 0)


def check_count(name: str, value, least: int) -> int:
    """`value` as int where it is a whole number of at least `least`, else `ParameterError`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ParameterError(f"{name} must be a whole number of at least {least}, but is {value!r}.")
    return int(value)


def generator(seed: int, stream: str) -> np.random.Generator:
    """The generator of one stream of a galaxy: it depends on (seed, stream) alone, never on other draws."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, STREAMS[stream]))))


def derived_seed(*entropy: int) -> int:
    """A 63-bit seed from several whole numbers."""
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
