"""A single file: a web-API cutout, a CAMELS or AREPO snapshot in one piece."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import ParameterError, SimulationError
from .assembly import assemble
from .centre import densest_point
from .code_units import PART_TYPES
from .fields import FieldSource
from .hdf5 import opened, reading
from .header import FileHeader, read_header
from .layouts import Layout, detect_layout
from .particles import ParticleSet
from .pieces import Piece

__all__ = ["open_cutout"]


def open_cutout(path: str | os.PathLike, centre=None) -> ParticleSet:
    """Particles of one file, relative to a galaxy's centre and motion, unwrapped; fields are read when touched.

    Args:
        path: HDF5 file with `Header` and `PartType0/1/4/5` groups, in the code units of its simulation.
        centre: None (the file's `SubhaloPos` attribute, else the densest point, with a warning), "densest",
            a length `Quantity` (3,) in proper units, or three numbers in the file's code units (ckpc/h), as
            group catalogues have them.

    Returns: `ParticleSet`; its metadata hold `centre_code`, the centre in code units.

    Raises:
        SimulationError: the file is missing, damaged, has no particles, or contradicts itself.
        ParameterError: a centre that is not understood.
    """
    path = Path(path)
    layout, facts, lengths = survey(path)
    if not lengths:
        raise SimulationError(f"{path} holds no particles (no PartType0, 1, 4 or 5 with Coordinates).")
    source = FieldSource(layout, facts)
    pieces = {kind: source.without_wind(kind, [Piece(path, 0, length, length)]) for kind, length in lengths.items()}
    fields = {kind: source.describe(kind, rows) for kind, rows in pieces.items() if rows}
    origin = _centre(path, centre, facts, fields)
    metadata = {"centre_code": (origin / facts.length).tolist(), "layout": layout.name}
    return assemble(facts.header, layout.name, fields, origin, facts.velocity, str(path), metadata)


def survey(path: Path) -> tuple[Layout, FileHeader, dict[str, int]]:
    """Layout, Header and number of particles of each kind (those that are there) of one file.

    Raises:
        SimulationError: the file is damaged, or its Header and datasets contradict each other.
    """
    lengths = {}
    with opened(path) as file:
        layout = detect_layout(file, path)
        facts = read_header(file, path, layout)
        for kind, part in PART_TYPES.items():
            with reading(f"{path}: {part}"):
                if part not in file or not len(file[part]):
                    continue
                if "Coordinates" not in file[part]:
                    raise SimulationError(f"{path}: {part} has no Coordinates; ask for them when making the cutout.")
            with reading(f"{path}: {part}/Coordinates"):
                shape = file[part]["Coordinates"].shape
                others = {n: getattr(file[part][n], "shape", (0,))[:1] for n in file[part]} if shape[:1] == (0,) else {}
            length = int(shape[0]) if shape else 0
            if any(other != (0,) for other in others.values()):
                raise SimulationError(f"{path}: {part}/Coordinates is empty, other datasets of {part} are not.")
            promised = length if facts.counts is None else int(facts.counts[int(part[-1])])
            if promised != length:
                raise SimulationError(
                    f"{path}: Header promises {promised} particles in {part}, Coordinates has {length}; "
                    "the file is damaged."
                )
            if length:
                lengths[kind] = length
        if facts.counts is not None and facts.total is not None and lengths:
            # a whole snapshot; a cutout (no NumPart_Total) may leave out what nobody asked for
            for kind, part in PART_TYPES.items():
                if facts.counts[int(part[-1])] and kind not in lengths:
                    raise SimulationError(
                        f"{path}: Header promises {facts.counts[int(part[-1])]} particles in {part}, "
                        "which is not in the file; it is damaged."
                    )
    return layout, facts, lengths


def _centre(path: Path, centre, facts: FileHeader, fields: dict) -> np.ndarray:
    """The centre in proper kpc, in the frame of the file."""
    if centre is None and facts.position is not None:
        return facts.position * facts.length
    if centre is None:
        warnings.warn(f"{path} does not say where its galaxy is: centred on the densest point.", stacklevel=3)
        centre = "densest"
    if isinstance(centre, str):
        if centre != "densest":
            raise ParameterError(f"centre must be 'densest', a length Quantity or three numbers, but is {centre!r}.")
        kind = next(k for k in ("dark_matter", "stars", "gas", "black_holes") if k in fields)
        position = fields[kind]["position"]().to_value(u.kpc)
        mass = fields[kind]["mass"]().to_value(u.Msun)
        box = facts.header.box_size
        return densest_point(position, mass, None if box is None else box.to_value(u.kpc))
    value = centre.to_value(u.kpc) if isinstance(centre, u.Quantity) else np.asarray(centre, np.float64) * facts.length
    if np.shape(value) != (3,) or not np.isfinite(value).all():
        raise ParameterError(f"centre must be three finite numbers, but is {centre}.")
    return value
