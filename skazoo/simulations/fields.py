"""The fields of one particle type in physical units, read when touched."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import SimulationError
from .centre import unwrap
from .code_units import PART_TYPES, CodeField, factor_from_attributes, factor_from_table
from .hdf5 import attributes_of, check_storage, opened, reading, sound
from .header import FileHeader
from .layouts import Layout
from .particles import UNITS
from .pieces import Piece, choose, count, read_pieces

__all__ = ["FieldSource"]

_CACHED = 1 << 18  # bytes that are checked and scaled while they are in the processor's cache
_LEAST = {"mass": 0.0, "density": 0.0, "internal_energy": 0.0, "smoothing_length": 0.0, "temperature": 0.0}


class FieldSource:
    """What the datasets of a snapshot mean; remembers which datasets have been checked.

    Args:
        layout: of all files.
        facts: the Header of one of them.
        files: opens a file, as a context; `OpenFiles` where many galaxies are read.
    """

    def __init__(self, layout: Layout, facts: FileHeader, files: Callable = opened):
        self.layout = layout
        self.facts = facts
        self.files = files
        self._present: dict[tuple, list[CodeField]] = {}
        self._factors: dict[tuple, float] = {}

    def describe(self, kind: str, pieces: Sequence[Piece]) -> dict[str, Callable]:
        """Field name -> function that reads it for the rows of `pieces`, after a look at the first file.

        Raises:
            SimulationError: no positions or masses, wrong shapes or types, units that contradict the table.
        """
        part, path = PART_TYPES[kind], pieces[0].path
        if (path, part) not in self._present:
            self._present[path, part] = self._look(kind, path, pieces[0].total)
        fields: dict[str, Callable] = {}
        for spec in self._present[path, part]:
            fields[spec.name] = partial(self.read, pieces, kind, spec)
            if spec.dataset == "GFM_InitialMass":
                warnings.warn(
                    f"{path}: stars have no Masses; GFM_InitialMass stands in, which is up to 40 % too high.",
                    stacklevel=3,
                )
        if "mass" not in fields:
            each = float(self.facts.mass_table[int(part[-1])])
            if not each > 0:
                raise SimulationError(f"{path}: {part} has no Masses and the Header's MassTable has none for it.")
            fields["mass"] = lambda: np.full(count(pieces), each) * u.Msun
        return fields

    def _look(self, kind: str, path: Path, total: int) -> list[CodeField]:
        """The fields of a kind that a file has, checked."""
        part, present = PART_TYPES[kind], {}
        with self.files(path) as file, reading(f"{path}: {part}"):
            group = file[part]
            if "Coordinates" not in group:
                raise SimulationError(f"{path}: {part} has no Coordinates; ask for them when making the cutout.")
            for spec in self.layout.fields[kind]:
                if spec.name in present or spec.dataset not in group:
                    continue
                where = f"{path}: {part}/{spec.dataset}"
                with reading(where):
                    dataset = group[spec.dataset]
                    if dataset.shape[:1] != (total,):
                        raise SimulationError(f"{where} has shape {dataset.shape}, expected {total} rows.")
                    self._check(spec, dataset, where)
                present[spec.name] = spec
        return list(present.values())

    def without_wind(self, kind: str, pieces: Sequence[Piece]) -> list[Piece]:
        """The same rows without TNG's wind particles, which are among the stars with a formation time <= 0."""
        spec = self.spec(kind, "formation_scale_factor")
        if kind != "stars" or not self.layout.wind_in_stars or not pieces:
            return list(pieces)
        with self.files(pieces[0].path) as file, reading(f"{pieces[0].path}: {PART_TYPES[kind]}"):
            if spec.dataset not in file[PART_TYPES[kind]]:
                return list(pieces)
        return choose(pieces, lambda block: self.read([block], kind, spec) > 0)

    def spec(self, kind: str, name: str) -> CodeField | None:
        """The first `CodeField` of that name."""
        return next((field for field in self.layout.fields[kind] if field.name == name), None)

    def near(self, kind: str, pieces: Sequence[Piece], centre: np.ndarray, radius: float) -> list[Piece]:
        """The rows within `radius` of `centre` (proper kpc, across the box's edges)."""
        spec, box = self.spec(kind, "position"), self.facts.header.box_size
        box = None if box is None else box.to_value(u.kpc)

        def inside(block: Piece) -> np.ndarray:
            offset = unwrap(self.read([block], kind, spec).to_value(u.kpc), centre, box)
            return np.einsum("ij,ij->i", offset, offset) <= radius**2

        return choose(pieces, inside)

    def read(self, pieces: Sequence[Piece], kind: str, spec: CodeField):
        """One field for the rows of `pieces`; a Quantity where `UNITS` has a unit.

        Raises:
            SimulationError: a dataset is missing, damaged, not finite, or in other units than the table's.
        """
        part = PART_TYPES[kind]
        values = read_pieces(pieces, part, spec.dataset, partial(self._check, spec), self.files)
        if spec.name == "position":
            values = values.astype(np.float64, copy=False)  # f4 positions lose no more digits in a large box
        where = f"{pieces[0].path}: {part}/{spec.dataset}"
        factor, unit = self._factors[(pieces[0].path, part, spec.dataset, spec.name)], UNITS[spec.name]
        scale = values.dtype.type(factor) if values.dtype.kind == "f" else None
        step = max(1, _CACHED // max(values[:1].nbytes, 1))
        for start in range(0, len(values), step):
            rows = sound(values[start : start + step], where, _LEAST.get(spec.name), factor)
            if scale is not None and factor != 1.0:
                rows *= scale  # masses and positions keep double precision where the file has it
        if spec.pick:
            values = values[:, list(spec.pick)].sum(axis=1, dtype=values.dtype)
            values = 1.0 - values if spec.one_minus else values
        if scale is None and (factor != 1.0 or unit is not None):
            values = values * np.float64(factor)
        return values if unit is None else u.Quantity(values, unit, copy=False)

    def _check(self, spec: CodeField, dataset, where: str) -> None:
        """Shape, type and units of one file's dataset; its factor is remembered."""
        path, place = where.rsplit(": ", 1)
        key = (Path(path), place.split("/")[0], spec.dataset, spec.name)
        if key in self._factors:
            return
        shape = dataset.shape
        good = len(shape) == 1 if not spec.columns else len(shape) == 2 and shape[1] == spec.columns
        if spec.pick:
            good = len(shape) == 2 and shape[1] > max(spec.pick)
        elif spec.name == "metallicity" and len(shape) != 1:
            good = False
        if not good or dataset.dtype.kind not in "fiu":
            columns = f", {spec.columns}" if spec.columns else ","
            raise SimulationError(
                f"{where} has shape {shape} of {dataset.dtype}, expected ({shape[0] if shape else 0}{columns}) numbers."
            )
        check_storage(dataset, where)
        header, factor = self.facts.header, None
        if self.layout.attributes is not None:
            found = attributes_of(dataset, where)
            factor = factor_from_attributes(
                spec, found, header.scale_factor, header.hubble, where, self.layout.attributes
            )
        self._factors[key] = factor_from_table(spec, header.scale_factor, header.hubble) if factor is None else factor
