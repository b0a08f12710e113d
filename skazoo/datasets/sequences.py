"""Pairs from an array_record dataset for users of JAX and PyTorch: random access, no tf.data pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from ..errors import DatasetError, check_positive

__all__ = ["PairSequence"]


class PairSequence(keras.utils.PyDataset):
    """Batches of (source, target) for `fit` on any backend, read by index.

    Args:
        examples: anything with a length whose items are example dicts of numpy arrays:
            `tfds.data_source("ska_tng/toy_64", split="train")` of an array_record dataset, or a list.
        source, target: field names; several become channels in that order.
        batch_size: examples per batch; the last one may be smaller.
        augment: as for `pairs`: the 8 symmetries of the square, with "ska" half turns only.
        shuffle: a new order in every epoch.
        seed: of order and augmentation: the batches of an epoch depend on (seed, epoch) alone.
        **workers: of `keras.utils.PyDataset`: workers, use_multiprocessing, max_queue_size.

    Each item is a pair of float32 arrays (B, H, W, channels), in physical units.

    Raises:
        DatasetError: no examples, or a field they do not have.
    """

    def __init__(
        self,
        examples: Sequence[dict],
        source: str | Sequence[str] = "dark_matter",
        target: str | Sequence[str] = "hi",
        batch_size: int = 32,
        augment: bool = True,
        shuffle: bool = True,
        seed: int = 0,
        **workers,
    ):
        super().__init__(**workers)
        check_positive("batch_size", batch_size)
        self.examples, self.batch_size = examples, int(batch_size)
        self.source, self.target = ((n,) if isinstance(n, str) else tuple(n) for n in (source, target))
        self.augment, self.shuffle, self.seed, self.epoch = augment, shuffle, int(seed), 0
        if not len(examples):
            raise DatasetError("there are no examples to make batches of.")
        first = examples[0]
        for name in (*self.source, *self.target):
            if name not in first:
                maps = sorted(k for k, v in first.items() if np.ndim(v) == 2 and len(v) > 3)
                raise DatasetError(f"this dataset has no field {name!r}; it has {', '.join(maps)}.")

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        count = len(self.examples)
        rows = np.arange(count)
        if self.shuffle:
            rows = np.random.default_rng((self.seed, self.epoch)).permutation(count)
        rows = rows[index * self.batch_size : (index + 1) * self.batch_size]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        pairs = [self._pair(self.examples[int(row)], rng) for row in rows]
        return tuple(np.stack(side).astype(np.float32, copy=False) for side in zip(*pairs, strict=True))

    def on_epoch_end(self) -> None:
        """Keras calls it: the next epoch has another order and other turns."""
        self.epoch += 1

    def _pair(self, example: dict, rng) -> tuple[np.ndarray, np.ndarray]:
        maps = np.stack([example[n] for n in (*self.source, *self.target)], axis=-1)
        if self.augment:
            beam = "ska" in (*self.source, *self.target)
            maps = np.rot90(maps, rng.choice((0, 2)) if beam else rng.integers(4))
            maps = maps[:, ::-1] if not beam and rng.integers(2) else maps
        return maps[..., : len(self.source)], maps[..., len(self.source) :]
