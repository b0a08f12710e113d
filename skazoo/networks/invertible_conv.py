"""A learned mixing of channels with a cheap determinant."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .bijection import Bijection

__all__ = ["InvertibleConv"]


@keras.saving.register_keras_serializable(package="skazoo")
class InvertibleConv(Bijection):
    """Invertible 1 x 1 convolution y = P L U x, on the last axis of (B, ..., C) (arXiv:1807.03039, section 3.2).

    L is unit lower triangular, U upper triangular with diagonal exp(d), P swaps the two halves of the channels, so
    that ln |det| is the sum of d; inverted by triangular solves. L and U share one matrix of weights.

    Args:
        channels: length of the last axis.
        swap: False leaves P out.
        deviation: of the initial weights around the identity.
        seed: of the initial weights.
    """

    def __init__(self, channels: int, swap: bool = True, deviation: float = 0.05, seed: int = 0, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.channels, self.swap, self.deviation, self.seed = channels, swap, deviation, seed
        start = keras.initializers.RandomNormal(stddev=deviation, seed=seed)
        self.packed = self.add_weight(shape=(channels, channels), initializer=start, name="packed")
        order = np.roll(np.arange(channels), channels // 2) if swap else np.arange(channels)
        self._permutation = np.eye(channels)[order]
        self.built = True

    def forward(self, x, *conditions, training=False):
        lower, upper, diagonal = self._factors()
        matrix = ops.matmul(self._fixed(self._permutation), ops.matmul(lower, upper))
        pixels = 1
        for side in ops.shape(x)[1:-1]:
            pixels = pixels * side
        log_det = ops.sum(diagonal) * ops.cast(pixels, x.dtype)
        return ops.matmul(x, ops.transpose(matrix)), ops.broadcast_to(log_det, (ops.shape(x)[0],))

    def inverse(self, y, *conditions):
        lower, upper, _ = self._factors()
        half = ops.solve_triangular(lower, self._fixed(self._permutation.T), lower=True)
        return ops.matmul(y, ops.transpose(ops.solve_triangular(upper, half, lower=False)))

    def _factors(self):
        below = self._fixed(np.tri(self.channels, k=-1))
        diagonal = ops.diagonal(self.packed)
        unit = self._fixed(np.eye(self.channels))
        upper = self.packed * ops.transpose(below) + unit * ops.exp(diagonal)
        return self.packed * below + unit, upper, diagonal

    def _fixed(self, array):
        return ops.convert_to_tensor(array.astype(self.compute_dtype))

    def get_config(self):
        own = {"channels": self.channels, "swap": self.swap, "deviation": self.deviation, "seed": self.seed}
        return {**super().get_config(), **own}
