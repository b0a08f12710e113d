"""Writing so that nothing half-written is ever found: beside the target first, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError

__all__ = ["replacing", "replacing_folder"]


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary file beside `path`; on success it takes the place of `path`, on failure it is gone."""
    path = Path(path)
    make_parent(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    partial = Path(name)
    partial.unlink()  # writers that refuse to overwrite (FITS) want the name free
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on success its files move into `path`, on failure it is gone.

    A folder that is not there yet appears in one rename; in one that is, each file is replaced by a rename.
    """
    path = Path(path)
    make_parent(path)
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; choose a folder for the output.")
    partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.partial-"))
    os.chmod(partial, 0o755)
    try:
        yield partial
        if not path.exists():
            os.rename(partial, path)
        else:
            for item in sorted(partial.rglob("*")):
                target = path / item.relative_to(partial)
                if item.is_dir():
                    target.mkdir(exist_ok=True)
                else:
                    os.replace(item, target)
    except PermissionError as error:
        raise OutputError(f"cannot write into {path}: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_parent(path: Path) -> None:
    """Make the folder above `path`, or raise `OutputError` naming what stands in the way."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path.parent}: {error.strerror}.") from error
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"the folder {path.parent} is not writable; choose another output folder.")
