"""How each family is built and trained for the standards: one row a family, small enough for two CPU cores."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import ParameterError

__all__ = ["SETTINGS", "Settings", "settings_of"]


@dataclass(frozen=True)
class Settings:
    """One row of the table.

    Attributes:
        mapper: arguments of the constructor beside fields, size, transforms and seed.
        learning_rate: peak of warm-up and cosine; None leaves the optimizers to the family.
        batch_size: pairs a step.
        compile: further arguments of `compile`.
    """

    mapper: dict = field(default_factory=dict)
    learning_rate: float | None = 2e-3
    batch_size: int = 32
    compile: dict = field(default_factory=dict)


# the fields of "grf" are periodic, so convolutions wrap around where the family can
SETTINGS = {
    "grf": {
        "Diffusion": Settings({"width": 16, "multipliers": (1, 2), "padding": "circular", "noise_mean": -1.2}),
    },
    "digits": {},
    "toys2d": {},
}


def settings_of(standard: str, family: str) -> Settings:
    """The row of a family; `ParameterError` where the standard has none."""
    rows = SETTINGS[standard]
    if family not in rows:
        known = ", ".join(rows) or "none yet"
        raise ParameterError(f"{family} has no settings for the standard {standard!r}; those that have: {known}.")
    return rows[family]
