"""The list of files of a preset with their sha256, checked before any of them is interpreted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import PresetError

__all__ = ["FORMAT", "MANIFEST", "listed", "read_json", "verify", "write_manifest"]

MANIFEST = "manifest.json"
FORMAT = 1  # of the folder; raised when an older skazoo could not read the newer layout


def write_manifest(folder: Path) -> None:
    """Write `manifest.json` for all files that are in `folder`, hidden ones and folders left out."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    files = {path.name: _sha256(path) for path in paths if path.name != MANIFEST}
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": files}, indent=2) + "\n")


def listed(folder: Path, root: Path | None = None) -> dict[str, str]:
    """{file name: sha256} of the manifest in `folder`; the names are plain ones, of files that need not be there.

    Args:
        folder, root: as for `verify`.

    Raises:
        PresetError: no manifest, one of a newer format, or a name with a path in it.
    """
    folder = Path(folder)
    manifest = read_json(_inside(folder, MANIFEST, (root or folder).resolve()))
    version, files = manifest.get("format"), manifest.get("files")
    if not isinstance(version, int) or not isinstance(files, dict):
        raise PresetError(f"{folder / MANIFEST} is not a skazoo manifest: it needs a format number and files.")
    if version > FORMAT:
        raise PresetError(
            f"{folder} has preset format {version}, newer than the {FORMAT} that this skazoo reads; update skazoo."
        )
    for name in files:
        _check_plain(name, folder)
    return files


def verify(
    folder: Path, required: tuple[str, ...], root: Path | None = None, remedy: str = "fetch the preset again"
) -> None:
    """Check that every file of the manifest is there and unchanged, and that the `required` ones are among them.

    Args:
        folder: the preset.
        required: file names that the manifest must list.
        root: symbolic links may lead to files inside this folder (the cache of the Hub's client is made of
            links); by default the preset itself.
        remedy: what to do where a file is not what it was.

    Raises:
        PresetError: a missing, changed or unlisted file, a path or link out of the folder, a newer format.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PresetError(f"there is no preset folder {folder}.")
    root = (root or folder).resolve()
    files = listed(folder, root)
    for name in required:
        if name not in files:
            raise PresetError(f"the manifest of {folder} does not list {name}; the preset is not complete.")
    for name, expected in files.items():
        found = _sha256(_inside(folder, name, root))
        if found != expected:
            raise PresetError(
                f"{folder / name} is not what its manifest says (sha256 {found[:12]}..., not {str(expected)[:12]}...): "
                f"it was damaged or altered; {remedy}."
            )


def read_json(path: Path) -> dict:
    """The JSON object in `path`, or `PresetError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PresetError(f"{path} is missing; {path.parent} is not a complete preset.") from error
    except (OSError, ValueError) as error:
        raise PresetError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise PresetError(f"{path} holds no JSON object.")
    return content


def _check_plain(name: str, folder: Path) -> None:
    plain = isinstance(name, str) and name and PurePosixPath(name).name == name == PureWindowsPath(name).name
    if not plain or name == "..":
        raise PresetError(f"the manifest of {folder} names {name!r}, which is not a plain file name; refused.")


def _inside(folder: Path, name: str, root: Path) -> Path:
    """The file `name` of `folder`, refusing links that lead elsewhere."""
    path = folder / name
    if not path.is_file():
        raise PresetError(f"{path} is missing; the preset is not complete.")
    if not path.resolve().is_relative_to(root):
        raise PresetError(f"{path} is a link out of the preset; refused.")
    return path


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
