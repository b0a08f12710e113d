"""A preset whose owner added to it: card and manifest are made anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .card import write_card
from .manifest import write_manifest

__all__ = ["seal"]


def seal(folder: str | os.PathLike, metrics: dict | None = None, name: str | None = None) -> Path:
    """Take up what was put into the folder of a preset: samples.png, calibration.png, recipe.json, new metrics.

    Args:
        folder: of the preset.
        metrics: instead of those in metrics.json; `Report.to_dict()` gives the card its tables.
        name: title of the card, and what `from_pretrained` is given there; by default that of the folder.

    Raises:
        PresetError: one of the preset's own files is missing or is no JSON.
    """
    folder = Path(folder)
    if metrics is not None:
        text = json.dumps(metrics, indent=2, allow_nan=False) + "\n"
        (folder / "metrics.json").write_text(text, encoding="utf-8")
    write_card(folder, name or folder.name)
    write_manifest(folder)
    return folder
