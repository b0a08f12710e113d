"""Which files make up a run: names say what goes together, contents what it is."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..errors import SimulationError
from .hdf5 import opened, reading

__all__ = ["Family", "RunFiles", "find_files"]

_CHUNK = re.compile(r"^(?P<stem>.+?)(?:\.(?P<chunk>\d+))?\.(?:hdf5|h5)$")
_NUMBER = re.compile(r"_(\d{3})(?!\d)")


@dataclass(frozen=True)
class Family:
    """Files that differ only in their chunk number, in its order.

    Attributes:
        role: "snapshot", "groups" (TNG's catalogue), "caesar", "offsets", or None.
        number: snapshot number in the file's or the folder's name, or None.
    """

    paths: tuple[Path, ...]
    role: str | None
    number: int | None


@dataclass(frozen=True)
class RunFiles:
    """What belongs to one snapshot of one run; None for what is not there."""

    snapshot: Family | None
    catalogue: Family | None
    offsets: Path | None


def find_files(path: Path, snapshot: int | None, catalogue: Path | None) -> RunFiles:
    """Look for a snapshot and its catalogue.

    Args:
        path: the run's folder, its "output" folder, the folder of the snapshot, or one of the files.
        snapshot: number; None where there is only one.
        catalogue: one file of the catalogue, where it is not near the snapshot.

    Raises:
        SimulationError: nothing is there, or more than one snapshot fits.
    """
    if not path.exists():
        raise SimulationError(f"{path} does not exist; check the path.")
    own = None
    if path.is_file():
        own = next(f for f in _families([path.parent], None, path) if path in f.paths)
        if own.role not in ("snapshot", "groups", "caesar"):
            raise SimulationError(f"{path} has neither particles nor a group catalogue; give a snapshot or its folder.")
        if snapshot is not None and own.number is not None and snapshot != own.number:
            raise SimulationError(f"{path} is of snapshot {own.number}, not of {snapshot}.")
        snapshot = own.number if snapshot is None else snapshot
        folders = [path.parent]
        if own.number is not None and own.number in _numbers(path.parent.name):
            folders += sorted(p for p in path.parent.parent.iterdir() if p.is_dir() and p != path.parent)
        # beside a file without a number, what belongs to it cannot be told from what just lies there
        others = [] if own.number is None else _families(folders, snapshot)
        others = [f for f in others if f.number == own.number and f.paths != own.paths]
    else:
        bases = [path, path / "output"]
        folders = [
            f for base in bases if base.is_dir() for f in (base, *sorted(p for p in base.iterdir() if p.is_dir()))
        ]
        others = _families(dict.fromkeys(folders), snapshot)
    particles = own if own and own.role == "snapshot" else _only(others, ("snapshot",), path, snapshot)
    groups = own if own and own.role != "snapshot" else None
    if catalogue is not None:
        if not catalogue.is_file():
            raise SimulationError(f"catalogue {catalogue} is not a file; give one file of the group catalogue.")
        groups = next(f for f in _families([catalogue.parent], None, catalogue) if catalogue in f.paths)
        if groups.role not in ("groups", "caesar"):
            raise SimulationError(f"{catalogue} is not a group catalogue (no Subhalo, Group or galaxy_data).")
    elif groups is None:
        number = particles.number if particles else snapshot
        groups = _only([f for f in others if f.number == number], ("caesar", "groups"), path, snapshot)
    if particles is None and groups is None:
        number = "" if snapshot is None else f" of number {snapshot}"
        raise SimulationError(
            f"{path} holds no snapshot{number} (HDF5 files with Header and PartType groups, in it or in a folder "
            f"such as snapdir_{snapshot if snapshot is not None else 99:03d}); check path and snapshot."
        )
    return RunFiles(particles, groups, _offsets(particles or groups))


def _families(folders, snapshot: int | None, only: Path | None = None) -> list[Family]:
    """The families in some folders, of one snapshot number where their names have numbers."""
    members: dict[tuple[Path, str], list[tuple[int, Path]]] = defaultdict(list)
    for folder in folders:
        for path in folder.iterdir():
            match = _CHUNK.match(path.name)
            if match and path.is_file():
                members[folder, match["stem"]].append((int(match["chunk"] or 0), path))
    found = []
    for (folder, stem), files in sorted(members.items()):
        paths = tuple(path for _, path in sorted(files))
        if only is not None and only not in paths:
            continue
        numbers = _numbers(stem) or _numbers(folder.name)
        if snapshot is not None and numbers and snapshot not in numbers:
            continue
        number = snapshot if snapshot in numbers else (numbers[-1] if numbers else None)
        role, count = _role(only or paths[0])
        if count == 1 and len(paths) > 1:
            paths = (only,) if only else paths[:1]  # what looked like a chunk number is part of the name
        found.append(Family(paths, role, number))
    return found


def _numbers(name: str) -> list[int]:
    return [int(n) for n in _NUMBER.findall(name)]


def _role(path: Path) -> tuple[str | None, int | None]:
    """What a file is by its groups, and of how many files it says it is one."""
    with opened(path) as file, reading(f"{path}: the list of its groups"):
        if "FileOffsets" in file:
            return "offsets", None
        if "galaxy_data" in file or "halo_data" in file:
            return "caesar", 1
        header = file["Header"].attrs if "Header" in file else {}
        if "Subhalo" in file or "Group" in file or "Ngroups_Total" in header:
            return "groups", int(header["NumFiles"]) if "NumFiles" in header else None
        if "NumPart_ThisFile" in header or any(name.startswith("PartType") for name in file):
            return "snapshot", int(header["NumFilesPerSnapshot"]) if "NumFilesPerSnapshot" in header else None
    return None, None


def _only(families: list[Family], roles: tuple[str, ...], path: Path, snapshot: int | None) -> Family | None:
    for role in roles:
        fitting = [f for f in families if f.role == role]
        if len(fitting) > 1:
            names = ", ".join(str(f.paths[0].name) for f in fitting[:6])
            remedy = "give one of its files" if snapshot is not None else "give snapshot=, or one of its files"
            raise SimulationError(f"{path} holds {len(fitting)} {role} families ({names}); {remedy}.")
        if fitting:
            return fitting[0]
    return None


def _offsets(family: Family) -> Path | None:
    """TNG's offsets file, beside the "output" folder or in it."""
    if family.number is None:
        return None
    name = f"offsets_{family.number:03d}.hdf5"
    for base in list(family.paths[0].resolve().parents)[:4]:
        for place in (base / "postprocessing" / "offsets" / name, base / name):
            if place.is_file():
                return place
    return None
