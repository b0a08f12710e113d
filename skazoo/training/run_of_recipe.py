"""What every training script needs besides its mapper: the data, the optimizer, the callbacks, the preset written."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import keras
import numpy as np

from ..datasets.batches import check_fields, pairs, unpaired
from ..errors import DatasetError, ParameterError
from ..files import make_parent, replacing
from ..presets.sealing import seal
from .devices import is_chief
from .epoch_log import EpochLog
from .sample_sheet import SampleSheet
from .schedules import warmup_cosine
from .training_state import TrainingState

__all__ = ["Run"]

FREE_TO_CHANGE = ("data_dir", "devices", "jit_compile", "sample_sheet_every")  # when a run is resumed


class Run:
    """One training run of a recipe, new or resumed. Make it where its devices are in force (`on_devices`).

    The run keeps its state, logs and sample sheets in OUT.training/ beside the preset; started again with the same
    recipe it goes on after the last whole epoch and ends with the same weights as if it had never stopped.

    Args:
        recipe: of `read_recipe`.
        out: folder of the preset to write.
        paired: whether the mapper learns from pairs; see `Mapper.paired`.

    Attributes: training and validation (`tf.data.Dataset` of batches), steps_per_epoch, epochs.

    Raises:
        DatasetError, ParameterError: data that are not there or do not suit, another recipe's state in the folder.
    """

    def __init__(self, recipe: dict, out: str | os.PathLike, paired: bool = True):
        self.recipe, self.out = recipe, Path(out)
        self.work = self.out.with_name(self.out.name + ".training")
        make_parent(self.work / "recipe.json")
        self._check_same_recipe()
        data, self.info = load(recipe["dataset"], recipe["data_dir"])
        fields = {"source": recipe["source"], "target": recipe["target"]}
        spec = data["train"].element_spec
        check_fields(spec, (*recipe["source"], *recipe["target"]))
        size = spec[recipe["source"][0]].shape[0]
        if size != recipe["image_size"]:
            raise ParameterError(
                f"image_size is {recipe['image_size']}, but the maps of {self.name} have {size} pixels."
            )
        count = self.info.splits["train"].num_examples // (1 if paired else 2)
        if count < recipe["batch_size"]:
            raise ParameterError(
                f"batch_size is {recipe['batch_size']}, but {self.name} has {count} examples to train on."
            )
        self.steps_per_epoch = min(recipe["steps"], count // recipe["batch_size"])
        self.epochs = round(recipe["steps"] / self.steps_per_epoch)
        self.state = TrainingState(self.work / "state", writes=is_chief())
        common = {**fields, "batch_size": recipe["batch_size"], "seed": recipe["seed"], "drop_remainder": True}
        batches = pairs(data["train"], **common) if paired else unpaired(data["train"], **common)
        # a resumed run goes on in the same stream of batches
        self.training = _shared(batches.repeat().skip(self.state.epoch * self.steps_per_epoch))
        self.validation = None
        if "validation" in data:
            common |= {"augment": False, "shuffle": False, "drop_remainder": recipe["devices"] != 1}
            self.validation = _shared(pairs(data["validation"], **common))
        self.pixel_scale = float(next(iter(data["train"].take(1))).get("pixel_kpc", 1.0))

    @property
    def name(self) -> str:
        """Name of the dataset with its version."""
        return self.info.full_name

    def optimizer(self, mapper) -> keras.optimizers.Optimizer:
        """The family's own optimizer, with the warm-up, cosine and accumulation of the recipe."""
        every = self.recipe["accumulation"]
        rates = self.recipe["learning_rate"]
        steps = max(1, self.epochs * self.steps_per_epoch // every)
        schedules = [warmup_cosine(rate, steps, self.recipe["warmup"]) for rate in np.atleast_1d(rates).tolist()]
        optimizer = mapper.default_optimizer(schedules[0] if len(schedules) == 1 else tuple(schedules))
        if every > 1:
            for each in getattr(optimizer, "optimizers", [optimizer]):
                each.gradient_accumulation_steps = every
        return optimizer

    def start(self, mapper) -> None:
        """Give a new mapper the weights of `start_from`, where the recipe names one. Before `compile`.

        Its fields may be others. A mapper of another family gives its network, where that is of the same shape
        (Diffusion and FlowMatching, for example).
        """
        name = self.recipe["start_from"]
        if name is None:
            return
        from ..presets import from_pretrained

        first, target = from_pretrained(name), mapper
        if type(first) is not type(mapper):
            first, target = getattr(first, "network", None), getattr(mapper, "network", None)
        if first is None or target is None or _shapes(first) != _shapes(target):
            raise ParameterError(
                f"the weights of start_from={name} do not fit the recipe's mapper: their shapes differ."
            )
        for weight, value in zip(target.weights, first.weights, strict=True):
            weight.assign(keras.ops.convert_to_numpy(value))

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Logs, sample sheets, early stopping, and last the state, so that none of the others misses an epoch."""
        chosen = []
        if self.recipe["patience"]:
            chosen.append(keras.callbacks.EarlyStopping("val_loss", patience=self.recipe["patience"], verbose=1))
        if self.state.writes:
            chosen += [EpochLog(self.work / "log.csv"), EpochLog(self.work / "log.jsonl")]
        every = self.recipe["sample_sheet_every"]
        if every and self.state.writes and self.validation is not None:
            source, target = (np.asarray(maps)[:3] for maps in next(iter(self.validation)))
            chosen.append(SampleSheet(self.work / "sheets", source, target, every, pixel_scale=self.pixel_scale))
        return [*chosen, self.state]

    def publish(self, mapper) -> None:
        """Write the preset, with the last losses as its metrics and the recipe and the hours among its metadata.

        Its policy is float32 whatever it was trained in: `from_pretrained(dtype=...)` chooses another.
        """
        if not self.state.writes:
            return
        rows = EpochLog(self.work / "log.jsonl").read()
        losses = {f"final_{name}": value for name, value in rows[-1].items() if name not in ("epoch", "seconds")}
        facts = {
            "dataset": f"{self.name}, train split of {self.info.splits['train'].num_examples} examples",
            "dataset_sha256": (self.info.metadata or {}).get("content_sha256", {}).get("train"),
            "recipe": self.recipe,
            "steps": rows[-1]["epoch"] * self.steps_per_epoch,
            "hours": round(sum(row["seconds"] for row in rows) / 3600, 3),
            "hardware": _hardware() if self.recipe["devices"] == 1 else f"{self.recipe['devices']} x {_hardware()}",
        }
        facts = {name: value for name, value in facts.items() if value is not None}
        mapper.save_pretrained(self.out, losses, facts, half=self.recipe["half"], dtype="float32")
        (self.out / "recipe.json").write_text(json.dumps(self.recipe, indent=2) + "\n", encoding="utf-8")
        seal(self.out)

    def _check_same_recipe(self) -> None:
        path = self.work / "recipe.json"
        if not path.exists():
            with replacing(path) as partial:
                partial.write_text(json.dumps(self.recipe, indent=2) + "\n", encoding="utf-8")
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        for name, value in self.recipe.items():
            if name not in FREE_TO_CHANGE and before.get(name) != json.loads(json.dumps(value)):
                raise ParameterError(
                    f"{self.work} holds a run with {name} {before.get(name)}, not {value}: "
                    "choose another folder for the output, or remove that one."
                )


def load(name: str, data_dir: str | None):
    """(splits, info) of a dataset by its tfds name or the folder of a prepared one; toy data are built if missing."""
    import tensorflow_datasets as tfds

    import skazoo  # noqa: F401  registers ska_tng

    try:
        if Path(name).is_dir():
            builder = tfds.builder_from_directory(name)
        else:
            builder = tfds.builder(name, data_dir=data_dir)
            builder.download_and_prepare()
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:
        raise DatasetError(f"cannot load the dataset {name!r}: {str(error).strip().splitlines()[0]}") from error
    if "train" not in builder.info.splits:
        raise DatasetError(f"the dataset {builder.info.full_name} has no split 'train'.")
    return {split: builder.as_dataset(split=split) for split in builder.info.splits}, builder.info


def _shapes(model) -> list[tuple]:
    return [tuple(weight.shape) for weight in model.weights]


def _shared(batches):
    """Every worker of several machines reads all and keeps its part of each batch."""
    import tensorflow as tf

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _hardware() -> str:
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if found:
        return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()} CPU, {usable} {'core' if usable == 1 else 'cores'}"
