"""A toy universe written as an IllustrisTNG run: snapshot chunks, group catalogue, offsets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import astropy.units as u
import numpy as np

from ...errors import ParameterError, check_positive
from .catalogue import group_row, subhalo_row
from .cosmology import HUBBLE, SNAPSHOTS, snapshot_number
from .fof import split_into_subhaloes
from .galaxy import DARK_MATTER_COUNT, Galaxy
from .streams import check_count, generator
from .tng_files import to_code, write_groups, write_offsets, write_snapshot

__all__ = ["write_tng_snapshot"]

_BOX = 35000.0  # ckpc/h, TNG50's
_ROOM = 5.0  # of the largest R200: least distance between galaxies
_DATASETS = {
    "position": "Coordinates",
    "velocity": "Velocities",
    "mass": "Masses",
    "density": "Density",
    "internal_energy": "InternalEnergy",
    "electron_abundance": "ElectronAbundance",
    "neutral_hydrogen_abundance": "NeutralHydrogenAbundance",
    "metallicity": "GFM_Metallicity",
    "star_formation_rate": "StarFormationRate",
    "magnetic_field": "MagneticField",
    "smoothing_length": "SubfindHsml",
    "formation_scale_factor": "GFM_StellarFormationTime",
}
# share of each element heavier than helium in Z: C, N, O, Ne, Mg, Si, Fe, others
_METALS = np.array([0.18, 0.05, 0.43, 0.09, 0.05, 0.05, 0.10, 0.05])


def write_tng_snapshot(
    galaxies: Sequence[Galaxy],
    dir: str | os.PathLike,
    chunks: int = 3,
    snapshot: int | None = None,
    dark_matter_mass: u.Quantity | None = None,
    resolution: float = 1.0,
) -> list[Galaxy]:
    """Write galaxies as a run in TNG's layout: `dir` is the run's "output" folder.

    snapdir_099/snap_099.{i}.hdf5, groups_099/fof_subhalo_tab_099.{i}.hdf5 and, beside `dir`,
    ../postprocessing/offsets/offsets_099.hdf5. Particles are in FoF order (heaviest group first; in a group the
    central, its subhaloes, the fuzz; particles of no group last) and files break anywhere, so galaxies span them.
    The first galaxy lies across the corner of the periodic box. The last group is a small one without subhaloes.
    Each galaxy has a few wind particles of negligible mass among its stars, and a black hole above M* = 10^9 Msun.

    TNG stores one dark-matter particle mass for the run (`MassTable`), whereas `Galaxy.particles` gives every galaxy
    its own: the haloes are sampled anew here, with positions that are not those of `Galaxy.particles`. Gas and stars
    are.

    Args:
        galaxies: all at one redshift.
        dir: folder, made if need be; files of the same names are replaced.
        chunks: files of the snapshot and of the catalogue.
        snapshot: TNG snapshot number; default: that of the galaxies' redshift.
        dark_matter_mass: of a particle; default: such that there are 14,000 for each galaxy in the mean.
        resolution: factor of the numbers of gas cells and stars, as in `Galaxy.particles`.

    Returns: the galaxies in the order of the groups: the i-th is group i.

    Raises:
        ParameterError: no galaxies, different redshifts, or a snapshot number of another redshift.
        OutputError: the folder cannot be written.
    """
    galaxies, snapshot, redshift = _checked(galaxies, snapshot, chunks)
    if dark_matter_mass is None:
        total = sum(g.visible.dark_matter_mass for g in galaxies)
        particle_mass = total / (DARK_MATTER_COUNT * resolution * len(galaxies))
    else:
        check_positive("dark_matter_mass", dark_matter_mass)
        particle_mass = float(dark_matter_mass.to_value(u.Msun))
    galaxies = sorted(galaxies, key=lambda g: -g.visible.halo_mass)
    rng = generator(galaxies[0].seed, "run")
    length = HUBBLE * (1.0 + redshift)  # ckpc/h of one proper kpc
    box, centres = _places(rng, galaxies, length)
    blocks, groups, subhaloes, next_id = [], [], [], 1
    for number, galaxy in enumerate(galaxies):
        parts, rows = split_into_subhaloes(galaxy, particle_mass, resolution)
        velocity = rng.normal(0.0, 100.0, 3)
        for part in parts:
            next_id = _number(part, next_id)
        first = len(subhaloes)
        clumps = galaxy.visible.subhaloes
        for index, row in enumerate(rows):
            at, moves = (np.zeros(3), np.zeros(3)) if row < 0 else (clumps.position[row], clumps.velocity[row])
            centre = np.mod(centres[number] + at * length, box)
            own = _relative(parts[index], at, moves)
            subhaloes.append(subhalo_row(own, centre, velocity + moves, redshift, number, 0))
        whole = _joined(parts)
        groups.append(group_row(whole, centres[number], velocity, redshift))
        groups[-1].update(GroupFirstSub=np.int32(first), GroupNsubs=np.int32(len(rows)))
        blocks.append(_code(whole, centres[number], velocity, box, redshift))
    lone, at = _lone_group(rng, particle_mass, box)
    next_id = _number(lone, next_id)
    groups.append(group_row(lone, at, np.zeros(3), redshift))
    groups[-1].update(GroupFirstSub=np.int32(-1), GroupNsubs=np.int32(0))
    blocks.append(_code(lone, at, np.zeros(3), box, redshift))
    field = _field_particles(rng, particle_mass, box / length)
    _number(field, next_id)
    blocks.append(_code(field, np.zeros(3), np.zeros(3), box, redshift))

    kinds = sorted({kind for block in blocks for kind in block})
    particles = {
        kind: {
            name: np.concatenate([b[kind][name] for b in blocks if kind in b])
            for name in next(b[kind] for b in blocks if kind in b)
        }
        for kind in kinds
    }
    table = np.zeros(6)
    table[1] = particle_mass * HUBBLE / 1e10
    folder = Path(dir)
    snap = write_snapshot(folder, snapshot, redshift, box, particles, table, chunks)
    groups, subhaloes = _columns(groups), _columns(subhaloes)
    group_files, subhalo_files = write_groups(folder, snapshot, redshift, box, groups, subhaloes, chunks)
    starts = _starts(groups["GroupLenType"])
    within = starts[subhaloes["SubhaloGrNr"]] + _starts_within(subhaloes["SubhaloGrNr"], subhaloes["SubhaloLenType"])
    files = {"Group": group_files, "Subhalo": subhalo_files, "SnapByType": snap}
    write_offsets(folder, snapshot, files, starts, within)
    return galaxies


def _checked(galaxies, snapshot, chunks):
    galaxies = list(galaxies)
    if not galaxies:
        raise ParameterError("galaxies is empty; give at least one, such as [Galaxy.draw(0)].")
    check_count("chunks", chunks, 1)
    redshift = galaxies[0].visible.redshift
    if any(g.visible.redshift != redshift for g in galaxies):
        raise ParameterError("the galaxies have different redshifts; a snapshot has one: draw them all with the same.")
    nearest = snapshot_number(redshift)
    if snapshot is None:
        snapshot = nearest
    elif snapshot != nearest:
        known = f"is at z = {SNAPSHOTS[snapshot]:g}" if snapshot in SNAPSHOTS else "is not a full TNG snapshot"
        raise ParameterError(
            f"snapshot {snapshot} {known}, but the galaxies are at z = {redshift:g}, which is snapshot {nearest}."
        )
    return galaxies, snapshot, redshift


def _places(rng, galaxies, length) -> tuple[float, np.ndarray]:
    """Box side and centres (ckpc/h): one galaxy for each cell of a lattice, the first across the box's corner."""
    side = int(np.ceil(len(galaxies) ** (1.0 / 3.0) - 1e-9))
    room = _ROOM * max(g.visible.r200 for g in galaxies) * length
    box = max(_BOX, np.ceil(side * room / 1000.0) * 1000.0)
    cells = np.stack(np.unravel_index(np.arange(len(galaxies)), (side,) * 3), axis=1)
    offset = rng.random((len(galaxies), 3)) * (box / side - room)
    offset[0] = -20.0
    return box, np.mod(cells * box / side + offset, box)


def _number(part: dict, first: int) -> int:
    for member in part.values():
        count = len(member["mass"])
        member["id"] = np.arange(first, first + count, dtype=np.uint64)
        first += count
    return first


def _relative(part: dict, position, velocity) -> dict:
    return {
        kind: {**m, "position": m["position"] - position, "velocity": m["velocity"] - velocity}
        for kind, m in part.items()
    }


def _joined(parts: list[dict]) -> dict:
    kinds = sorted({kind for part in parts for kind in part})
    return {
        kind: {
            name: np.concatenate([p[kind][name] for p in parts if kind in p])
            for name in next(p[kind] for p in parts if kind in p)
        }
        for kind in kinds
    }


def _lone_group(rng, particle_mass, box):
    """A FoF group of dark matter alone in which no subhalo was found."""
    position = rng.normal(0.0, 15.0, (40, 3)).astype(np.float32)
    member = {
        "position": position,
        "velocity": rng.normal(0.0, 20.0, (40, 3)).astype(np.float32),
        "mass": np.full(40, particle_mass, np.float32),
        "smoothing_length": np.full(40, 20.0, np.float32),
    }
    return {1: member}, np.full(3, 0.77 * box)


def _field_particles(rng, particle_mass, side):
    """Dark matter of no group, scattered over the box; `side` in proper kpc."""
    count = 500
    member = {
        "position": rng.random((count, 3)) * side,
        "velocity": rng.normal(0.0, 50.0, (count, 3)).astype(np.float32),
        "mass": np.full(count, particle_mass, np.float32),
        "smoothing_length": np.full(count, 0.05 * side, np.float32),
    }
    return {1: member}


def _code(part: dict, centre, velocity, box: float, redshift: float) -> dict:
    """Members of a group as datasets in code units, at their places in the box."""
    scale = 1.0 / (1.0 + redshift)
    block = {}
    for kind, member in part.items():
        columns = {"ParticleIDs": member["id"]}
        for name, dataset in _DATASETS.items():
            if name not in member or (kind == 1 and name == "mass"):
                continue
            values = member[name].astype(np.float64)
            if name == "position":
                columns[dataset] = np.mod(to_code(dataset, values, scale) + centre, box)
            elif name == "velocity":
                columns[dataset] = to_code(dataset, values + velocity, scale)
            else:
                columns[dataset] = to_code(dataset, values, scale)
        if kind == 0:
            columns["CenterOfMass"] = columns["Coordinates"]
            columns["GFM_Metals"] = _metals(member["hydrogen_fraction"], member["metallicity"])
        if kind == 4:
            columns["GFM_InitialMass"] = columns["Masses"] / 0.6  # stars return 40 % of their mass
        if kind == 5:
            columns["BH_Mass"] = columns["Masses"]
        block[kind] = columns
    return block


def _metals(hydrogen, metallicity) -> np.ndarray:
    helium = 1.0 - hydrogen - metallicity
    return np.concatenate([hydrogen[:, None], helium[:, None], metallicity[:, None] * _METALS], axis=1)


def _columns(rows: list[dict]) -> dict:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _starts(lengths) -> np.ndarray:
    """Exclusive running sum of (n, 6) lengths."""
    return np.cumsum(lengths, axis=0, dtype=np.int64) - lengths


def _starts_within(group, lengths) -> np.ndarray:
    """Exclusive running sum that begins anew with every group."""
    running = _starts(lengths)
    first = np.searchsorted(group, group)  # rows are in the order of the groups
    return running - running[first]
