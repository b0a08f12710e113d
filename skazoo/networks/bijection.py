"""What the layers of a normalizing flow share: two directions and a log-determinant, never in half precision."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

__all__ = ["Bijection", "bounded", "exact_dtype", "layer_seeds"]


def exact_dtype(policy) -> str:
    """ "float64" under the policy "float64", otherwise "float32": log-determinants do not survive half precision."""
    return "float64" if keras.dtype_policies.get(policy).compute_dtype == "float64" else "float32"


def layer_seeds(seed: int, n: int) -> list[int]:
    """Different integers for the initial weights of n layers."""
    return np.random.default_rng(seed).choice(40_000, n, replace=False).tolist()


def bounded(raw, bound: float):
    """bound * tanh(raw / bound), of the precision of `raw` (on JAX, `ops.tanh` makes float32 of float64)."""
    return bound * (2.0 * ops.sigmoid(2.0 / bound * raw) - 1.0)


class Bijection(keras.layers.Layer):
    """An invertible map of images or tokens, given conditions, whose Jacobian's determinant is known.

    Weights are made at construction. Computes in float32, or in float64 under that policy; the networks inside may be
    half precision.

    Args:
        dtype: policy of the whole flow, such as "mixed_bfloat16".
    """

    def __init__(self, dtype=None, **kwargs):
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        super().__init__(dtype=exact_dtype(policy), autocast=False, **kwargs)
        self.hidden_policy = policy

    def forward(self, x, *conditions, training: bool = False):
        """(y, ln |det dy/dx| of each image (B,)) of x (B, ...)."""
        raise NotImplementedError

    def inverse(self, y, *conditions):
        """The x with forward(x, *conditions)[0] = y."""
        raise NotImplementedError

    def call(self, x, *conditions, training=False):
        return self.forward(x, *conditions, training=training)
