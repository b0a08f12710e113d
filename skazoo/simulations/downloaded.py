"""What a downloaded file must be before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from ..errors import SimulationError
from .hdf5 import group_attributes, opened, reading

__all__ = ["UnsoundDownload", "check_hdf5", "finish_cutout"]


class UnsoundDownload(SimulationError):
    """A file came whole by its length, but is not what it should be."""


def check_hdf5(path: Path) -> None:
    """Every dataset of an HDF5 file can be found, and particle numbers are those of the Header.

    Raises:
        UnsoundDownload: they are not.
    """
    shapes: dict[str, tuple] = {}
    try:
        with opened(path) as file, reading(f"{path}: the list of its datasets"):
            file.visititems(lambda name, item: shapes.update({name: getattr(item, "shape", ())}))
            header = group_attributes(file, "Header", path)
    except SimulationError as error:
        raise UnsoundDownload(f"the download is damaged: {error}") from error
    counts = np.asarray(header.get("NumPart_ThisFile", ())).ravel()
    for name, shape in shapes.items():
        part, _, dataset = name.partition("/")
        if part.startswith("PartType") and dataset and "/" not in dataset and len(counts) == 6:
            if shape[:1] != (int(counts[int(part[8])]),):
                raise UnsoundDownload(f"the download is damaged: {name} has shape {shape}, unlike the Header's counts.")


def finish_cutout(path: Path, position: Sequence[float], velocity: Sequence[float], subhalo_id: int) -> None:
    """Check a cutout and write the galaxy's place into its Header.

    Args:
        position: ckpc/h.
        velocity: km/s.

    Raises:
        UnsoundDownload: the file is damaged.
    """
    check_hdf5(path)
    with h5py.File(path, "r+") as file:
        if "Header" not in file:
            raise UnsoundDownload(f"{path}: the download has no Header; it is not a cutout.")
        file["Header"].attrs.update(
            SubhaloPos=np.asarray(position, np.float64),
            SubhaloVel=np.asarray(velocity, np.float64),
            SubhaloID=np.int64(subhalo_id),
        )
