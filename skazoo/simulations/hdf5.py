"""HDF5 files as users have them: missing, truncated, not HDF5 at all. Every failure names the file."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ..errors import SimulationError, SkazooError

__all__ = ["OpenFiles", "attributes_of", "check_storage", "group_attributes", "opened", "read", "reading", "sound"]

# what h5py raises on damaged metadata or data
_DAMAGE = (
    KeyError, OSError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError,
    NotImplementedError, SystemError, ArithmeticError,
)  # fmt: skip
_NOTHING = np.empty(0, np.uint8)


@contextmanager
def opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises:
        SimulationError: it is not there, is a folder, is not HDF5, or is cut short.
    """
    with _open(Path(path)) as file:
        yield file


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
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


class OpenFiles:
    """The last few files of a run, kept open: opening one takes as long as reading 10,000 rows of it.

    They are closed when the object goes, and after every error; it pickles without them.
    """

    def __init__(self, most: int = 4):
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._files: OrderedDict[Path, h5py.File] = OrderedDict()
        self._lock = threading.RLock()

    @contextmanager
    def __call__(self, path: Path) -> Iterator[h5py.File]:
        """As `opened`; one thread at a time, as HDF5 itself has it."""
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _open(path)
                if len(self._files) > self._most:
                    self._files.popitem(last=False)[1].close()
            self._files.move_to_end(path)
            try:
                yield file
            except BaseException:
                self.close()  # a traceback may keep this object alive, and a damaged file is to be replaced
                raise

    def close(self) -> None:
        """Close all; they are opened again when needed."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()

    def __getstate__(self) -> dict:
        return {"_most": self._most}

    def __setstate__(self, state: dict) -> None:
        self._most = state["_most"]
        self._begin()

    def __del__(self):
        self.close()


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


def group_attributes(file, name: str, path: Path) -> dict:
    """All attributes of a group of an open file; none where there is no such group.

    Raises:
        SimulationError: the group or one of them is damaged.
    """
    with reading(f"{path}: {name}"):
        return attributes_of(file[name], f"{path}: {name}") if name in file else {}


def check_storage(dataset, where: str) -> None:
    """A dataset has all its chunks, each filtered as the dataset says.

    Raises:
        SimulationError: HDF5 would give zeros, or compressed bytes as numbers, without a word.
    """
    if dataset.size == 0:
        return
    if dataset.chunks:
        shape, sides = dataset.shape, dataset.chunks
        whole = math.prod(-(-size // side) for size, side in zip(shape, sides, strict=True))
        found = set()

        def note(chunk):
            place = zip(chunk.chunk_offset, sides, shape, strict=True)
            if chunk.filter_mask == 0 and all(at % side == 0 and at < size for at, side, size in place):
                found.add(chunk.chunk_offset)

        dataset.id.chunk_iter(note)
        lost = len(found) != whole or not all(_can_be_looked_up(dataset, chunk) for chunk in found)
    else:
        lost = dataset.id.get_storage_size() == 0
    if lost:
        raise SimulationError(f"{where} has lost parts of its values; the file is damaged, get it again.")


def _can_be_looked_up(dataset, chunk: tuple[int, ...]) -> bool:
    """Whether reading finds a chunk: with a damaged key in the index, a listing has it and reading fills in zeros."""
    try:
        dataset.id.read_direct_chunk(chunk, out=_NOTHING)
    except ValueError:  # no room for it in `out`, so it is there (microseconds, nothing is read)
        return True
    except RuntimeError:
        return False
    return True


def sound(values: np.ndarray, where: str, least: float | None = None, factor: float = 1.0) -> np.ndarray:
    """Give `values` back if all are finite, also when multiplied with `factor`, and none is below `least`.

    Raises:
        SimulationError: a value cannot be.
    """
    if values.size and values.dtype.kind == "f":
        flat = values.reshape(-1)
        largest = np.finfo(values.dtype).max
        # the sum of squares is finite for all but huge values, and faster than a maximum
        with np.errstate(all="ignore"):
            plain = float(np.dot(flat, flat)) ** 0.5 if least is None else np.inf
        low = high = 0.0
        if not plain * max(factor, 1.0) <= largest:
            low, high = float(values.min()), float(values.max())
        if not max(-low, high) * max(factor, 1.0) <= largest:
            raise SimulationError(f"{where} has values that are not finite numbers; the file is damaged, get it again.")
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
