"""The one galaxy of a zoom simulation without a catalogue, found by shrinking spheres."""

from __future__ import annotations

from functools import cached_property

import astropy.units as u
import numpy as np
from astropy.table import QTable

from ..errors import SimulationError
from .catalogue import Catalogue, Membership
from .centre import shrinking_sphere
from .pieces import blocks
from .snapshot_files import Snapshot

__all__ = ["LoneGalaxy"]

_SAMPLE = 1_000_000  # particles that the first centre is found from
_REFINE_KPC, _GALAXY_KPC = 10.0, 20.0


class LoneGalaxy(Catalogue):
    """Galaxy 0: the densest concentration of stars (of dark matter where there are none).

    All scopes are the whole snapshot: give an extent. FIRE-2's PartType2, low-resolution dark matter far from the
    galaxy, is not read.
    """

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot

    def __len__(self) -> int:
        return 1

    @cached_property
    def place(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre (proper kpc) and velocity (km/s)."""
        source = self.snapshot.source
        kind = next((k for k in ("stars", "dark_matter", "gas") if k in self.snapshot.lengths), None)
        if kind is None:
            raise SimulationError(f"{self.snapshot.paths[0]} holds no particles to find a galaxy by.")
        rows = self.snapshot.all(kind)
        box = self.snapshot.facts.header.box_size
        box = None if box is None else box.to_value(u.kpc)
        step = max(1, sum(map(len, rows)) // _SAMPLE)
        thinned = [self._positions_and_masses(kind, block, step) for block in blocks(rows)]
        position, mass = (np.concatenate(parts) for parts in zip(*thinned, strict=True))
        centre = shrinking_sphere(position, mass, box)
        if step > 1:
            inner = source.near(kind, rows, centre, _REFINE_KPC)
            parts = [self._positions_and_masses(kind, block, 1) for block in blocks(inner)]
            position, mass = (np.concatenate(own) for own in zip(*parts, strict=True))
            centre = shrinking_sphere(position, mass, box, centre)
        inner = source.describe(kind, source.near(kind, rows, centre, _GALAXY_KPC))
        if "velocity" not in inner:
            return centre, np.zeros(3)
        moving = inner["velocity"]().to_value(u.km / u.s).astype(np.float64)
        return centre, np.average(moving, axis=0, weights=inner["mass"]().value)

    def _positions_and_masses(self, kind, block, step):
        fields = self.snapshot.source.describe(kind, [block])
        return fields["position"]().to_value(u.kpc)[::step], fields["mass"]().to_value(u.Msun)[::step]

    def table(self) -> QTable:
        centre, velocity = self.place
        table = QTable({"id": [0], "halo_id": [0], "central": [True]})
        table["position"], table["velocity"] = centre[None] * u.kpc, velocity[None] * u.km / u.s
        for kind in ("gas", "dark_matter", "stars", "black_holes"):
            table[f"number_{kind}"] = [int(self.snapshot.lengths.get(kind, np.zeros(1)).sum())]
        table.meta["source"] = str(self.snapshot.paths[0])
        return table

    def members(self, galaxy_id: int, scope: str) -> Membership:
        self.check_id(galaxy_id)
        centre, velocity = self.place
        rows = {} if scope == "box" else {kind: self.snapshot.all(kind) for kind in self.snapshot.lengths}
        return Membership(centre, velocity, 0, rows)
