"""A single file in TNG's layout: a web-API cutout, a CAMELS or AREPO snapshot in one piece."""

from __future__ import annotations

import os
import re
import warnings
from functools import cache
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import ParameterError, SimulationError
from .centre import densest_point, unwrap
from .code_units import PART_TYPES, TNG_FIELDS, factor_from_attributes, factor_from_table
from .hdf5 import opened, read
from .particles import UNITS, Header, ParticleSet, Species

__all__ = ["open_cutout"]

_SYSTEMIC_KPC = 20.0
_RUNS = {35000: "TNG50", 75000: "TNG100", 205000: "TNG300"}


def open_cutout(path: str | os.PathLike, centre=None) -> ParticleSet:
    """Particles of one file, relative to a galaxy's centre and motion, unwrapped; fields are read when touched.

    Args:
        path: HDF5 file with `Header` and `PartType0/1/4/5` groups in TNG code units.
        centre: None (the file's `SubhaloPos` attribute, else the densest point, with a warning), "densest",
            a length `Quantity` (3,) in proper units, or three numbers in the file's code units (ckpc/h), as
            group catalogues have them.

    Returns: `ParticleSet`; its metadata hold `centre_code`, the centre in code units.

    Raises:
        SimulationError: the file is missing, damaged, has no particles, or contradicts itself.
        ParameterError: a centre that is not understood.
    """
    path = Path(path)
    with opened(path) as file:
        header, stored_centre, stored_velocity = _read_header(file, path)
        species = {}
        for kind, part in PART_TYPES.items():
            if part in file and len(file[part]):
                species[kind] = _describe(file, path, kind, part, header)
    species = {kind: fields for kind, fields in species.items() if fields is not None}
    if not species:
        raise SimulationError(f"{path} holds no particles (no PartType0, 1, 4 or 5 with Coordinates).")
    length = header.scale_factor / header.hubble  # kpc per ckpc/h
    origin = _centre(path, centre, stored_centre, species, length, header.box_size)
    box = None if header.box_size is None else header.box_size.to_value(u.kpc)
    result: dict[str, Species] = {}
    streaming = {kind: fields["velocity"] for kind, fields in species.items() if "velocity" in fields}
    systemic = _systemic_velocity(stored_velocity, streaming, result)
    for kind, fields in species.items():
        absolute = fields["position"]
        fields["position"] = lambda absolute=absolute: unwrap(absolute().to_value(u.kpc), origin, box) * u.kpc
        if kind in streaming:
            fields["velocity"] = lambda kind=kind: streaming[kind]() - systemic() * (u.km / u.s)
        result[kind] = Species(kind, fields, str(path))
    kept = dict(result)  # `result` itself serves the systemic velocity and must keep its rows
    if "stars" in kept and "formation_scale_factor" in kept["stars"]:
        # TNG keeps wind particles among the stars, marked by a formation time <= 0
        kept["stars"] = kept["stars"].select(np.asarray(kept["stars"].formation_scale_factor) > 0)
    return ParticleSet(header=header, **kept, metadata={"centre_code": (origin / length).tolist()})


def _read_header(file, path: Path) -> tuple[Header, np.ndarray | None, np.ndarray | None]:
    """The header, and the galaxy's position (code units) and velocity (km/s) where the file has them."""
    from astropy.cosmology import FlatLambdaCDM

    if "Header" not in file:
        raise SimulationError(f"{path} has no Header group: it is HDF5, but not a simulation file in TNG's layout.")
    attributes = file["Header"].attrs

    def number(name, default=None):
        if name not in attributes:
            if default is None:
                raise SimulationError(f"{path}: Header has no attribute {name}; the file cannot be put into units.")
            return default
        value = np.asarray(attributes[name]).ravel()
        if value.dtype.kind not in "fiu" or value.size != 1 or not np.isfinite(value[0]):
            raise SimulationError(f"{path}: Header attribute {name} is not a finite number.")
        return float(value[0])

    hubble, matter = number("HubbleParam"), number("Omega0")
    scale = number("Time")
    redshift = number("Redshift", 1.0 / scale - 1.0) if scale > 0 else -1.0
    if not (0.1 < hubble < 2.0 and 0.0 < matter <= 1.0 and 0.0 < scale <= 1.001):
        raise SimulationError(
            f"{path}: Header has HubbleParam {hubble:g}, Omega0 {matter:g}, Time {scale:g}: not a snapshot "
            "of a cosmological run."
        )
    if abs((1.0 + redshift) * scale - 1.0) > 1e-3:
        raise SimulationError(f"{path}: Header Redshift {redshift:g} and Time {scale:g} contradict each other.")
    box = number("BoxSize", 0.0) or None
    if box is not None and box < 0:
        raise SimulationError(f"{path}: Header BoxSize is {box:g}.")
    cosmology = FlatLambdaCDM(H0=100.0 * hubble, Om0=matter, Ob0=number("OmegaBaryon", 0.0486), name="file")
    name = attributes.get("SimulationName", b"")
    name = name.decode() if isinstance(name, bytes) else str(name)
    match = re.fullmatch(r"L\d+n(\d+)TNG", name)
    if match and box:
        # TNG50's levels have 2160, 1080, ... particles a side; TNG100's 1820, ..., TNG300's 2500, ...
        top = {35000: 2160, 75000: 1820, 205000: 2500}.get(round(box))
        name = f"{_RUNS[round(box)]}-{round(np.log2(top / int(match[1]))) + 1}" if top else name
    header = Header(
        simulation=name or "unnamed",
        snapshot=int(number("SnapshotNumber", -1)),
        redshift=max(redshift, 0.0),
        cosmology=cosmology,
        box_size=None if box is None else box * scale / hubble * u.kpc,
        source=str(path),
    )
    stored = [attributes.get(name) for name in ("SubhaloPos", "SubhaloVel")]
    return header, *(None if value is None else np.asarray(value, np.float64) for value in stored)


def _describe(file, path: Path, kind: str, part: str, header: Header) -> dict | None:
    """Field name -> reader, after checking shapes, types and units; None where the group has no particles."""
    group = file[part]
    if "Coordinates" not in group:
        raise SimulationError(f"{path}: {part} has no Coordinates; ask for them when making the cutout.")
    count = group["Coordinates"].shape[0] if group["Coordinates"].ndim else 0
    expected = file["Header"].attrs.get("NumPart_ThisFile")
    if expected is not None and int(np.asarray(expected).ravel()[int(part[-1])]) != count:
        raise SimulationError(
            f"{path}: Header promises {int(np.asarray(expected).ravel()[int(part[-1])])} particles in {part}, "
            f"Coordinates has {count}; the file is damaged."
        )
    if count == 0:
        return None
    fields: dict = {}
    for spec in TNG_FIELDS[kind]:
        if spec.dataset not in group or spec.name in fields:
            continue
        dataset = group[spec.dataset]
        where = f"{path}: {part}/{spec.dataset}"
        shape = (count, spec.columns) if spec.columns else (count,)
        if dataset.shape != shape or dataset.dtype.kind not in "fiu":
            raise SimulationError(f"{where} has shape {dataset.shape} of {dataset.dtype}, expected {shape} numbers.")
        factor = factor_from_attributes(spec, dataset.attrs, header.scale_factor, header.hubble, where)
        if factor is None:
            factor = factor_from_table(spec, header.scale_factor, header.hubble)
        fields[spec.name] = _reader(path, part, spec.dataset, factor, UNITS[spec.name])
        if spec.dataset == "GFM_InitialMass":
            warnings.warn(
                f"{path}: stars have no Masses; GFM_InitialMass stands in, which is up to 40 % too high.",
                stacklevel=3,
            )
    if "GFM_Metals" in group and kind == "gas":
        fields["hydrogen_fraction"] = lambda: read(path, part, "GFM_Metals", np.s_[:, 0])
    if "mass" not in fields:
        table = np.asarray(file["Header"].attrs.get("MassTable", np.zeros(6)), np.float64).ravel()
        mass = float(table[int(part[-1])]) if table.size == 6 else 0.0
        if not mass > 0:
            raise SimulationError(f"{path}: {part} has no Masses and the Header's MassTable has none for it.")
        each = mass * 1e10 / header.hubble
        fields["mass"] = lambda: np.full(count, each) * u.Msun
    return fields


def _reader(path: Path, part: str, dataset: str, factor: float, unit):
    def load():
        values = read(path, part, dataset)
        if unit is None and factor == 1.0:
            return values
        # masses and positions keep double precision where the file has it
        values = values * values.dtype.type(factor) if values.dtype.kind == "f" else values * factor
        return values if unit is None else values * unit

    return load


def _systemic_velocity(stored, streaming: dict, species: dict[str, Species]):
    """A function that gives the galaxy's own velocity (3,) km/s in the frame of the box.

    The header's `SubhaloVel` (km/s, no factor of a), else the mean velocity of the stars, or of the next kind
    that is there, within 20 kpc of the centre.
    """

    @cache
    def velocity() -> np.ndarray:
        if stored is not None:
            return stored
        for kind in ("stars", "dark_matter", "gas"):
            if kind in streaming:
                near = np.sum(species[kind].position.to_value(u.kpc) ** 2, axis=1) <= _SYSTEMIC_KPC**2
                if near.any():
                    moving = streaming[kind]().to_value(u.km / u.s)[near].astype(np.float64)
                    return np.average(moving, axis=0, weights=species[kind].mass.value[near])
        return np.zeros(3)

    return velocity


def _centre(path, centre, stored, species, length, box) -> np.ndarray:
    """The centre in proper kpc, in the frame of the file."""
    if centre is None and stored is not None:
        if stored.shape != (3,) or not np.isfinite(stored).all():
            raise SimulationError(f"{path}: Header attribute SubhaloPos is not three finite numbers.")
        return stored * length
    if centre is None:
        warnings.warn(f"{path} does not say where its galaxy is: centred on the densest point.", stacklevel=3)
        centre = "densest"
    if isinstance(centre, str):
        if centre != "densest":
            raise ParameterError(f"centre must be 'densest', a length Quantity or three numbers, but is {centre!r}.")
        kind = next(k for k in ("dark_matter", "stars", "gas", "black_holes") if k in species)
        position = species[kind]["position"]().to_value(u.kpc)
        if not np.isfinite(position).all():
            raise SimulationError(f"{path}: {PART_TYPES[kind]}/Coordinates has values that are not finite.")
        mass = species[kind]["mass"]().to_value(u.Msun)
        return densest_point(position, mass, None if box is None else box.to_value(u.kpc))
    value = centre.to_value(u.kpc) if isinstance(centre, u.Quantity) else np.asarray(centre, np.float64) * length
    if np.shape(value) != (3,) or not np.isfinite(value).all():
        raise ParameterError(f"centre must be three finite numbers, but is {centre}.")
    return value
