"""Which galaxies a configuration has: of the toy universe, of runs on disk, of a folder of cutouts."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DatasetError
from .generate import TOY_MASSES, Galaxy

__all__ = ["Selection", "cutouts", "fetched", "galaxies_in", "has_key", "source_files", "toy_galaxies"]

_FETCHED = re.compile(r"(.+)_(\d{3})_(?:halo|subhalo)_(\d+)")
_FILES = ("*.hdf5", "*.h5")
_HASHED = 1 << 30  # bytes of all files together: above, names and sizes stand in for hashes


@dataclass(frozen=True)
class Selection:
    """Which galaxies of a run are taken.

    Attributes:
        min_gas_cells, min_stars: fewest particles of each kind.
        limit: at most so many, those with most gas cells; None takes all.
    """

    min_gas_cells: int = 1000
    min_stars: int = 0
    limit: int | None = None


def toy_galaxies(count: int, snapshots: Sequence[int] = (99,)) -> list[Galaxy]:
    """Galaxies 0 to count - 1 of the toy universe at each snapshot; their root is their seed.

    Raises:
        DatasetError: a snapshot that the toy universe does not have.
    """
    from ..simulations.toy.cosmology import SNAPSHOTS
    from ..simulations.toy.visible import draw_visible

    for snapshot in snapshots:
        if snapshot not in SNAPSHOTS:
            known = ", ".join(map(str, sorted(SNAPSHOTS)))
            raise DatasetError(f"the toy universe has no snapshot {snapshot}; it has {known}.")
    return [
        Galaxy("toy", seed, "", snapshot, str(seed), halo_mass=draw_visible(seed, TOY_MASSES, redshift).halo_mass)
        for snapshot, redshift in ((s, SNAPSHOTS[s]) for s in snapshots)
        for seed in range(count)
    ]


def cutouts(folder: Path) -> list[Galaxy]:
    """Every HDF5 file of a folder as one galaxy.

    `skazoo data fetch` names its files SIMULATION_SNAPSHOT_SCOPE_ID.hdf5, and they are known by that; any other file is
    known by its name alone. Ids are counted anew at every snapshot: where a folder has several snapshots of one
    simulation, all its galaxies share one root, for which is which is not known.

    Raises:
        DatasetError: there is none.
    """
    files = sorted({path for pattern in _FILES for path in folder.rglob(pattern)})
    if not files:
        raise DatasetError(f"{folder} holds no .hdf5 file; put the galaxies' cutouts there.")
    named = [_FETCHED.fullmatch(path.stem) for path in files]
    snapshots: dict[str, set[int]] = {}
    for match in filter(None, named):
        snapshots.setdefault(match[1], set()).add(int(match[2]))
    found = []
    for number, (path, match) in enumerate(zip(files, named, strict=True)):
        if match is None:
            found.append(Galaxy(path.stem, number, str(path), root=path.stem))
        else:
            root = "all" if len(snapshots[match[1]]) > 1 else f"galaxy{match[3]}"
            found.append(Galaxy(match[1], int(match[3]), str(path), int(match[2]), root))
    return found


def has_key() -> bool:
    """Whether a key of the TNG web API is at hand."""
    return bool(os.environ.get("TNG_API_KEY"))


def fetched(simulation: str, snapshots: Sequence[int], selection: Selection) -> list[Galaxy]:
    """Central galaxies of a TNG run, their whole haloes downloaded through the web API into skazoo's cache.

    Centrals alone, because satellites are in the cutout of their halo already and would carry it into another split.

    Raises:
        SimulationError, ParameterError: the server refuses, or does not know the run.
        DatasetError: more than one snapshot: which galaxy is which is not known.
    """
    from ..simulations import TNGClient

    if len(snapshots) != 1:
        raise DatasetError("only one snapshot can be fetched: the web API does not say which galaxies are the same.")
    client, snapshot = TNGClient(), snapshots[0]
    where = {"len_gas__gt": selection.min_gas_cells - 1, "primary_flag": 1}
    if selection.min_stars:
        where["len_stars__gt"] = selection.min_stars - 1
    ids = [int(one["id"]) for one in client.search(simulation, snapshot, selection.limit, "-len_gas", **where)]
    paths = client.cutouts(simulation, snapshot, ids, scope="halo")
    return [
        Galaxy(simulation, number, str(path), snapshot, f"galaxy{number}")
        for number, path in zip(ids, paths, strict=True)
    ]


def galaxies_in(folder: Path, snapshots: Sequence[int], selection: Selection, expected: str = "") -> list[Galaxy]:
    """Galaxies of the run in `folder`, or of every run that has a folder of its own in it, or of its cutouts.

    Args:
        folder: `manual_dir`.
        snapshots: numbers; () takes the only one there is.
        selection: which galaxies.
        expected: beginning of the name that the runs must have, such as "TNG50-1"; "" for any.

    The root of a galaxy is its FoF group. Groups are counted anew at every snapshot, so that several snapshots of one
    run, whose groups cannot be told to be the same without merger trees, share one root for the whole run.

    Raises:
        DatasetError: nothing usable, or a run of another name; the message says what to do.
    """
    from ..errors import SimulationError
    from ..simulations import open_run

    folder = Path(folder)
    try:
        open_run(folder, snapshots[0] if snapshots else None)
        runs = [folder]
    except SimulationError as error:
        runs = _runs_below(folder, snapshots)
        if not runs and _are_cutouts(folder):
            return cutouts(folder)
        if not runs:
            raise DatasetError(f"{folder} is neither a run nor a folder of runs or cutouts: {error}") from error
    found = []
    for path in runs:
        for snapshot in snapshots or (None,):
            found += _galaxies_of(open_run(path, snapshot), path, snapshot, selection, expected, len(snapshots) > 1)
    if not found:
        raise DatasetError(
            f"no galaxy in {folder} has {selection.min_gas_cells} gas cells and {selection.min_stars} stars; "
            "lower min_gas_cells or min_stars."
        )
    return found


def _galaxies_of(run, path: Path, snapshot, selection: Selection, expected: str, several: bool) -> list[Galaxy]:
    name = run.header.simulation
    if expected and not name.lower().startswith(expected.lower()):
        raise DatasetError(
            f"{path} holds the run {name}, not {expected}; name the folder of {expected}, or another configuration."
        )
    if name == "unnamed" or not re.fullmatch(r"[\w.+-]+", name):
        name = path.name if path.name != "output" else path.parent.name
    table = run.galaxies(min_gas_cells=selection.min_gas_cells, min_stars=selection.min_stars)
    if selection.limit is not None and len(table) > selection.limit:
        most = np.argsort(-np.asarray(table["number_gas"]), kind="stable")[: selection.limit]
        table = table[np.sort(most)]
    group_mass = _group_masses(run)
    number = snapshot if snapshot is not None else int(run.header.snapshot)
    return [
        Galaxy(
            name,
            int(row["id"]),
            str(path),
            number,
            "all" if several else _root(row),
            True,
            group_mass.get(int(row["halo_id"]), np.nan) if "halo_id" in table.colnames else np.nan,
            float(getattr(row["sfr"], "value", row["sfr"])) if "sfr" in table.colnames else np.nan,
        )
        for row in table
    ]


def _root(row) -> str:
    halo = int(row["halo_id"]) if "halo_id" in row.colnames else -1
    return f"halo{halo}" if halo >= 0 else f"galaxy{int(row['id'])}"


def _group_masses(run) -> dict[int, float]:
    """Sum of the masses of each group's galaxies (Msun), by halo id."""
    import astropy.units as u

    table = run.galaxies(real_only=False)
    if "halo_id" not in table.colnames or "mass" not in table.colnames:
        return {}
    halos, where = np.unique(np.asarray(table["halo_id"]), return_inverse=True)
    sums = np.bincount(where, weights=table["mass"].to_value(u.Msun))
    return {int(halo): float(mass) for halo, mass in zip(halos, sums, strict=True)}


def _runs_below(folder: Path, snapshots: Sequence[int]) -> list[Path]:
    from ..errors import SimulationError
    from ..simulations import open_run

    runs = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else ():
        try:
            open_run(path, snapshots[0] if snapshots else None)
        except SimulationError:
            continue  # a folder of something else; if none is a run, the caller says so
        runs.append(path)
    return runs


def _are_cutouts(folder: Path) -> bool:
    """Whether there are HDF5 files, each of them a galaxy: web-API cutouts say so in their name or Header."""
    import h5py

    files = [path for pattern in _FILES for path in folder.rglob(pattern)]
    for path in files[:3]:
        if "cutout" in path.name:
            continue
        if not h5py.is_hdf5(path):
            return False
        with h5py.File(path) as file:
            if "Header" not in file or not any(name.startswith("Cutout") for name in file["Header"].attrs):
                return False
    return bool(files)


def source_files(galaxies: Sequence[Galaxy]) -> dict[str, str]:
    """File -> "sha256:..." of everything that galaxies are read from; "bytes:..." where all are more than a GiB."""
    import hashlib

    files: set[Path] = set()
    for path in {galaxy.path for galaxy in galaxies if galaxy.path}:
        files |= set(Path(path).rglob("*.h*5")) if Path(path).is_dir() else {Path(path)}
    hashed = sum(path.stat().st_size for path in files) <= _HASHED
    found = {}
    for path in sorted(files):
        if hashed:
            with open(path, "rb") as file:
                found[path.name] = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        else:
            found[path.name] = f"bytes:{path.stat().st_size}"
    return found
