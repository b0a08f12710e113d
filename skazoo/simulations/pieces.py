"""Rows of one particle type, wherever in the files of a snapshot they are, read without reading the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import SimulationError
from .hdf5 import opened, reading

__all__ = ["BLOCK", "Piece", "blocks", "choose", "count", "cut", "pick_rows", "read_pieces"]

BLOCK = 1 << 18  # rows at a time where only some of them are wanted
_DIRECT = 1 << 17  # rows above which a copy costs more than h5py's way of avoiding it


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of a particle type in one file, or some of them.

    Attributes:
        path: the file.
        start, stop: the rows.
        total: rows of the type in the file, which every dataset must have.
        chosen: ascending indices relative to `start`, or None for all rows.
    """

    path: Path
    start: int
    stop: int
    total: int
    chosen: np.ndarray | None = None

    def __len__(self) -> int:
        return self.stop - self.start if self.chosen is None else len(self.chosen)


def count(pieces: Sequence[Piece]) -> int:
    """Number of rows."""
    return sum(len(piece) for piece in pieces)


def cut(paths: Sequence[Path], lengths: Sequence[int], start: int, stop: int) -> list[Piece]:
    """Rows start ... stop of the whole snapshot as pieces; `lengths` are the rows in each file."""
    found, first = [], 0
    for path, length in zip(paths, lengths, strict=True):
        low, high = max(start - first, 0), min(stop - first, length)
        if low < high:
            found.append(Piece(path, int(low), int(high), int(length)))
        first += length
    return found


def pick_rows(paths: Sequence[Path], lengths: Sequence[int], rows: np.ndarray) -> list[Piece]:
    """Rows of the whole snapshot by ascending index as pieces."""
    ends = np.cumsum(lengths)
    edges = np.searchsorted(rows, np.concatenate([[0], ends]))
    found = []
    for i, path in enumerate(paths):
        here = rows[edges[i] : edges[i + 1]] - (ends[i] - lengths[i])
        if len(here):
            found.append(Piece(path, int(here[0]), int(here[-1]) + 1, int(lengths[i]), here - here[0]))
    return found


def blocks(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The same rows in the same order, at most `BLOCK` of a file at a time."""
    for piece in pieces:
        for start in range(piece.start, piece.stop, BLOCK):
            stop = min(start + BLOCK, piece.stop)
            chosen = piece.chosen
            if chosen is not None:
                low, high = np.searchsorted(chosen, [start - piece.start, stop - piece.start])
                if low == high:
                    continue
                chosen = chosen[low:high] - (start - piece.start)
            yield replace(piece, start=start, stop=stop, chosen=chosen)


def choose(pieces: Sequence[Piece], wanted: Callable[[Piece], np.ndarray]) -> list[Piece]:
    """Only the rows for which `wanted(block)` is True; its argument are blocks of at most `BLOCK` rows."""
    found: list[Piece] = []
    for block in blocks(pieces):
        rows = np.flatnonzero(wanted(block))
        if len(rows) == 0:
            continue
        if block.chosen is not None:
            rows = block.chosen[rows]
        first, last = int(rows[0]), int(rows[-1])
        full = len(rows) == last - first + 1
        piece = replace(
            block, start=block.start + first, stop=block.start + last + 1, chosen=None if full else rows - first
        )
        before = found[-1] if found else None
        if full and before and before.chosen is None and (before.path, before.stop) == (piece.path, piece.start):
            found[-1] = replace(before, stop=piece.stop)  # blocks that were kept whole become one read again
        else:
            found.append(piece)
    return found


def read_pieces(
    pieces: Sequence[Piece], part: str, name: str, check: Callable | None = None, files: Callable = opened
) -> np.ndarray:
    """Dataset `part/name` for the rows of `pieces`, in their order and in the type of the first file.

    Args:
        check: called with each file's dataset and its description before its rows are read.
        files: opens a file, as a context.

    Raises:
        SimulationError: a file or dataset is missing or damaged, or has another number of rows than its file says.
    """
    out, at = None, 0
    for piece in pieces:
        where = f"{piece.path}: {part}/{name}"
        with files(piece.path) as file, reading(where):
            dataset = file.get(f"{part}/{name}")
            if dataset is None:
                raise SimulationError(f"{where} is missing, though other files of the snapshot have it; get it again.")
            shape = dataset.shape
            if shape[:1] != (piece.total,):
                raise SimulationError(f"{where} has shape {shape}, but its file {piece.total} such particles.")
            if check is not None:
                check(dataset, where)
            if len(pieces) == 1 and piece.chosen is None:
                return dataset[piece.start : piece.stop]  # h5py's fast path, without a copy
            if out is None:
                out = np.empty((count(pieces), *shape[1:]), dataset.dtype)
            if shape[1:] != out.shape[1:]:
                raise SimulationError(f"{where} has shape {shape}, unlike the other files of the snapshot.")
            if piece.chosen is None:
                to = at + piece.stop - piece.start
                if len(piece) > _DIRECT:
                    dataset.read_direct(out, np.s_[piece.start : piece.stop], np.s_[at:to])
                else:
                    out[at:to] = dataset[piece.start : piece.stop]
                at = to
                continue
            for block in blocks([piece]):
                to = at + len(block)
                first, last = int(block.chosen[0]), int(block.chosen[-1]) + 1
                out[at:to] = dataset[block.start + first : block.start + last][block.chosen - first]
                at = to
    return np.empty(0) if out is None else out
