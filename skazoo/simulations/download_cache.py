"""Downloads kept by request, each with a manifest that says what it must be."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

from ..files import make_parent, replacing

__all__ = ["DownloadCache"]


class DownloadCache:
    """A folder with one file for each request.

    `<hash of the request>.hdf5` is the file, `.manifest.json` its address, size and sha256, `.part` a download that
    is not complete, `.edit` one that is complete but not yet whole. A file without a manifest, or unlike it, does not
    count: killing the process at any moment leaves nothing that is taken for a download.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def get(self, request: str, suffix: str, fetch: Callable[[Path], None], finish: Callable[[Path], None]) -> Path:
        """The file for `request`, fetched if it is not here or is damaged.

        Args:
            request: address with all parameters; names the entry, so no secret may be in it.
            fetch: completes the partial file it is given.
            finish: checks the complete file and adds to it what it lacks; raises to have it fetched anew.
        """
        from filelock import FileLock

        name = hashlib.sha256(request.encode()).hexdigest()[:32]
        target = self.folder / f"{name}{suffix}"
        make_parent(target)
        with FileLock(self.folder / f"{name}.lock", thread_local=False):
            if self._is_sound(target):
                return target
            part, edit = target.with_suffix(".part"), target.with_suffix(".edit")
            edit.unlink(missing_ok=True)
            fetch(part)
            os.replace(part, edit)
            try:
                finish(edit)
                _to_disk(edit)
                digest, size = _sha256(edit), edit.stat().st_size
                os.replace(edit, target)
            finally:
                edit.unlink(missing_ok=True)
            with replacing(self._manifest(target)) as partial:
                partial.write_text(json.dumps({"request": request, "size": size, "sha256": digest}, indent=1))
        return target

    def _manifest(self, target: Path) -> Path:
        return target.with_suffix(".manifest.json")

    def _is_sound(self, target: Path) -> bool:
        manifest = self._manifest(target)
        if not target.is_file() or not manifest.is_file():
            return False
        try:
            expected = json.loads(manifest.read_text())
            good = target.stat().st_size == expected["size"] and _sha256(target) == expected["sha256"]
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            warnings.warn(f"{target} is not what was downloaded; it is fetched again.", stacklevel=4)
        return good


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
