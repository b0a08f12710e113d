"""The particles of a whole snapshot, spread over one or many files."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import SimulationError
from .code_units import PART_TYPES
from .cutout import survey
from .fields import FieldSource
from .hdf5 import OpenFiles, group_attributes, opened
from .header import number, numbers
from .pieces import Piece, cut, pick_rows
from .run_files import Family

__all__ = ["Snapshot"]


class Snapshot:
    """Where the rows of each particle type are.

    Args:
        family: the files, in order.

    Raises:
        SimulationError: files are missing or damaged, or contradict each other.
    """

    def __init__(self, family: Family):
        self.paths: tuple[Path, ...] = family.paths
        path = self.paths[0]
        self.layout, facts, self._first = survey(path)
        if facts.header.snapshot < 0 and family.number is not None:
            facts = replace(facts, header=replace(facts.header, snapshot=family.number))
        self.facts = facts
        self.source = FieldSource(self.layout, facts, OpenFiles())
        if facts.files != len(self.paths):
            raise SimulationError(
                f"{path}: the snapshot has {facts.files} files (Header NumFilesPerSnapshot), but {len(self.paths)} "
                f"are in {path.parent}; download the others."
            )

    @cached_property
    def lengths(self) -> dict[str, np.ndarray]:
        """Kind -> rows in each file, from the Headers of all files; kinds without any particle are left out."""
        if self.facts.counts is None:
            if len(self.paths) > 1:
                raise SimulationError(f"{self.paths[0]}: Header has no NumPart_ThisFile; the file is damaged.")
            return {kind: np.array([length]) for kind, length in self._first.items()}
        counts = np.array([self._counts(path) for path in self.paths])
        total = self.facts.total
        # a 32-bit total without its high word has lost multiples of 2^32
        if total is not None and ((counts.sum(axis=0) - total) % 2**32).any():
            raise SimulationError(
                f"{self.paths[0]}: Header NumPart_Total is {total.tolist()}, but the files hold "
                f"{counts.sum(axis=0).tolist()}; they are not of one snapshot, or one is damaged."
            )
        kinds = {kind: counts[:, int(part[-1])] for kind, part in PART_TYPES.items()}
        return {kind: rows for kind, rows in kinds.items() if rows.any()}

    def _counts(self, path: Path) -> np.ndarray:
        with opened(path) as file:
            found = group_attributes(file, "Header", path)
        header = self.facts.header
        same = {"HubbleParam": header.hubble, self.layout.scale: header.scale_factor}
        for name, expected in same.items():
            if abs(number(found, path, name) / expected - 1.0) > 1e-5:
                raise SimulationError(
                    f"{path}: Header {name} is {number(found, path, name):g}, that of {self.paths[0].name} "
                    f"{expected:g}; they are not of one snapshot."
                )
        counts = numbers(found, path, "NumPart_ThisFile")
        if counts is None:
            raise SimulationError(f"{path}: Header has no attribute NumPart_ThisFile; the file is damaged.")
        return counts.astype(np.int64)

    def all(self, kind: str) -> list[Piece]:
        """Every row of a kind."""
        return self.range(kind, 0, int(self.lengths[kind].sum())) if kind in self.lengths else []

    def range(self, kind: str, start: int, stop: int) -> list[Piece]:
        """Rows start ... stop in the order of the whole snapshot; none of a kind that it does not have at all.

        Raises:
            SimulationError: the snapshot has fewer.
        """
        if kind not in self.lengths or stop == start:
            return []
        total = int(self.lengths[kind].sum())
        if not 0 <= start < stop <= total:
            raise SimulationError(
                f"{self.paths[0]}: the catalogue asks for rows {start} to {stop} of {PART_TYPES[kind]}, the snapshot "
                f"has {total}; they are not of one run, or one is damaged."
            )
        return cut(self.paths, self.lengths[kind], start, stop)

    def rows(self, kind: str, index: np.ndarray) -> list[Piece]:
        """Rows by their index in the whole snapshot, in ascending order."""
        index = np.unique(np.asarray(index, np.int64))
        if len(index) == 0 or kind not in self.lengths:
            return []
        self.range(kind, int(index[0]), int(index[-1]) + 1)
        return pick_rows(self.paths, self.lengths[kind], index)
