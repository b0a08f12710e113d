"""Presets by name: shipped with the package, on the Hugging Face Hub, or a folder."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from ..errors import PresetError, check_choice
from .folder import load
from .manifest import MANIFEST, read_json

__all__ = ["from_pretrained", "list_pretrained", "shipped"]


def from_pretrained(
    name: str | os.PathLike, revision: str | None = None, dtype: str | None = None, load_weights: bool = True
):
    """A trained mapper.

    Args:
        name: a shipped preset ("diffusion_dm2hi_toy64"; see `list_pretrained`), "hf://org/name", or a folder.
        revision: branch, tag or commit on the Hub; the latest by default.
        dtype: policy to run in: "float32", "mixed_bfloat16" or "mixed_float16"; as saved by default.
        load_weights: False gives the architecture with fresh weights.

    Raises:
        PresetError: no such preset, or one that is damaged, altered or of an unknown kind.
        ParameterError: an address on the Hub that is not of the form hf://org/name.
    """
    text = os.fspath(name)
    if text.startswith("hf://"):
        return _from_hub(text, revision, dtype, load_weights)
    if revision is not None:
        raise PresetError(f"a revision needs a preset on the Hub (hf://org/name), but {text!r} is not.")
    folder = shipped().get(text)
    if folder is None and Path(text).is_dir():
        folder = Path(text)
    if folder is None:
        known = ", ".join(shipped()) or "none"
        raise PresetError(f"there is no preset or folder {text!r}. Shipped presets: {known}; or use hf://org/name.")
    return load(folder, dtype=dtype, load_weights=load_weights)


def list_pretrained(family: str | None = None, source: str | None = None, target: str | None = None) -> dict:
    """The shipped presets: {name: {family, source, target, image_size, parameters}}, filtered by what is given.

    Args:
        family: such as "diffusion".
        source, target: a field that must be among the preset's.
    """
    if family is not None:
        check_choice("family", family, {path.parent.name for path in shipped().values()} | _families())
    found = {}
    for name, folder in shipped().items():
        config = read_json(folder / "config.json").get("config", {})
        sources, targets = tuple(config.get("source", ())), tuple(config.get("target", ()))
        wanted = family in (None, folder.parent.name)
        if wanted and (source is None or source in sources) and (target is None or target in targets):
            found[name] = {
                "family": folder.parent.name,
                "source": sources,
                "target": targets,
                "image_size": config.get("image_size"),
                "parameters": read_json(folder / "metadata.json").get("parameter_count"),
            }
    return found


def shipped() -> dict[str, Path]:
    """{name: folder} of the presets in the package `skazoo.zoo`; zoo/<family>/<rest>/ is called <family>_<rest>."""
    zoo = Path(str(files("skazoo.zoo")))
    return {
        f"{path.parent.parent.name}_{path.parent.name}": path.parent for path in sorted(zoo.glob(f"*/*/{MANIFEST}"))
    }


def _families() -> set[str]:
    zoo = Path(str(files("skazoo.zoo")))
    return {path.parent.name for path in zoo.glob("*/__init__.py")}


def _from_hub(address, revision, dtype, load_weights):
    from ..hub import fetch_preset

    folder = fetch_preset(address, revision)
    # the client's cache keeps snapshots/<commit>/<file> as links into blobs/, two folders up
    return load(folder, dtype=dtype, load_weights=load_weights, root=folder.parent.parent)
