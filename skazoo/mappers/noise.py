"""Random numbers that belong to an image, not to a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["RowNoise"]


class RowNoise:
    """A random stream of its own for each image, keyed by (seed, row, sample).

    Whatever else is in the batch, in whatever chunks it is drawn and on whatever backend, sample i of row j sees the
    same numbers.

    Args:
        seed: integer >= 0.
        rows, samples: for each image of the batch, which row of the source and which of its samples it is.
    """

    def __init__(self, seed: int, rows: Sequence[int], samples: Sequence[int]):
        self.seed, self.rows, self.samples = int(seed), rows, samples

    def normal(self, shape: tuple[int, ...], stream: int = 0) -> np.ndarray:
        """Standard normal numbers (n, *shape), float32; another `stream` is independent of the first."""
        return self._draw(lambda generator: generator.standard_normal(shape, np.float32), stream)

    def uniform(self, shape: tuple[int, ...], stream: int = 0) -> np.ndarray:
        """Uniform numbers in [0, 1): (n, *shape), float32."""
        return self._draw(lambda generator: generator.random(shape, np.float32), stream)

    def _draw(self, draw, stream):
        keys = zip(self.rows, self.samples, strict=True)
        return np.stack([draw(np.random.default_rng([self.seed, row, sample, stream])) for row, sample in keys])
