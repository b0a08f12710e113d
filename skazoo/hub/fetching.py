"""A preset from the Hub into the client's cache: the files of its manifest at one commit, and no others."""

from __future__ import annotations

from pathlib import Path

from .._version import __version__
from ..errors import PresetError
from ..presets.manifest import MANIFEST, listed, verify
from .connection import check_repository, in_sentences

__all__ = ["fetch_preset"]


def fetch_preset(address: str, revision: str | None = None) -> Path:
    """The folder in the cache with the preset of hf://org/name.

    What was fetched before is not fetched again, and is used where the Hub cannot be reached. A download that broke
    off goes on with the files that are missing.

    Args:
        address: "hf://org/name" or "org/name".
        revision: branch, tag or commit; the latest of the main branch by default.

    Returns: .../snapshots/<commit>, whose files are links into the folder `blobs` two levels up.

    Raises:
        ParameterError: the address is not of that form.
        PresetError: it cannot be fetched, is no preset, or is not what its manifest says.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    repository = check_repository(address)
    at = f" at revision {revision!r}" if revision else ""
    options = {"library_name": "skazoo", "library_version": __version__}
    with in_sentences(PresetError, f"fetch hf://{repository}{at}"):
        try:
            manifest = Path(hf_hub_download(repository, MANIFEST, revision=revision, **options))
        except RemoteEntryNotFoundError:
            manifest = None
    if manifest is None:
        raise PresetError(f"hf://{repository}{at} holds no {MANIFEST}, so it is no skazoo preset.")
    folder = manifest.parent
    cache = folder.parent.parent
    # by the commit, not the revision: a publication meanwhile cannot mix two presets
    for name in listed(folder, cache):
        with in_sentences(PresetError, f"fetch {name} of hf://{repository}{at}"):
            hf_hub_download(repository, name, revision=folder.name, **options)
    verify(folder, (), cache, f"remove {cache} and load it again; if that does not help, tell its owner")
    return folder
