"""The Header of a simulation file: cosmology, time, box and name, checked against each other."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import SimulationError
from .code_units import LENGTH_CM, MASS_G, VELOCITY_CMS
from .hdf5 import group_attributes
from .layouts import Layout
from .particles import Header

__all__ = ["FileHeader", "check_parameters", "number", "numbers", "read_header"]

_CAMELS_HUBBLE, _CAMELS_BOX, _TNG_HUBBLE = 0.6711, 25000.0, 0.6774
# BoxSize -> name, particles a side and dark-matter particle mass (1e10 Msun/h) of the highest resolution
_RUNS = {
    35000: ("TNG50", 2160, 3.07367709e-5),
    75000: ("TNG100", 1820, 5.05574296e-4),
    205000: ("TNG300", 2500, 3.98342750e-3),
}


@dataclass(frozen=True)
class FileHeader:
    """What the Header of one file says.

    Attributes:
        header: for the `ParticleSet`.
        length: proper kpc of one code unit of length.
        mass_table: (6,) Msun, 0 where particles have masses of their own.
        counts: (6,) particles in this file, or None.
        total: (6,) particles in the snapshot, or None.
        files: number of files of the snapshot.
        position, velocity: of the galaxy, code units and km/s, where the file is a cutout that has them.
    """

    header: Header
    length: float
    mass_table: np.ndarray
    counts: np.ndarray | None
    total: np.ndarray | None
    files: int
    position: np.ndarray | None
    velocity: np.ndarray | None


def read_header(file, path: Path, layout: Layout) -> FileHeader:
    """Read and check the Header group of an open file.

    Raises:
        SimulationError: attributes are missing, contradict each other, or are in other units than the layout's.
    """
    attributes = group_attributes(file, "Header", path)
    hubble = number(attributes, path, "HubbleParam")
    matter = number(attributes, path, "Omega0" if "Omega0" in attributes or layout.name != "fire" else "Omega_Matter")
    scale = number(attributes, path, layout.scale)
    redshift = number(attributes, path, "Redshift", 1.0 / scale - 1.0) if scale > 0 else -1.0
    if not (0.1 < hubble < 2.0 and 0.0 < matter <= 1.0 and 0.0 < scale <= 1.001):
        raise SimulationError(
            f"{path}: Header has HubbleParam {hubble:g}, Omega0 {matter:g}, {layout.scale} {scale:g}: not a snapshot "
            "of a cosmological run."
        )
    if abs((1.0 + redshift) * scale - 1.0) > 1e-3:
        raise SimulationError(
            f"{path}: Header Redshift {redshift:g} and {layout.scale} {scale:g} contradict each other."
        )
    lambda_ = number(attributes, path, "OmegaLambda", 1.0 - matter)
    if abs(matter + lambda_ - 1.0) > 0.01:
        raise SimulationError(f"{path}: Header Omega0 {matter:g} and OmegaLambda {lambda_:g} do not add up to 1.")
    _check_units(attributes, path, layout)
    check_parameters(attributes, group_attributes(file, "Parameters", path), path)
    box = number(attributes, path, "BoxSize", 0.0) or None
    if box is not None and box < 0:
        raise SimulationError(f"{path}: Header BoxSize is {box:g}.")
    if box is None and abs(hubble - _CAMELS_HUBBLE) < 1e-6 and layout.name == "tng":
        warnings.warn(f"{path}: Header has no BoxSize; taken for a 25 Mpc/h box of CAMELS by its h.", stacklevel=4)
        box = _CAMELS_BOX
    _check_run(_stated_name(attributes), path, box, hubble)
    length = layout.length_cm / LENGTH_CM * scale / hubble
    table = numbers(attributes, path, "MassTable")
    table = np.zeros(6) if table is None else table
    header = Header(
        simulation=_name(attributes, layout, box, hubble, table),
        snapshot=int(number(attributes, path, "SnapshotNumber", -1)),
        redshift=max(redshift, 0.0),
        cosmology=_cosmology(attributes, path, hubble, matter),
        box_size=None if box is None else box * length * u.kpc,
        source=str(path),
    )
    counts, total = numbers(attributes, path, "NumPart_ThisFile"), numbers(attributes, path, "NumPart_Total")
    if total is not None and np.asarray(attributes["NumPart_Total"]).dtype.itemsize <= 4:
        # 32 bits hold 4.3e9 particles; the rest is in a second attribute, which newer files leave out
        high = numbers(attributes, path, "NumPart_Total_HighWord")
        total = total if high is None else total + high * 2.0**32
    return FileHeader(
        header=header,
        length=length,
        mass_table=table * 1e10 / hubble,
        counts=None if counts is None else counts.astype(np.int64),
        total=None if total is None else total.astype(np.int64),
        files=int(number(attributes, path, "NumFilesPerSnapshot", 1)),
        position=_triple(attributes, path, "SubhaloPos"),
        velocity=_triple(attributes, path, "SubhaloVel"),
    )


def number(attributes: Mapping, path: Path, name: str, default=None) -> float:
    """A Header attribute as a finite number; `SimulationError` where it is not or is missing without a default."""
    if name not in attributes:
        if default is None:
            raise SimulationError(f"{path}: Header has no attribute {name}; the file cannot be put into units.")
        return default
    value = np.asarray(attributes[name]).ravel()
    if value.dtype.kind not in "fiu" or value.size != 1 or not np.isfinite(value[0]):
        raise SimulationError(f"{path}: Header attribute {name} is not a finite number.")
    return float(value[0])


def numbers(attributes: Mapping, path: Path, name: str, size: int = 6) -> np.ndarray | None:
    """A Header attribute with one number for each particle type, (6,) f8; None where it is missing."""
    if name not in attributes:
        return None
    value = np.asarray(attributes[name]).ravel()
    if value.dtype.kind not in "fiu" or value.size != size or not np.isfinite(value).all() or (value < 0).any():
        raise SimulationError(f"{path}: Header attribute {name} is not {size} numbers >= 0.")
    return value.astype(np.float64)


def _triple(attributes: Mapping, path: Path, name: str) -> np.ndarray | None:
    if name not in attributes:
        return None
    value = np.asarray(attributes[name])
    if value.shape != (3,) or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise SimulationError(f"{path}: Header attribute {name} is not three finite numbers.")
    return value.astype(np.float64)


def _cosmology(attributes: Mapping, path: Path, hubble: float, matter: float):
    from astropy.cosmology import FlatLambdaCDM

    baryons = number(attributes, path, "OmegaBaryon", number(attributes, path, "Omega_Baryon", 0.0486))
    if not 0.0 <= baryons <= matter:
        raise SimulationError(f"{path}: Header OmegaBaryon is {baryons:g} with Omega0 {matter:g}, which cannot be.")
    return FlatLambdaCDM(H0=100.0 * hubble, Om0=matter, Ob0=baryons, name="file")


def _check_units(attributes: Mapping, path: Path, layout: Layout) -> None:
    """The Header's own units, in AREPO's and in Gizmo's spelling, must be the layout's."""
    expected = {
        "UnitLength_in_cm": layout.length_cm,
        "UnitMass_in_g": MASS_G,
        "UnitVelocity_in_cm_per_s": VELOCITY_CMS,
        "UnitLength_In_CGS": layout.length_cm,
        "UnitMass_In_CGS": MASS_G,
        "UnitVelocity_In_CGS": VELOCITY_CMS,
    }
    for name, ours in expected.items():
        theirs = number(attributes, path, name, ours)
        if abs(theirs / ours - 1.0) > 1e-3:
            raise SimulationError(
                f"{path}: Header {name} is {theirs:g}, the specification of the simulation says {ours:g}; "
                "convert the file or correct the attribute."
            )


def check_parameters(header: Mapping, parameters: Mapping, path: Path) -> None:
    """AREPO repeats the cosmology in the group Parameters: a damaged Header shows."""
    for name in ("HubbleParam", "Omega0", "BoxSize", "UnitLength_in_cm", "UnitMass_in_g", "UnitVelocity_in_cm_per_s"):
        if name in header and name in parameters:
            ours, theirs = number(header, path, name), number(parameters, path, name)
            if abs(ours - theirs) > 1e-6 * abs(ours):
                raise SimulationError(f"{path}: Header {name} is {ours:g}, Parameters {name} {theirs:g}; one is wrong.")


def _stated_name(attributes: Mapping) -> str:
    name = attributes.get("SimulationName", attributes.get("RunLabel", b""))
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _check_run(name: str, path: Path, box: float | None, hubble: float) -> None:
    """A cutout of TNG names its run, L35n2160TNG: the box must be of 35 Mpc/h, and TNG has one cosmology."""
    match = re.fullmatch(r"L(\d+)n\d+TNG", name)
    if match and box and (abs(box / (1e3 * int(match[1])) - 1.0) > 0.01 or abs(hubble - _TNG_HUBBLE) > 0.01):
        raise SimulationError(
            f"{path}: Header SimulationName is {name}, but BoxSize {box:g} and HubbleParam {hubble:g} "
            "are not that run's."
        )


def _name(attributes: Mapping, layout: Layout, box, hubble: float, table) -> str:
    name = _stated_name(attributes)
    run = _RUNS.get(round(box)) if box else None
    match = re.fullmatch(r"L\d+n(\d+)TNG", name)
    if layout.name == "tng" and run and match and int(match[1]):
        # TNG50's levels have 2160, 1080, ... particles a side; TNG100's 1820, ..., TNG300's 2500, ...
        return f"{run[0]}-{round(np.log2(run[1] / int(match[1]))) + 1}"
    if layout.name == "tng" and not name and run and table[1] > 0:
        # snapshots do not name themselves: the particle mass is eight times higher from level to level
        level = np.log(table[1] / run[2]) / np.log(8.0)
        if abs(level - round(level)) < 0.01 and 0 <= round(level) <= 4:
            return f"{run[0]}-{round(level) + 1}"
    if not name and layout.name == "tng" and abs(hubble - _CAMELS_HUBBLE) < 1e-6:
        return "CAMELS"
    return name or {"eagle": "EAGLE", "simba": "Simba", "fire": "FIRE-2"}.get(layout.name, "unnamed")
