"""A preset to the Hub: verified first, its card renewed, all files in one commit."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from .._version import __version__
from ..errors import PresetError
from ..presets.card import PICTURES, write_card
from ..presets.folder import REQUIRED
from ..presets.manifest import MANIFEST, listed, read_json, verify, write_manifest
from .connection import check_repository
from .uploading import upload

__all__ = ["publish_mapper", "publish_preset"]

_BESIDE = ("recipe.json", *PICTURES)  # goes along where it lies in the folder, listed or not
_OWNED = {*REQUIRED, *_BESIDE, MANIFEST, "README.md"}


def publish_preset(
    folder: str | os.PathLike,
    repository: str,
    private: bool = False,
    tag: str | None = None,
    message: str | None = None,
) -> str:
    """Publish the preset in `folder` as hf://org/name; a preset that is there already is replaced in one commit.

    The folder stays as it is. What is published holds the files of its manifest, recipe.json and the pictures of the
    card, a card that names the repository, and a manifest of all that. The token is that of HF_TOKEN or of
    `hf auth login`.

    Args:
        folder: as `save_pretrained` wrote it, or the name of a shipped preset.
        repository: "org/name".
        private: make the repository private.
        tag: name for this version, such as "v1.0", to be given as `revision`.
        message: of the commit.

    Returns: the commit's hash.

    Raises:
        ParameterError: a wrong name or tag, or no token.
        PresetError: the preset is damaged or altered, or the Hub refuses or cannot be reached.
    """
    from ..presets.names import shipped

    repository = check_repository(repository)
    folder = shipped().get(os.fspath(folder), Path(folder))
    verify(folder, REQUIRED, remedy="save or fetch it again before publishing")
    beside = [name for name in _BESIDE if (folder / name).is_file() and not (folder / name).is_symlink()]
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary)
        for name in {*listed(folder), *beside}:
            shutil.copyfile(folder / name, staged / name)
        write_card(staged, repository.partition("/")[2], f"hf://{repository}")
        write_manifest(staged)
        kind = read_json(staged / "config.json").get("class_name")
        return upload(
            {path.name: path for path in staged.iterdir()}, repository, "model", PresetError, private, tag,
            message or f"Publish a {kind} preset of skazoo {__version__}", _OWNED.__contains__,
        )  # fmt: skip


def publish_mapper(mapper, repository: str, private=False, tag=None, message=None, **saving) -> str:
    """`mapper.save_pretrained` into a temporary folder, then `publish_preset`; `saving` goes to the former."""
    repository = check_repository(repository)
    with tempfile.TemporaryDirectory() as temporary:
        folder = mapper.save_pretrained(Path(temporary) / repository.partition("/")[2], **saving)
        return publish_preset(folder, repository, private, tag, message)
