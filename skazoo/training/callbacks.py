"""Callbacks that every mapper uses."""

from __future__ import annotations

import itertools
import math

import keras
import numpy as np

from ..errors import DatasetError, ParameterError

__all__ = ["StopOnNaN", "describe_nonfinite"]


class StopOnNaN(keras.callbacks.Callback):
    """End `fit` with an error as soon as a loss is not finite, naming the field and batch where the data are not.

    The data are read again only then; a healthy run costs nothing.

    Args:
        source, target: field names of the channels.
        data: {"training": (x, y), "validation": (x, y), a dataset of pairs, or None}; y is None where x is a dataset.
    """

    def __init__(self, source, target, data: dict):
        super().__init__()
        self.fields = source, target
        self.data = {k: v if v is None or isinstance(v, tuple | list) else (v, None) for k, v in data.items()}
        self.seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        self._check("training", f"at batch {batch + 1}", logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check("training", f"in epoch {epoch + 1}", logs)

    def on_test_end(self, logs=None):
        self._check("validation", "on the validation data", logs)

    def _check(self, part, where, logs):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(float(np.asarray(loss))):
            return
        found = describe_nonfinite(self.data.get(part), self.fields, self.seen)
        if found:
            raise DatasetError(
                f"the loss is not finite {where}, because the {part} data are not: {found}. "
                "Mend them and start with a new mapper: the weights of this one are spoiled."
            )
        raise ParameterError(
            f"the loss is not finite {where} although the data read again are: lower the learning rate, "
            "train in float32 or mixed_bfloat16 instead of mixed_float16, check the transforms, or start with a new "
            "mapper if an earlier run spoiled the weights of this one."
        )


def describe_nonfinite(data, fields, batches: int) -> str | None:
    """Where the first non-finite pixels of `data` are, in words; None where there are none or it cannot be read again.

    Args:
        data: (x, y) arrays, or (dataset, None) of (source, target) batches.
        fields: (source names, target names).
        batches: how many batches of a dataset to read at most.
    """
    if data is None:
        return None
    x, y = data
    pairs = [(x, y)] if y is not None else itertools.islice(iter(x), max(batches, 1))
    for number, pair in enumerate(pairs, start=1):
        for role, names, values in zip(("source", "target"), fields, pair, strict=False):
            bad = ~np.isfinite(np.asarray(values))
            for channel, name in enumerate(names):
                if bad[..., channel].any():
                    place = "" if y is not None else f" (batch {number})"
                    return (
                        f"{int(bad[..., channel].sum())} pixels of the {role} field {name!r} are NaN or infinite{place}"
                    )
    return None
