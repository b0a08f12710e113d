"""A run on disk: its galaxies, and the particles of each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import astropy.units as u
import numpy as np
from astropy.table import QTable

from ..errors import MissingField, ParameterError, SimulationError, check_choice, check_positive
from .assembly import assemble
from .catalogue import Catalogue, Membership
from .particles import Header, ParticleSet
from .pieces import Piece
from .snapshot_files import Snapshot

__all__ = ["Run"]

_SCOPES = ("subhalo", "halo", "box")


class Run:
    """One snapshot of a simulation, as `open_run` finds it.

    Attributes:
        layout: "tng", "eagle", "simba" or "fire".
        header: name, redshift, cosmology, box size.
    """

    def __init__(self, snapshot: Snapshot | None, catalogue: Catalogue | None, header: Header):
        self._snapshot, self._catalogue = snapshot, catalogue
        self.header = header
        self.layout = snapshot.layout.name if snapshot else "tng"

    def __repr__(self) -> str:
        galaxies = f"{len(self._catalogue)} galaxies" if self._catalogue else "no catalogue"
        return (
            f"<Run {self.header.simulation} snapshot {self.header.snapshot} z={self.header.redshift:.3g}: {galaxies}>"
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """Kind -> number of particles in the whole snapshot, wind among the stars included."""
        if self._snapshot is None:
            return {}
        return {kind: int(rows.sum()) for kind, rows in self._snapshot.lengths.items()}

    @cached_property
    def _table(self) -> QTable:
        if self._catalogue is None:
            raise SimulationError(
                f"{self.header.source} has no group catalogue beside it; download it (TNG: the fof_subhalo_tab files, "
                "into groups_NNN), give catalogue=, or load a place with run.load([x, y, z] * u.kpc, extent=...)."
            )
        return self._catalogue.table()

    def galaxies(
        self,
        min_gas_cells: int = 0,
        min_stars: int = 0,
        min_stellar_mass: u.Quantity | None = None,
        max_stellar_mass: u.Quantity | None = None,
        central: bool | None = None,
        real_only: bool = True,
    ) -> QTable:
        """The galaxies that fulfil all conditions, by id.

        Args:
            min_gas_cells, min_stars: fewest particles of that kind.
            min_stellar_mass, max_stellar_mass: bounds of `mass_stars`.
            central: only centrals (True) or satellites (False).
            real_only: leave out what `SubhaloFlag` marks as not of cosmological origin, where the catalogue has it.

        Returns: QTable; its columns, where the catalogue has them, are listed at `catalogue.Catalogue`. Radii are zero
            where a galaxy has no such particles: do not choose a frame by them.

        Raises:
            SimulationError: no catalogue, or a damaged one.
            MissingField: a condition on a column that the catalogue lacks.
            ParameterError: a bound that is not a mass.
        """
        table = self._table
        keep = np.ones(len(table), bool)
        for name, least in (("number_gas", min_gas_cells), ("number_stars", min_stars)):
            if least:
                check_positive(name.replace("number", "min"), least)
                keep &= self._column(table, name) >= least
        for bound, sign in ((min_stellar_mass, 1.0), (max_stellar_mass, -1.0)):
            if bound is not None:
                check_positive("min_stellar_mass" if sign > 0 else "max_stellar_mass", bound, u.Msun)
                keep &= sign * (self._column(table, "mass_stars") - bound).value >= 0.0
        if central is not None:
            keep &= self._column(table, "central") == central
        if real_only and "flag" in table.colnames:
            keep &= table["flag"]
        return table[keep]

    def _column(self, table: QTable, name: str):
        if name not in table.colnames:
            raise MissingField(
                f"{self._catalogue_source}: the catalogue has no {name}; it has {', '.join(table.colnames)}."
            )
        return table[name]

    @property
    def _catalogue_source(self) -> str:
        return str(self._table.meta.get("source", self.header.source))

    def load(self, galaxy, extent: u.Quantity | None = None, scope: str = "subhalo") -> ParticleSet:
        """Particles of one galaxy; only its rows are read, and those when they are touched.

        Args:
            galaxy: an id of `galaxies()`, or a place: a length Quantity (3,), proper, in the frame of the box (scope
                "box" then).
            extent: side of the frame that is going to be rendered: only what is inside the sphere around a cube of
                that side is kept, so that every rotation of the frame is filled. None: everything of the scope.
            scope: "subhalo" (bound particles of the galaxy alone: satellites leave holes, and loosely bound gas is
                missing), "halo" (its whole FoF group) or "box" (whatever is near; reads the positions of the whole
                snapshot block by block).

        Returns: `ParticleSet`; its metadata hold `galaxy`, `halo`, `scope`, `centre_code`, `layout`.

        Raises:
            ParameterError: unknown id or scope, or scope "box" without an extent.
            SimulationError: no particles there, or a file is missing or damaged.
        """
        check_choice("scope", scope, _SCOPES)
        if extent is not None:
            check_positive("extent", extent, u.kpc)
        if self._snapshot is None:
            raise SimulationError(
                f"{self.header.source} is a group catalogue without its snapshot; put the snapshot's files beside it."
            )
        if isinstance(galaxy, u.Quantity):
            member, scope = self._place(galaxy), "box"
        else:
            if self._catalogue is None:
                self._table  # noqa: B018, raises with the remedy
            member = self._catalogue.members(galaxy, scope)
        if scope == "box" and extent is None:
            raise ParameterError("scope 'box' needs an extent, such as extent=100 * u.kpc.")
        source, rows = self._snapshot.source, member.rows
        if scope == "box":
            rows = {kind: self._snapshot.all(kind) for kind in self._snapshot.lengths}
        if extent is not None:
            radius = 0.5 * np.sqrt(3.0) * extent.to_value(u.kpc)
            rows = {kind: source.near(kind, own, member.centre, radius) for kind, own in rows.items()}
        rows = {kind: source.without_wind(kind, own) for kind, own in rows.items()}
        fields = {kind: source.describe(kind, own) for kind, own in rows.items() if own}
        if not fields:
            raise SimulationError(
                f"{self.header.source}: nothing of galaxy {galaxy} in scope {scope!r}"
                f"{'' if extent is None else f' within {extent}'}; take a wider scope or extent."
            )
        metadata = {
            "galaxy": None if isinstance(galaxy, u.Quantity) else int(galaxy),
            "halo": member.halo_id,
            "scope": scope,
            "centre_code": (member.centre / self._snapshot.facts.length).tolist(),
            "layout": self.layout,
        }
        where = _names(rows)
        return assemble(self.header, self.layout, fields, member.centre, member.velocity, where, metadata)

    def _place(self, place: u.Quantity) -> Membership:
        if place.shape != (3,) or not place.unit.is_equivalent(u.kpc) or not np.isfinite(place.value).all():
            raise ParameterError(f"a place must be three finite lengths, but is {place}.")
        return Membership(place.to_value(u.kpc).astype(np.float64), None, -1)


def _names(rows: Mapping[str, list[Piece]]) -> str:
    """The files that rows come from, for messages."""
    paths = sorted({piece.path for own in rows.values() for piece in own})
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
