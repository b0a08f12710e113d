"""A mapper as a folder: written in one go, verified and read back without running anything that is in it."""

from __future__ import annotations

import json
import math
import os
import warnings
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from .._version import __version__
from ..errors import ParameterError, PresetError, check_choice
from ..files import replacing_folder
from .card import model_card
from .manifest import FORMAT, read_json, verify, write_manifest
from .weights import check_weights, store_half

__all__ = ["DTYPES", "FORMAT", "REQUIRED", "WEIGHTS", "load", "save"]

WEIGHTS = "model.weights.h5"
REQUIRED = ("config.json", WEIGHTS, "transforms.json", "metrics.json", "metadata.json")
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")


def save(
    mapper,
    folder: str | os.PathLike,
    metrics: dict | None = None,
    metadata: dict | None = None,
    half: bool = False,
    dtype: str | None = None,
) -> Path:
    """Write `mapper` with its averaged weights; the optimizer and the averages themselves stay out.

    Args:
        folder: to make, or in which to replace a preset file by file.
        metrics: what was measured, on which split: JSON-able.
        metadata: training data, hours, hardware, ...: JSON-able; parameter count, versions and date are added. The
            keys that the card has places for are those of `skazoo.presets.card.model_card`.
        half: keep the weights as float16 on disk, in half the room; they are loaded as float32.
        dtype: policy that the preset will run in, one of `DTYPES`; the mapper's own by default.

    Returns: the folder. `keras.saving.load_model(folder)` opens it too, once `skazoo.mappers` is imported.
    """
    import keras

    folder = Path(folder)
    if dtype is not None:
        check_choice("dtype", dtype, DTYPES)
    config = {**mapper.get_config(), **({"dtype": dtype} if dtype else {})}
    published = type(mapper).from_config(config)  # without optimizer, averages, and state of training
    with mapper.averaged_weights():
        pairs = zip(published.trainable_variables, mapper.trainable_variables, strict=True)
        states = zip(published.non_trainable_weights, _states(mapper), strict=True)
        for copy, variable in [*pairs, *states]:
            copy.assign(variable)
    description = {
        "module": "skazoo.mappers",
        "class_name": type(mapper).__name__,
        "config": config,
        "registered_name": f"skazoo>{type(mapper).__name__}",
        "keras_version": keras.__version__,
        "skazoo_version": __version__,
    }
    facts = {
        "keras_version": keras.__version__,
        "skazoo_version": __version__,
        "backend": keras.backend.backend(),
        "date_saved": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "parameter_count": sum(math.prod(variable.shape) for variable in published.trainable_variables),
        "weights_on_disk": "float16" if half else "float32",
        **(metadata or {}),
    }
    with replacing_folder(folder) as partial:
        _write_json(partial / "config.json", description)
        _write_json(partial / "transforms.json", _transforms(mapper))
        _write_json(partial / "metrics.json", metrics or {})
        _write_json(partial / "metadata.json", facts)
        published.save_weights(partial / WEIGHTS)
        if half:
            store_half(partial / WEIGHTS)
        (partial / "README.md").write_text(model_card(folder.name, description, _transforms(mapper), metrics, facts))
        write_manifest(partial)
    return folder


def load(folder: str | os.PathLike, dtype: str | None = None, load_weights: bool = True, root: Path | None = None):
    """The mapper in `folder`, after its manifest was verified.

    Args:
        dtype: policy to run in, instead of the one it was saved with: one of `DTYPES`.
        load_weights: False gives fresh weights (to train the same architecture anew).
        root: where symbolic links may lead; see `verify`.

    Raises:
        PresetError: missing, altered or contradictory files, an unknown class, a newer format.
    """
    folder = Path(folder)
    if dtype is not None:
        check_choice("dtype", dtype, DTYPES)
    verify(folder, REQUIRED, root)
    description = read_json(folder / "config.json")
    kind = mapper_class(description, folder)
    config = description.get("config")
    if not isinstance(config, dict):
        raise PresetError(f"{folder / 'config.json'} holds no arguments under 'config'.")
    try:
        mapper = kind.from_config({**config, **({"dtype": dtype} if dtype else {})})
    except (ParameterError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise PresetError(f"{folder / 'config.json'} does not describe a {kind.__name__}: {error}") from error
    transforms = read_json(folder / "transforms.json")
    stored = {name: each.get("transform") for name, each in transforms.items() if isinstance(each, dict)}
    if stored != mapper.transforms_config():
        raise PresetError(f"transforms.json and config.json of {folder} contradict each other; fetch the preset again.")
    if load_weights:
        check_weights(folder / WEIGHTS, mapper.variables)
        try:
            with warnings.catch_warnings(action="ignore"):  # what does not fit raises below
                mapper.load_weights(folder / WEIGHTS)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise PresetError(f"{folder / WEIGHTS} does not fit a {kind.__name__} of config.json: {reason}") from error
    return mapper


def mapper_class(description: dict, folder: Path) -> type:
    """The class that config.json names, among skazoo's own only."""
    room = import_module("skazoo.mappers")
    name = description.get("class_name")
    kind = getattr(room, name) if name in room.__all__ else None
    if not (isinstance(kind, type) and issubclass(kind, room.Mapper) and kind is not room.Mapper):
        raise PresetError(f"{folder} is of the class {name!r}, which this skazoo ({__version__}) does not know.")
    return kind


def _states(mapper) -> list:
    """What a network keeps besides its trained weights (running moments); not what only training needs."""
    return [each for each in mapper.non_trainable_weights if all(each is not one for one in mapper.training_state)]


def _transforms(mapper) -> dict:
    from ..mappers.inputs import unit_of

    roles = {name: "source" for name in mapper.source} | {name: "target" for name in mapper.target}
    return {
        name: {"role": roles[name], "unit": unit_of(name).to_string(), "transform": transform}
        for name, transform in mapper.transforms_config().items()
    }


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
