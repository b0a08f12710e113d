"""TNG's group catalogue (FoF groups and SUBFIND subhaloes) and the offsets of their particles."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable

from ..errors import SimulationError
from .catalogue import Catalogue, Membership
from .hdf5 import OpenFiles, check_storage, group_attributes, opened, reading, sound
from .header import check_parameters, number
from .pieces import cut, read_pieces
from .snapshot_files import Snapshot

__all__ = ["TNGGroups"]

_TYPES = {"gas": 0, "dark_matter": 1, "stars": 4, "black_holes": 5}


class TNGGroups(Catalogue):
    """Reads only the columns, and where that is enough only the rows, that are asked for.

    Args:
        paths: fof_subhalo_tab files, in order.
        snapshot: the particles, or None for the catalogue alone.
        offsets: the offsets file, or None to compute the offsets from the lengths.
        whole: all files of the catalogue are there.

    Raises:
        SimulationError: a file is damaged or does not belong to the snapshot.
    """

    def __init__(self, paths: tuple[Path, ...], snapshot: Snapshot | None, offsets: Path | None, whole: bool = True):
        self.paths, self.snapshot, self.offsets = paths, snapshot, offsets
        self.counts: dict[str, list[int]] = {"Group": [], "Subhalo": []}
        self.columns: dict[str, tuple] = {"Group": (), "Subhalo": ()}
        self.header: dict = {}
        self._files, self._checked = OpenFiles(), set()
        for path in paths:
            self._survey(path)
        if whole and "Nsubgroups_Total" in self.header:
            for table, name in (("Group", "Ngroups_Total"), ("Subhalo", "Nsubgroups_Total")):
                total = int(number(self.header, paths[0], name))
                if total != sum(self.counts[table]):
                    raise SimulationError(
                        f"{paths[0]}: Header {name} is {total}, but the {len(paths)} files there hold "
                        f"{sum(self.counts[table])}; download the others."
                    )
        if snapshot is not None:
            self.scale, self.hubble = snapshot.facts.header.scale_factor, snapshot.facts.header.hubble
        else:
            self.scale, self.hubble = (number(self.header, paths[0], name) for name in ("Time", "HubbleParam"))
        for name, ours in (("Time", self.scale), ("HubbleParam", self.hubble)):
            if name in self.header and abs(number(self.header, paths[0], name) / ours - 1.0) > 1e-5:
                raise SimulationError(
                    f"{paths[0]}: Header {name} is {number(self.header, paths[0], name):g}, the snapshot has {ours:g}; "
                    "catalogue and snapshot are not of one run."
                )

    def _survey(self, path: Path) -> None:
        """Rows of each table in one file; files without a group have no datasets, or no tables at all."""
        with opened(path) as file:
            header = group_attributes(file, "Header", path)
            if not self.header:
                check_parameters(header, group_attributes(file, "Parameters", path), path)
            self.header = self.header or header
            for table, name in (("Group", "Ngroups_ThisFile"), ("Subhalo", "Nsubgroups_ThisFile")):
                with reading(f"{path}: {table}"):
                    present = tuple(sorted(file[table])) if table in file else ()
                    rows = int(file[table][f"{table}LenType"].shape[0]) if f"{table}LenType" in present else 0
                promised = int(number(header, path, name, rows))
                if promised != rows:
                    raise SimulationError(
                        f"{path}: Header {name} is {promised}, but {table}/{table}LenType has {rows} rows; "
                        "the file is damaged."
                    )
                self.counts[table].append(rows)
                if present and not self.columns[table]:
                    self.columns[table] = present

    def __len__(self) -> int:
        return sum(self.counts["Subhalo"])

    def read(self, table: str, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows of one column, code units.

        Raises:
            SimulationError: the column is missing, damaged or not finite.
        """
        stop = sum(self.counts[table]) if stop is None else stop
        pieces = cut(self.paths, self.counts[table], start, stop)
        if not pieces:
            raise SimulationError(f"{self.paths[0]}: the catalogue has no {table} {start}.")
        values = read_pieces(pieces, table, name, self._check_once, self._files)
        try:
            return sound(values, f"{pieces[0].path}: {table}/{name}")
        except SimulationError:
            self._files.close()
            raise

    def _check_once(self, dataset, where: str) -> None:
        if where in self._checked:
            return
        check_storage(dataset, where)
        if dataset.dtype.kind not in "fiub" or dataset.ndim > 2:
            raise SimulationError(f"{where} has shape {dataset.shape} of {dataset.dtype}, expected numbers.")
        self._checked.add(where)

    def has(self, table: str, name: str) -> bool:
        """Whether the files have a column."""
        return name in self.columns[table]

    def table(self) -> QTable:
        length, mass = self.scale / self.hubble * u.kpc, 1e10 / self.hubble * u.Msun
        rows = QTable({"id": np.arange(len(self))})
        rows.meta["source"] = str(self.paths[0])
        if len(self) == 0:
            return rows

        def put(name, column, unit=None, pick=None):
            if self.has("Subhalo", column):
                values = self.read("Subhalo", column)
                values = values if pick is None else values[:, pick]
                rows[name] = values if unit is None else values.astype(np.float64) * unit

        put("halo_id", "SubhaloGrNr")
        if self.has("Group", "GroupFirstSub") and "halo_id" in rows.colnames:
            rows["central"] = np.isin(rows["id"], self.read("Group", "GroupFirstSub").astype(np.int64))
        if self.has("Subhalo", "SubhaloFlag"):
            rows["flag"] = self.read("Subhalo", "SubhaloFlag").astype(bool)
        put("position", "SubhaloPos", length)
        put("velocity", "SubhaloVel", u.km / u.s)  # peculiar, without a factor of a
        put("mass", "SubhaloMass", mass)
        for kind, column in _TYPES.items():
            put(f"mass_{kind}", "SubhaloMassType", mass, column)
        put("sfr", "SubhaloSFR", u.Msun / u.yr)
        put("half_mass_radius", "SubhaloHalfmassRad", length)
        for kind, column in list(_TYPES.items())[:3]:
            put(f"half_mass_radius_{kind}", "SubhaloHalfmassRadType", length, column)
        for kind, column in _TYPES.items():
            put(f"number_{kind}", "SubhaloLenType", None, column)
        self._files.close()
        return rows

    def members(self, galaxy_id: int, scope: str) -> Membership:
        row = self.check_id(galaxy_id)
        centre = self.read("Subhalo", "SubhaloPos", row, row + 1)[0].astype(np.float64) * self.scale / self.hubble
        velocity = None
        if self.has("Subhalo", "SubhaloVel"):
            velocity = self.read("Subhalo", "SubhaloVel", row, row + 1)[0].astype(np.float64)
        halo = int(self.read("Subhalo", "SubhaloGrNr", row, row + 1)[0]) if self.has("Subhalo", "SubhaloGrNr") else -1
        if scope == "box":
            return Membership(centre, velocity, halo)
        table, index = ("Subhalo", row) if scope == "subhalo" else ("Group", halo)
        if table == "Group" and not 0 <= halo < sum(self.counts["Group"]):
            raise SimulationError(
                f"{self.paths[0]}: SubhaloGrNr of subhalo {row} is {halo}, but the catalogue has "
                f"{sum(self.counts['Group'])} groups; take scope='subhalo' or 'box'."
            )
        lengths = self.read(table, f"{table}LenType", index, index + 1)[0].astype(np.int64)
        starts = self._start(table, index, halo)
        rows = {k: self.snapshot.range(k, int(starts[t]), int(starts[t] + lengths[t])) for k, t in _TYPES.items()}
        return Membership(centre, velocity, halo, {kind: own for kind, own in rows.items() if own})

    def _start(self, table: str, index: int, halo: int) -> np.ndarray:
        """(6,) first particle of a group or subhalo in the whole snapshot, by the offsets file or computed."""
        if self.offsets is None:
            return self._computed[table][index]
        with self._files(self.offsets) as file, reading(f"{self.offsets}: {table}/SnapByType"):
            dataset = file[f"{table}/SnapByType"]
            if dataset.shape != (sum(self.counts[table]), 6):
                raise SimulationError(
                    f"{self.offsets}: {table}/SnapByType has shape {dataset.shape}, the catalogue "
                    f"{sum(self.counts[table])} rows; remove the file, and offsets are computed."
                )
            start = dataset[index].astype(np.int64)
        if table == "Subhalo" and self.has("Subhalo", "SubhaloGrNr"):
            group, lengths = self._start("Group", halo, halo), self.read("Group", "GroupLenType", halo, halo + 1)[0]
            own = self.read("Subhalo", "SubhaloLenType", index, index + 1)[0]
            outside = (own > 0) & ((start < group) | (start + own > group + lengths))
            if outside.any():
                raise SimulationError(
                    f"{self.offsets}: {table}/SnapByType puts subhalo {index} outside its group {halo}; "
                    "remove the file, and offsets are computed."
                )
        return start

    @cached_property
    def _computed(self) -> dict[str, np.ndarray]:
        """Offsets from lengths: groups follow each other; in a group its subhaloes do, then unbound particles."""
        subhaloes = self.read("Subhalo", "SubhaloLenType").astype(np.int64)
        within = np.cumsum(subhaloes, axis=0) - subhaloes
        if not (self.counts["Group"] and sum(self.counts["Group"]) and self.has("Subhalo", "SubhaloGrNr")):
            return {"Subhalo": within}  # a catalogue of subhaloes alone: they follow each other
        groups = self.read("Group", "GroupLenType").astype(np.int64)
        starts = np.cumsum(groups, axis=0) - groups
        halo = self.read("Subhalo", "SubhaloGrNr").astype(np.int64)
        if (np.diff(halo) < 0).any() or halo[0] < 0 or halo[-1] >= len(groups):
            raise SimulationError(f"{self.paths[0]}: SubhaloGrNr is not ascending within 0 to {len(groups) - 1}.")
        first = np.searchsorted(halo, halo)
        return {"Group": starts, "Subhalo": starts[halo] + within - within[first]}
