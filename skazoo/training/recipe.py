"""The numbers of a training run, all in one JSON file."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

from ..errors import ParameterError, check_choice, check_positive

__all__ = ["find_recipe", "read_recipe", "recipes"]

REQUIRED = {
    "family": "folder of zoo/ whose train.py runs it",
    "dataset": "tfds name such as ska_tng/toy_64, or the folder of a prepared dataset",
    "source": "fields",
    "target": "fields",
    "image_size": "pixels",
    "mapper": "further arguments of the mapper's class",
    "dtype": "float32, mixed_bfloat16 or mixed_float16",
    "batch_size": "examples a step, over all devices",
    "steps": "batches in the whole run",
    "learning_rate": "peak; or a pair, the generator's and the discriminator's",
    "warmup": "fraction of the steps",
    "average": "lengths of the weight averages",
    "seed": "of weights, noise and order",
}
# what is off where a recipe does not name it
OPTIONAL = {
    "data_dir": None,  # where tensorflow_datasets keeps the data
    "start_from": None,  # preset or folder whose weights are the first
    "jit_compile": "auto",  # XLA
    "accumulation": 1,  # batches to one step of the optimizer
    "sample_sheet_every": 0,  # epochs
    "patience": 0,  # epochs without a better validation loss until the end
    "half": False,  # whether the preset's weights are kept as float16, in half the room
    "devices": 1,  # see `skazoo.training.on_devices`
}


def read_recipe(source: str | os.PathLike | dict, /, **changes) -> dict:
    """A complete recipe.

    Args:
        source: path of a recipe.json, or its content.
        changes: entries to put in place of its own; None changes nothing.

    Raises:
        ParameterError: no such file, a missing or unknown entry, a number out of range.
    """
    if not isinstance(source, dict):
        try:
            content = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ParameterError(f"cannot read the recipe {source}: {error}.") from error
    else:
        content = source
    recipe = {**OPTIONAL, **content, **{name: value for name, value in changes.items() if value is not None}}
    for name in recipe:
        check_choice("entry of a recipe", name, (*REQUIRED, *OPTIONAL))
    for name, meaning in REQUIRED.items():
        if name not in recipe:
            raise ParameterError(f"the recipe lacks {name!r}: {meaning}.")
    for name in ("image_size", "batch_size", "steps", "accumulation"):
        check_positive(name, recipe[name])
    check_choice("dtype", recipe["dtype"], ("float32", "mixed_bfloat16", "mixed_float16"))
    check_choice("family", recipe["family"], families())
    return recipe


def find_recipe(name: str | os.PathLike) -> Path:
    """The file meant by `name`: a recipe.json, a folder with one, or a preset's name ("diffusion_dm2hi_toy64")."""
    path = Path(name)
    if path.is_dir():
        path = path / "recipe.json"
    if path.is_file():
        return path
    found = recipes()
    if os.fspath(name) not in found:
        raise ParameterError(f"there is no file or recipe {os.fspath(name)!r}. Recipes: {', '.join(found)}.")
    return found[os.fspath(name)]


def recipes() -> dict[str, Path]:
    """{name: path} of the recipes in the package; zoo/<family>/<rest>/recipe.json is called <family>_<rest>."""
    paths = sorted(_zoo().glob("*/*/recipe.json"))
    return {f"{path.parent.parent.name}_{path.parent.name}": path for path in paths}


def families() -> list[str]:
    """The folders of the zoo that can train."""
    return sorted(path.parent.name for path in _zoo().glob("*/train.py"))


def _zoo() -> Path:
    return Path(str(files("skazoo.zoo")))
