"""HDF5 files as users have them: missing, truncated, not HDF5 at all. Every failure names the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ..errors import SimulationError, SkazooError

__all__ = ["attributes_of", "opened", "read", "reading", "sound"]

# what h5py raises on damaged metadata or data
_DAMAGE = (
    KeyError, OSError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError,
    NotImplementedError, SystemError, ArithmeticError,
)  # fmt: skip


@contextmanager
def opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises:
        SimulationError: it is not there, is a folder, is not HDF5, or is cut short.
    """
    path = Path(path)
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        if not path.exists():
            raise SimulationError(f"{path} does not exist; check the path.") from error
        if path.is_dir():
            raise SimulationError(f"{path} is a folder; give one HDF5 file.") from error
        if not os.access(path, os.R_OK):
            raise SimulationError(f"{path} is not readable; check its permissions.") from error
        if not h5py.is_hdf5(path):
            raise SimulationError(f"{path} is not an HDF5 file; give a TNG cutout or snapshot.") from error
        raise SimulationError(f"{path} is damaged or cut short ({error}); download it again.") from error
    with file:
        yield file


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever h5py raises inside into a `SimulationError` that begins with `where` (file and dataset)."""
    try:
        yield
    except SkazooError:
        raise
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SimulationError(f"{where} cannot be read ({reason}); the file is damaged, get it again.") from error


def attributes_of(item, where: str) -> dict:
    """All attributes of a group or dataset.

    Raises:
        SimulationError: one of them is damaged.
    """
    with reading(f"{where}, attributes"):
        return dict(item.attrs.items())


def sound(values: np.ndarray, where: str, least: float | None = None) -> np.ndarray:
    """Give `values` back if all are finite (and none is below `least`).

    Raises:
        SimulationError: a value cannot be.
    """
    if values.size and values.dtype.kind == "f":
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise SimulationError(f"{where} has values that are not finite; the file is damaged, get it again.")
        if least is not None and low < least:
            raise SimulationError(f"{where} has values as low as {low:g}, which cannot be; the file is damaged.")
    return values


def read(path: str | os.PathLike, group: str, name: str, rows=slice(None)) -> np.ndarray:
    """Read rows of dataset `group/name`.

    Raises:
        SimulationError: the dataset is missing or damaged.
    """
    with opened(path) as file, reading(f"{path}: dataset {group}/{name}"):
        return file[group][name][rows]
