"""HDF5 files as users have them: missing, truncated, not HDF5 at all. Every failure names the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ..errors import SimulationError

__all__ = ["opened", "read"]


@contextmanager
def opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises:
        SimulationError: it is not there, is a folder, is not HDF5, or is cut short.
    """
    path = Path(path)
    if not path.exists():
        raise SimulationError(f"{path} does not exist; check the path.")
    if path.is_dir():
        raise SimulationError(f"{path} is a folder; give one HDF5 file.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if not os.access(path, os.R_OK):
            raise SimulationError(f"{path} is not readable; check its permissions.") from error
        if not h5py.is_hdf5(path):
            raise SimulationError(f"{path} is not an HDF5 file; give a TNG cutout or snapshot.") from error
        raise SimulationError(f"{path} is damaged or cut short ({error}); download it again.") from error
    with file:
        yield file


def read(path: str | os.PathLike, group: str, name: str, rows=slice(None)) -> np.ndarray:
    """Read rows of dataset `group/name`.

    Raises:
        SimulationError: the dataset is missing or damaged.
    """
    with opened(path) as file:
        try:
            return file[group][name][rows]
        except (KeyError, OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise SimulationError(
                f"{path}: dataset {group}/{name} cannot be read ({error}); the file is damaged, get it again."
            ) from error
