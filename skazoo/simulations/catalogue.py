"""What every group catalogue answers: which galaxies there are, and which rows are theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from astropy.table import QTable

from ..errors import ParameterError
from .pieces import Piece

__all__ = ["Catalogue", "Membership"]


@dataclass(frozen=True)
class Membership:
    """One galaxy.

    Attributes:
        centre: (3,) proper kpc in the frame of the box.
        velocity: (3,) km/s, peculiar; None where the catalogue does not say.
        halo_id: its FoF group, or -1.
        rows: kind -> its rows, for the scope that was asked for.
    """

    centre: np.ndarray
    velocity: np.ndarray | None
    halo_id: int
    rows: dict[str, list[Piece]] = field(default_factory=dict)


class Catalogue(ABC):
    """A group catalogue, or what stands in for one.

    Columns of `table()` where the catalogue has them: id, halo_id, central, flag, position (kpc, box frame), velocity
    (km/s), mass, mass_gas, mass_dark_matter, mass_stars, mass_black_holes (Msun), sfr (Msun/yr), half_mass_radius and
    half_mass_radius_gas, _dark_matter, _stars (kpc), number_gas, number_dark_matter, number_stars, number_black_holes.
    """

    @abstractmethod
    def table(self) -> QTable:
        """All galaxies, by id."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of galaxies."""

    @abstractmethod
    def members(self, galaxy_id: int, scope: str) -> Membership:
        """One galaxy and its rows; `scope` is "subhalo", "halo", or "box" (no rows)."""

    def check_id(self, galaxy_id) -> int:
        """`galaxy_id` as an int, or `ParameterError`."""
        try:
            number = int(galaxy_id)
        except (TypeError, ValueError):
            number = -1
        if number != galaxy_id or not 0 <= number < len(self):
            raise ParameterError(f"galaxy id must be a whole number from 0 to {len(self) - 1}, but is {galaxy_id!r}.")
        return number
