"""Simba's galaxies: the catalogue that caesar writes, with lists of particle indices."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable

from ..errors import SimulationError
from .catalogue import Catalogue, Membership
from .hdf5 import opened, reading, sound
from .snapshot_files import Snapshot

__all__ = ["CaesarGalaxies"]

# caesar's index lists: name of the list, and of its first and last index in the concatenated array
_LISTS = {"gas": "glist", "stars": "slist", "dark_matter": "dmlist", "black_holes": "bhlist"}
_NUMBERS = {"gas": "ngas", "stars": "nstar", "dark_matter": "ndm", "black_holes": "nbh"}
_MASSES = {"mass": "total", "mass_gas": "gas", "mass_stars": "stellar", "mass_dark_matter": "dm"}
_RADII = {"half_mass_radius": "total", "half_mass_radius_gas": "gas", "half_mass_radius_stars": "stellar"}


class CaesarGalaxies(Catalogue):
    """`galaxy_data` and `halo_data` of a caesar file: masses in Msun, lengths in comoving kpc without h.

    caesar's galaxies have gas, stars and black holes; their dark matter is their halo's (scope "halo").

    Raises:
        SimulationError: the file is damaged, or has no galaxies.
    """

    def __init__(self, path: Path, snapshot: Snapshot):
        self.path, self.snapshot = path, snapshot
        with opened(path) as file, reading(f"{path}: galaxy_data"):
            if "galaxy_data" not in file or "GroupID" not in file["galaxy_data"]:
                raise SimulationError(f"{path} has no galaxy_data/GroupID; it is not a caesar catalogue with galaxies.")
            self._number = int(file["galaxy_data/GroupID"].shape[0])
            self._present = set()
            file["galaxy_data"].visit(self._present.add)

    def __len__(self) -> int:
        return self._number

    def read(self, name: str, rows=slice(None), group: str = "galaxy_data") -> np.ndarray:
        """Rows of a dataset; `SimulationError` where it is missing, damaged or not finite."""
        where = f"{self.path}: {group}/{name}"
        with opened(self.path) as file, reading(where):
            dataset = file[group][name]
            if dataset.dtype.kind not in "fiub":
                raise SimulationError(f"{where} is of type {dataset.dtype}, expected numbers.")
            return sound(np.asarray(dataset[rows]), where)

    def table(self) -> QTable:
        comoving = self.snapshot.facts.header.scale_factor * u.kpc
        table = QTable({"id": np.arange(self._number)})

        def put(name, dataset, unit=None):
            if dataset in self._present:
                values = self.read(dataset)
                if len(values) != self._number:
                    raise SimulationError(
                        f"{self.path}: galaxy_data/{dataset} has {len(values)} rows, not {len(self)}."
                    )
                table[name] = values if unit is None else values.astype(np.float64) * unit

        put("halo_id", "parent_halo_index")
        put("central", "central")
        if "central" in table.colnames:
            table["central"] = table["central"].astype(bool)
        put("position", "minpotpos" if "minpotpos" in self._present else "pos", comoving)
        put("velocity", "vel", u.km / u.s)
        for name, dataset in _MASSES.items():
            put(name, f"dicts/masses.{dataset}", u.Msun)
        put("sfr", "sfr", u.Msun / u.yr)
        for name, dataset in _RADII.items():
            put(name, f"dicts/radii.{dataset}_half_mass", comoving)
        for kind, dataset in _NUMBERS.items():
            put(f"number_{kind}", dataset)
        table.meta["source"] = str(self.path)
        return table

    def members(self, galaxy_id: int, scope: str) -> Membership:
        row = self.check_id(galaxy_id)
        scale = self.snapshot.facts.header.scale_factor
        name = "minpotpos" if "minpotpos" in self._present else "pos"
        centre = self.read(name, row).astype(np.float64) * scale
        velocity = self.read("vel", row).astype(np.float64) if "vel" in self._present else None
        halo = int(self.read("parent_halo_index", row)) if "parent_halo_index" in self._present else -1
        rows = {}
        if scope == "subhalo":
            rows = self._lists("galaxy_data", row)
        elif scope == "halo":
            rows = self._lists("halo_data", halo)
        return Membership(centre, velocity, halo, rows)

    def _lists(self, group: str, index: int) -> dict:
        if index < 0:
            raise SimulationError(f"{self.path}: {group} has no entry {index}; take scope='subhalo' or 'box'.")
        found = {}
        with opened(self.path) as file, reading(f"{self.path}: {group}"):
            present = set(file[group]) | {f"lists/{name}" for name in file[group].get("lists", ())}
        for kind, name in _LISTS.items():
            if f"{name}_start" not in present or f"lists/{name}" not in present:
                continue
            start, stop = (int(self.read(f"{name}_{end}", index, group)) for end in ("start", "end"))
            rows = self.snapshot.rows(kind, self.read(f"lists/{name}", slice(start, stop), group))
            if rows:
                found[kind] = rows
        return found
