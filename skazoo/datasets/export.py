"""A prepared split as files that need neither TensorFlow nor skazoo: one HDF5 file, or .npy stacks like CAMELS maps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..errors import DatasetError, OutputError
from ..files import replacing, replacing_folder
from .features import FACT_UNITS

__all__ = ["export_hdf5", "export_npy"]


def export_hdf5(examples: Iterable[dict], count: int, path: str | os.PathLike, metadata: dict) -> Path:
    """Write examples as one HDF5 file: a dataset (count, ...) for each feature, with its unit as an attribute.

    Args:
        examples, count: dicts of numpy arrays, and how many there are.
        path: of the file, which appears when it is whole.
        metadata: `info.metadata`: units are taken from it, all of it becomes the JSON attribute "metadata".

    Raises:
        DatasetError: there are no examples, or not `count` of them.
        OutputError: the file cannot be written.
    """
    import h5py

    path = Path(path)
    units = {**FACT_UNITS, **metadata.get("units", {})}
    try:
        with replacing(path) as partial, h5py.File(partial, "w") as file:
            file.attrs["metadata"] = json.dumps(dict(metadata))
            number = -1
            for number, example in enumerate(examples):
                for name, value in example.items():
                    if name not in file:
                        text = isinstance(value, (bytes, str))
                        kind = h5py.string_dtype() if text else np.asarray(value).dtype
                        made = file.create_dataset(name, (count, *np.shape(value)), kind)
                        made.attrs["unit"] = units.get(name, "")
                    file[name][number] = value
            _check(number + 1, count)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    return path


def export_npy(
    examples: Iterable[dict], count: int, folder: str | os.PathLike, metadata: dict, fields: Sequence[str] = ()
) -> Path:
    """Write one stack Maps_FIELD.npy (count, npix, npix) float32 for each map, and facts.csv with a row for each map.

    Args:
        examples, count, metadata: as for `export_hdf5`.
        folder: where to.
        fields: which maps; default all.

    Raises:
        DatasetError: there are no examples, not `count` of them, or no such field.
        OutputError: the folder cannot be written.
    """
    import csv

    folder = Path(folder)
    try:
        with replacing_folder(folder) as partial:
            stacks: dict[str, np.memmap] = {}
            number = -1
            with open(partial / "facts.csv", "w", newline="") as table:
                writer = None
                for number, example in enumerate(examples):
                    maps = [n for n, v in example.items() if np.ndim(v) == 2 and len(v) > 3]
                    for name in fields or maps:
                        if name not in maps:
                            raise DatasetError(f"this dataset has no field {name!r}; it has {', '.join(sorted(maps))}.")
                        if name not in stacks:
                            stacks[name] = np.lib.format.open_memmap(
                                partial / f"Maps_{name}.npy", "w+", np.float32, (count, *np.shape(example[name]))
                            )
                        stacks[name][number] = example[name]
                    row = _row(example)
                    if writer is None:
                        writer = csv.DictWriter(table, list(row))
                        writer.writeheader()
                    writer.writerow(row)
            _check(number + 1, count)
            for stack in stacks.values():
                stack.flush()
            (partial / "metadata.json").write_text(json.dumps(dict(metadata), indent=1))
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}.") from error
    return folder


def _row(example: dict) -> dict:
    row = {}
    for name, value in sorted(example.items()):
        if isinstance(value, bytes):
            row[name] = value.decode()
        elif np.ndim(value) == 0:
            row[name] = value
        elif np.size(value) <= 9:
            row[name] = " ".join(f"{x:.9g}" for x in np.ravel(value))
    return row


def _check(found: int, count: int) -> None:
    if found != count or not count:
        raise DatasetError(f"{count} examples were announced, but {found} came; build the dataset again.")
