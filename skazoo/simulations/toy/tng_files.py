"""HDF5 files of an IllustrisTNG run: names, headers, code units and their attributes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from ...files import replacing
from ..code_units import LENGTH_CM, MASS_G, TNG_FIELDS, VELOCITY_CMS, CodeField, factor_from_table
from .cosmology import HUBBLE, OMEGA_BARYON, OMEGA_LAMBDA, OMEGA_MATTER

__all__ = [
    "catalogue_path",
    "offsets_path",
    "snapshot_path",
    "to_code",
    "write_groups",
    "write_offsets",
    "write_snapshot",
]

# what the reader's table does not name
_EXTRA = (
    CodeField("CenterOfMass", "position", 1, -1, LENGTH_CM, 3),
    CodeField("GFM_Metals", "metallicity", 0, 0, 0, 10),
    CodeField("BH_Mass", "mass", 0, -1, MASS_G),
)
_FIELDS = {f.dataset: f for fields in TNG_FIELDS.values() for f in fields} | {f.dataset: f for f in _EXTRA}
_DOUBLE = ("Coordinates", "CenterOfMass")


def snapshot_path(folder: Path, snapshot: int, chunk: int) -> Path:
    """snapdir_099/snap_099.0.hdf5"""
    return folder / f"snapdir_{snapshot:03d}" / f"snap_{snapshot:03d}.{chunk}.hdf5"


def catalogue_path(folder: Path, snapshot: int, chunk: int) -> Path:
    """groups_099/fof_subhalo_tab_099.0.hdf5"""
    return folder / f"groups_{snapshot:03d}" / f"fof_subhalo_tab_{snapshot:03d}.{chunk}.hdf5"


def offsets_path(folder: Path, snapshot: int) -> Path:
    """../postprocessing/offsets/offsets_099.hdf5, beside the output folder as TNG has it."""
    return folder.resolve().parent / "postprocessing" / "offsets" / f"offsets_{snapshot:03d}.hdf5"


def to_code(dataset: str, values, scale_factor: float):
    """Values in the units of `particles.UNITS` in TNG's code units."""
    return np.asarray(values) / factor_from_table(_FIELDS[dataset], scale_factor, HUBBLE)


def _common_header(redshift: float, box: float) -> dict:
    # TNG's last snapshot has Redshift 2.2e-16 and Time 0.9999999999999998, not 0 and 1
    redshift = max(redshift, float(np.finfo(float).eps))
    return {
        "BoxSize": box,
        "HubbleParam": HUBBLE,
        "Omega0": OMEGA_MATTER,
        "OmegaLambda": OMEGA_LAMBDA,
        "Redshift": redshift,
        "Time": 1.0 / (1.0 + redshift),
        "Git_commit": np.bytes_(b"skazoo toy universe"),
    }


def write_snapshot(
    folder: Path, snapshot: int, redshift: float, box: float, particles: dict, mass_table, chunks: int
) -> np.ndarray:
    """Write the particles of the whole run; each type is cut into equal parts, wherever the galaxies begin and end.

    Args:
        box: BoxSize (ckpc/h).
        particles: type number -> dataset name -> array in code units, all in FoF order.
        mass_table: (6,) code units.

    Returns: (chunks, 6) index of the first particle of each type in each file.
    """
    totals = np.zeros(6, np.int64)
    for kind, columns in particles.items():
        totals[kind] = len(columns["ParticleIDs"])
    edges = np.linspace(0, totals, chunks + 1).astype(np.int64)
    for chunk in range(chunks):
        first, last = edges[chunk], edges[chunk + 1]
        with replacing(snapshot_path(folder, snapshot, chunk)) as partial, h5py.File(partial, "w") as file:
            header = file.create_group("Header").attrs
            header.update(_common_header(redshift, box))
            header.update(
                OmegaBaryon=OMEGA_BARYON,
                MassTable=np.asarray(mass_table, np.float64),
                NumFilesPerSnapshot=np.int32(chunks),
                NumPart_ThisFile=(last - first).astype(np.int32),
                NumPart_Total=(totals & 0xFFFFFFFF).astype(np.uint32),
                NumPart_Total_HighWord=(totals >> 32).astype(np.uint32),
                UnitLength_in_cm=LENGTH_CM,
                UnitMass_in_g=MASS_G,
                UnitVelocity_in_cm_per_s=VELOCITY_CMS,
                Composition_vector_length=np.int32(10),
                Flag_Cooling=np.int32(1),
                Flag_DoublePrecision=np.int32(0),
                Flag_Feedback=np.int32(1),
                Flag_Metals=np.int32(0),
                Flag_Sfr=np.int32(1),
                Flag_StellarAge=np.int32(0),
            )
            file.create_group("Config")
            file.create_group("Parameters")
            for kind, columns in particles.items():
                if first[kind] == last[kind]:
                    continue  # AREPO leaves out the group of a type that a file has none of
                group = file.create_group(f"PartType{kind}")
                for name, values in columns.items():
                    _dataset(group, name, values[first[kind] : last[kind]])
    return edges[:-1]


def _dataset(group, name: str, values) -> None:
    if name == "ParticleIDs":
        data = np.asarray(values, np.uint64)
    else:
        data = np.asarray(values, np.float64 if name in _DOUBLE else np.float32)
    field = _FIELDS[name]
    dataset = group.create_dataset(name, data=data)
    length = 1.0 if field.to_cgs == LENGTH_CM else (-3.0 if name == "Density" else 0.0)
    dataset.attrs.update(
        a_scaling=float(field.a_scaling),
        h_scaling=float(field.h_scaling),
        length_scaling=length,
        mass_scaling=1.0 if field.to_cgs == MASS_G or name == "Density" else 0.0,
        velocity_scaling={"Velocities": 1.0, "InternalEnergy": 2.0}.get(name, 0.0),
        to_cgs=float(field.to_cgs),
    )


def write_groups(
    folder: Path, snapshot: int, redshift: float, box: float, groups: dict, subhaloes: dict, chunks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Write the group catalogue: name -> array with one row for each group (or subhalo), in code units.

    Files may have no group or no subhalo at all; the datasets are then missing, as in TNG.

    Returns: first group and first subhalo of each file, (chunks,) each.
    """
    tables = {"Group": groups, "Subhalo": subhaloes}
    counts = {"Group": len(groups["GroupLen"]), "Subhalo": len(subhaloes["SubhaloLen"])}
    edges = {name: np.linspace(0, count, chunks + 1).astype(np.int64) for name, count in counts.items()}
    for chunk in range(chunks):
        with replacing(catalogue_path(folder, snapshot, chunk)) as partial, h5py.File(partial, "w") as file:
            header = file.create_group("Header").attrs
            header.update(_common_header(redshift, box))
            here = {name: int(edge[chunk + 1] - edge[chunk]) for name, edge in edges.items()}
            header.update(
                FlagDoubleprecision=np.int32(0),
                NumFiles=np.int32(chunks),
                Ngroups_ThisFile=np.int32(here["Group"]),
                Ngroups_Total=np.int32(counts["Group"]),
                Nsubgroups_ThisFile=np.int32(here["Subhalo"]),
                Nsubgroups_Total=np.int32(counts["Subhalo"]),
                Nids_ThisFile=np.int32(0),
                Nids_Total=np.int64(0),
            )
            for name, columns in tables.items():
                group = file.create_group(name)
                if here[name]:
                    for column, values in columns.items():
                        group.create_dataset(column, data=values[edges[name][chunk] : edges[name][chunk + 1]])
    return edges["Group"][:-1], edges["Subhalo"][:-1]


def write_offsets(folder: Path, snapshot: int, files: dict, group_offsets, subhalo_offsets) -> None:
    """Write offsets_099.hdf5.

    Args:
        files: "Group", "Subhalo" (chunks,) and "SnapByType" (chunks, 6): first row in each file.
        group_offsets, subhalo_offsets: (n, 6) first particle of each type in the whole run.
    """
    with replacing(offsets_path(folder, snapshot)) as partial, h5py.File(partial, "w") as file:
        for name, values in files.items():
            file[f"FileOffsets/{name}"] = np.asarray(values, np.int64)
        file["Group/SnapByType"] = np.asarray(group_offsets, np.int64)
        file["Subhalo/SnapByType"] = np.asarray(subhalo_offsets, np.int64)
