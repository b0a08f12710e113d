"""EAGLE's galaxies from the group numbers that its particles carry."""

from __future__ import annotations

from functools import cached_property

import astropy.units as u
import numpy as np
from astropy.table import QTable

from ..errors import SimulationError
from .catalogue import Catalogue, Membership
from .centre import shrinking_sphere
from .code_units import PART_TYPES
from .hdf5 import opened, reading
from .pieces import Piece, blocks, choose, read_pieces
from .snapshot_files import Snapshot

__all__ = ["EagleGroups"]

_UNBOUND = 1 << 30  # SubGroupNumber of particles of a group that are in no subhalo


class EagleGroups(Catalogue):
    """One galaxy for each pair of GroupNumber > 0 and SubGroupNumber, in their order.

    Positions in the table are centres of mass across the periodic box; a galaxy that is loaded is centred by shrinking
    spheres on its stars (or dark matter). The whole snapshot is read once for the table, block by block, and its group
    numbers once for every galaxy.
    """

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot
        path = snapshot.paths[0]
        with opened(path) as file, reading(f"{path}: GroupNumber"):
            for part in PART_TYPES.values():
                if part in file and not {"GroupNumber", "SubGroupNumber"} <= set(file[part]):
                    raise SimulationError(
                        f"{path}: {part} has no GroupNumber and SubGroupNumber, which tell EAGLE's galaxies apart; "
                        "take the snapshot's particledata files."
                    )

    def __len__(self) -> int:
        return len(self._sums["key"])

    @cached_property
    def _sums(self) -> dict[str, np.ndarray]:
        """Sums over the members of each galaxy, sorted by key = group * 2^30 + subgroup."""
        box = self.snapshot.facts.header.box_size.to_value(u.kpc)
        found: dict[int, np.ndarray] = {}
        kinds = tuple(PART_TYPES)
        for index, kind in enumerate(kinds):
            for block in blocks(self.snapshot.all(kind)):
                group, sub = self._numbers(kind, block)
                keep = (group > 0) & (sub >= 0) & (sub < _UNBOUND)
                if not keep.any():
                    continue
                fields = self.snapshot.source.describe(kind, [block])
                mass = fields["mass"]().to_value(u.Msun).astype(np.float64)[keep]
                angle = 2.0 * np.pi * fields["position"]().to_value(u.kpc)[keep] / box
                moving = (
                    fields["velocity"]().to_value(u.km / u.s)[keep] if "velocity" in fields else np.zeros_like(angle)
                )
                columns = np.zeros((len(mass), 2 * len(kinds) + 10))
                columns[:, index], columns[:, len(kinds) + index] = 1.0, mass
                if kind == "gas" and "star_formation_rate" in fields:
                    columns[:, 8] = fields["star_formation_rate"]().value[keep]
                columns[:, 9:12], columns[:, 12:15] = mass[:, None] * np.cos(angle), mass[:, None] * np.sin(angle)
                columns[:, 15:18] = mass[:, None] * moving
                keys, inverse = np.unique(group[keep] * _UNBOUND + sub[keep], return_inverse=True)
                summed = np.zeros((len(keys), columns.shape[1]))
                np.add.at(summed, inverse, columns)
                for key, row in zip(keys.tolist(), summed, strict=True):
                    found[key] = found[key] + row if key in found else row
        keys = np.array(sorted(found), np.int64)
        rows = np.stack([found[key] for key in keys.tolist()]) if len(keys) else np.zeros((0, 18))
        angle = np.mod(np.arctan2(rows[:, 12:15], rows[:, 9:12]), 2.0 * np.pi)
        total = rows[:, 4:8].sum(axis=1)
        return {
            "key": keys,
            "number": rows[:, :4].astype(np.int64),
            "mass": rows[:, 4:8],
            "sfr": rows[:, 8],
            "position": angle / (2.0 * np.pi) * box,
            "velocity": rows[:, 15:18] / np.maximum(total, np.finfo(float).tiny)[:, None],
        }

    def _numbers(self, kind: str, block: Piece) -> tuple[np.ndarray, np.ndarray]:
        group, sub = (
            read_pieces([block], PART_TYPES[kind], name, _check) for name in ("GroupNumber", "SubGroupNumber")
        )
        return group.astype(np.int64), sub.astype(np.int64)

    def table(self) -> QTable:
        sums = self._sums
        table = QTable({"id": np.arange(len(self)), "halo_id": sums["key"] // _UNBOUND})
        table["central"] = sums["key"] % _UNBOUND == 0
        table["position"], table["velocity"] = sums["position"] * u.kpc, sums["velocity"] * u.km / u.s
        table["mass"] = sums["mass"].sum(axis=1) * u.Msun
        for index, kind in enumerate(PART_TYPES):
            table[f"mass_{kind}"] = sums["mass"][:, index] * u.Msun
            table[f"number_{kind}"] = sums["number"][:, index]
        table["sfr"] = sums["sfr"] * u.Msun / u.yr
        table.meta["source"] = str(self.snapshot.paths[0])
        return table

    def members(self, galaxy_id: int, scope: str) -> Membership:
        row = self.check_id(galaxy_id)
        halo, own = divmod(int(self._sums["key"][row]), _UNBOUND)

        def belongs(kind: str, whole: bool):
            def wanted(block: Piece) -> np.ndarray:
                group, sub = self._numbers(kind, block)
                # a negative number marks particles near a group that are not in its FoF set
                return group == halo if whole else (group == halo) & (sub == own)

            return choose(self.snapshot.all(kind), wanted)

        rows = {kind: belongs(kind, False) for kind in self.snapshot.lengths}
        rows = {kind: pieces for kind, pieces in rows.items() if pieces}
        kind = next(k for k in ("stars", "dark_matter", "gas", "black_holes") if k in rows)
        fields = self.snapshot.source.describe(kind, rows[kind])
        box = self.snapshot.facts.header.box_size.to_value(u.kpc)
        position, mass = fields["position"]().to_value(u.kpc), fields["mass"]().to_value(u.Msun)
        centre = shrinking_sphere(position, mass, box)
        if scope == "halo":
            rows = {kind: belongs(kind, True) for kind in self.snapshot.lengths}
        if scope == "box":
            rows = {}
        return Membership(centre, self._sums["velocity"][row], halo, {k: p for k, p in rows.items() if p})


def _check(dataset, where: str) -> None:
    if dataset.ndim != 1 or dataset.dtype.kind not in "iu":
        raise SimulationError(f"{where} has shape {dataset.shape} of {dataset.dtype}, expected one integer a particle.")
