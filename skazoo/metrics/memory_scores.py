"""Do samples repeat the training maps? Nearest neighbours of one sample a galaxy, in any of eight orientations."""

from __future__ import annotations

import numpy as np

from ..errors import DatasetError
from .diversity import memorisation
from .image import halved
from .scales import Scale

__all__ = ["MemoryScores", "training_maps"]

FINEST = 32  # pixels a side that are compared; finer maps are averaged 2 x 2 until they fit


class MemoryScores:
    """Collects one sample and the truth of each galaxy, coarse, and compares both with the training maps.

    Args:
        scale: how pixels of the field are compared.
        train: (m, H, H) training maps of the field, as `training_maps` gives them.
    """

    def __init__(self, scale: Scale, train: np.ndarray):
        self.scale, self.train = scale, train
        self.samples, self.truths = [], []

    def add(self, truth: np.ndarray, samples: np.ndarray) -> None:
        """Keep truth (H, H) and the first of the samples (M, H, H), linear."""
        pair = coarse(self.scale.apply(np.stack([truth, samples[0]])))
        self.truths.append(pair[0])
        self.samples.append(pair[1])

    def metrics(self) -> dict[str, float]:
        """Share of samples nearer to a training map than all but 1 % of the truths are, and the rank test's z."""
        if not self.samples:
            return {"copied": np.nan, "memory_z": np.nan}
        found = memorisation(np.stack(self.samples), self.train, np.stack(self.truths))
        return {"copied": 100 * found.copied, "memory_z": found.z}


def training_maps(examples, fields: tuple[str, ...], scales: dict[str, Scale], limit: int = 4000) -> dict:
    """Coarse maps of each field on its comparison scale, float32 (m, h, h), out of unbatched training examples.

    Raises:
        DatasetError: no examples, a missing field, or values that are not finite.
    """
    kept = {field: [] for field in fields}
    stream = examples.as_numpy_iterator() if hasattr(examples, "as_numpy_iterator") else iter(examples)
    for number, example in enumerate(stream):
        if number >= limit:
            break
        for field in fields:
            if not hasattr(example, "keys") or field not in example:
                raise DatasetError(f"training examples must be dicts with {field!r}, as tfds.load gives them.")
            values = np.asarray(example[field], np.float32)
            if values.ndim != 2 or not np.isfinite(values).all():
                raise DatasetError(f"field {field!r} of training example {number} is no finite map (H, W).")
            kept[field].append(coarse(scales[field].apply(values[None]))[0].astype(np.float32))
    if not kept[fields[0]]:
        raise DatasetError("training is empty: it must hold the examples that the mapper was trained on.")
    return {field: np.stack(maps) for field, maps in kept.items()}


def coarse(maps: np.ndarray) -> np.ndarray:
    """Maps (n, H, W) averaged 2 x 2 until a side has at most `FINEST` pixels."""
    while min(maps.shape[1:]) > FINEST:
        maps = halved(maps)
    return maps
