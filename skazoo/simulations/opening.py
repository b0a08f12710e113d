"""Opening a run: which simulation it is, from the files themselves."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import astropy.units as u

from ..errors import SimulationError
from .code_units import LENGTH_CM
from .eagle_groups import EagleGroups
from .header import number
from .layouts import TNG
from .lone_galaxy import LoneGalaxy
from .particles import Header
from .run_files import RunFiles, find_files
from .runs import Run
from .snapshot_files import Snapshot
from .tng_groups import TNGGroups

__all__ = ["open_run"]


def open_run(path: str | os.PathLike, snapshot: int | None = None, catalogue: str | os.PathLike | None = None) -> Run:
    """A snapshot of IllustrisTNG (or CAMELS), EAGLE, Simba or FIRE-2 on disk.

    Args:
        path: the run's folder, its "output" folder, the folder of one snapshot, or any one of its files. A group
            catalogue alone gives a run whose galaxies can be listed.
        snapshot: its number; may be left out where there is only one.
        catalogue: one file of the group catalogue (caesar's, say), where it is not near the snapshot.

    Returns: `Run`. TNG needs its group catalogue to list galaxies; EAGLE's come from GroupNumber and SubGroupNumber
        of the particles; a FIRE-2 run is one galaxy, number 0, found by shrinking spheres.

    Raises:
        SimulationError: nothing is found, files are missing or damaged, or they contradict each other.
    """
    files = find_files(Path(path), snapshot, None if catalogue is None else Path(catalogue))
    if files.snapshot is None:
        return _catalogue_alone(files, Path(path))
    particles = Snapshot(files.snapshot)
    header = particles.facts.header
    if snapshot is not None and header.snapshot >= 0 and header.snapshot != snapshot:
        raise SimulationError(f"{header.source} is of snapshot {header.snapshot}, not of {snapshot}.")
    return Run(particles, _catalogue(files, particles), header)


def _catalogue(files: RunFiles, particles: Snapshot):
    if files.catalogue is not None and files.catalogue.role == "caesar":
        from .caesar import CaesarGalaxies

        return CaesarGalaxies(files.catalogue.paths[0], particles)
    if files.catalogue is not None:
        return TNGGroups(files.catalogue.paths, particles, files.offsets)
    if particles.layout.name == "eagle":
        return EagleGroups(particles)
    if particles.layout.name == "fire":
        return LoneGalaxy(particles)
    return None


def _catalogue_alone(files: RunFiles, path: Path) -> Run:
    if files.catalogue.role == "caesar":
        raise SimulationError(f"{path} is a caesar catalogue; give the snapshot, with catalogue={str(path)!r}.")
    groups = TNGGroups(files.catalogue.paths, None, None, whole=False)
    total = int(number(groups.header, path, "Nsubgroups_Total", len(groups)))
    if total != len(groups):
        warnings.warn(
            f"{path} holds {len(groups)} of {total} subhaloes: their ids are counted from the first one here.",
            stacklevel=3,
        )
    return Run(None, groups, catalogue_header(groups, path, files.catalogue.number))


def catalogue_header(groups: TNGGroups, path: Path, snapshot: int | None) -> Header:
    """What a group catalogue's own Header says."""
    from astropy.cosmology import FlatLambdaCDM

    def get(name, default=None):
        return number(groups.header, path, name, default)

    hubble, matter, scale, box = get("HubbleParam"), get("Omega0"), get("Time"), get("BoxSize")
    if not (0.1 < hubble < 2.0 and 0.0 < matter <= 1.0 and 0.0 < scale <= 1.001 and box > 0.0):
        raise SimulationError(f"{path}: Header has HubbleParam {hubble:g}, Omega0 {matter:g}, Time {scale:g}.")
    return Header(
        simulation="unnamed",
        snapshot=-1 if snapshot is None else snapshot,
        redshift=max(1.0 / scale - 1.0, 0.0),
        cosmology=FlatLambdaCDM(H0=100.0 * hubble, Om0=matter, name="file"),
        box_size=box * scale / hubble * (TNG.length_cm / LENGTH_CM) * u.kpc,
        source=str(path),
    )
