"""The weights file of a preset: in half the room where asked for, and looked through before Keras reads it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..errors import ParameterError, PresetError

__all__ = ["check_weights", "store_half"]

_SPARE = 1024  # numbers that a family may store besides its variables, such as states of random generators


def store_half(path: Path) -> None:
    """Rewrite the float32 numbers of an HDF5 file as float16; Keras reads them back into float32 variables.

    A number keeps 11 bits (a relative error of 2^-11 at most), below 6.1e-5 an absolute error of 3e-8.

    Raises:
        ParameterError: a number beyond 65504, the largest of float16, or one that is not finite.
    """
    import h5py

    half = path.with_name(f".half-{path.name}")
    names: list[str] = []
    try:
        # the file format of HDF5 1.8 (2008) takes a third of the room of the older one, h5py's default, for each array
        with h5py.File(path, "r") as file, h5py.File(half, "w", libver=("v108", "v108")) as copy:
            copy.attrs.update(file.attrs)
            file.visit(names.append)
            for name in names:
                item = file[name]
                if isinstance(item, h5py.Group):
                    made = copy.require_group(name)
                else:
                    made = copy.create_dataset(name, data=_halved(name, item[()]))
                made.attrs.update(item.attrs)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _halved(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype != np.float32:
        return values
    if not np.all(np.abs(values) <= np.finfo(np.float16).max):
        raise ParameterError(f"the weights {name} do not fit into float16 (finite, 65504 at most); do without half.")
    return values.astype(np.float16)


def check_weights(path: Path, variables) -> None:
    """Refuse an HDF5 file that leads out of itself, holds anything but numbers, or more of them than `variables`.

    Nothing in it is read: HDF5 links can point to other files, and a few bytes can stand for gigabytes.

    Raises:
        PresetError: such a file, or one that is no HDF5.
    """
    import h5py

    numbers = 0

    def look(name, link):  # what it returns ends the visit; h5py does not bear exceptions here
        nonlocal numbers
        if not isinstance(link, h5py.HardLink):
            return f"holds a link, {name}, to another place"
        item = file[name]
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                return f"takes {name} from another file"
            if item.dtype.kind not in "fiub":
                return f"holds {name}, which is no array of numbers"
            numbers += math.prod(item.shape)
        return None

    try:
        with h5py.File(path, "r") as file:
            wrong = file.visititems_links(look)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise PresetError(f"{path} cannot be read as HDF5, it was cut short or is no such file: {reason}.") from error
    if wrong:
        raise PresetError(f"{path} {wrong}; refused.")
    room = sum(math.prod(variable.shape) for variable in variables)
    if numbers > room + _SPARE:
        raise PresetError(f"{path} holds {numbers:,} numbers, but its mapper has room for {room:,}; refused.")
