"""The few layers that Keras lacks: edges of a map, packing, modulation by an embedding, attention, Fourier features."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import check_choice

__all__ = ["PADDINGS", "Fourier", "Modulate", "Pack", "Pad", "SpatialAttention", "Unpack"]

PADDINGS = ("zero", "reflect", "circular")


@keras.saving.register_keras_serializable(package="skazoo")
class Pad(keras.layers.Layer):
    """Widen (B, H, W, C) by `width` pixels on each side.

    Args:
        width: number of pixels.
        mode: "reflect" (mirrored about the edge pixel) or "circular" (the map repeats); zeros need no layer.
    """

    def __init__(self, width: int, mode: str, **kwargs):
        super().__init__(**kwargs)
        check_choice("padding", mode, ("reflect", "circular"))
        self.width, self.mode = width, mode

    def call(self, x):
        n = self.width
        if self.mode == "reflect":
            return ops.pad(x, [[0, 0], [n, n], [n, n], [0, 0]], mode="reflect")
        x = ops.concatenate([x[:, -n:], x, x[:, :n]], axis=1)
        return ops.concatenate([x[:, :, -n:], x, x[:, :, :n]], axis=2)

    def compute_output_shape(self, shape):
        grown = [None if side is None else side + 2 * self.width for side in shape[1:3]]
        return (shape[0], *grown, shape[3])

    def get_config(self):
        return {**super().get_config(), "width": self.width, "mode": self.mode}


@keras.saving.register_keras_serializable(package="skazoo")
class Pack(keras.layers.Layer):
    """Space to depth: (B, H, W, C) -> (B, H/f, W/f, f*f*C). Exact inverse of `Unpack`."""

    def __init__(self, factor: int, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        f, channels = self.factor, x.shape[-1]
        _, rows, columns, _ = ops.shape(x)
        x = ops.reshape(x, (-1, rows // f, f, columns // f, f, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows // f, columns // f, f * f * channels))

    def compute_output_shape(self, shape):
        f = self.factor
        return (shape[0], *(None if side is None else side // f for side in shape[1:3]), f * f * shape[3])

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="skazoo")
class Unpack(keras.layers.Layer):
    """Depth to space, also called pixel shuffle: (B, H, W, f*f*C) -> (B, f*H, f*W, C)."""

    def __init__(self, factor: int, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        f, channels = self.factor, x.shape[-1] // self.factor**2
        _, rows, columns, _ = ops.shape(x)
        x = ops.transpose(ops.reshape(x, (-1, rows, columns, f, f, channels)), (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, rows * f, columns * f, channels))

    def compute_output_shape(self, shape):
        f = self.factor
        return (shape[0], *(None if side is None else side * f for side in shape[1:3]), shape[3] // f**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="skazoo")
class Modulate(keras.layers.Layer):
    """x (1 + scale) + shift with scale and shift linear in an embedding (FiLM, Perez et al. 2018).

    Call arguments: x (B, H, W, C), embedding (B, E). At initialisation x passes unchanged.
    """

    def build(self, x_shape, embedding_shape):
        channels = x_shape[-1]
        self.kernel = self.add_weight(shape=(embedding_shape[-1], 2 * channels), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(2 * channels,), initializer="zeros", name="bias")

    def call(self, x, embedding):
        both = ops.matmul(ops.cast(embedding, self.compute_dtype), self.kernel) + self.bias
        scale, shift = ops.split(both[:, None, None, :], 2, axis=-1)
        return x * (1 + scale) + shift

    def compute_output_shape(self, x_shape, embedding_shape):
        return x_shape


@keras.saving.register_keras_serializable(package="skazoo")
class SpatialAttention(keras.layers.Layer):
    """Every pixel looks at every other: multi-head dot-product attention on (B, H, W, C); softmax in float32.

    The cost grows as (H W)^2: use it where maps are 16 pixels a side or less.
    """

    def __init__(self, heads: int = 4, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.seed = heads, seed

    def build(self, shape):
        channels = shape[-1]
        glorot = keras.initializers.GlorotUniform(seed=self.seed)
        self.inward = self.add_weight(shape=(channels, 3 * channels), initializer=glorot, name="inward")
        self.outward = self.add_weight(shape=(channels, channels), initializer="zeros", name="outward")

    def call(self, x):
        _, rows, columns, _ = ops.shape(x)
        channels = x.shape[-1]
        depth = channels // self.heads
        qkv = ops.reshape(ops.matmul(x, self.inward), (-1, rows * columns, 3, self.heads, depth))
        query, key, value = (qkv[:, :, i] for i in range(3))
        logits = ops.cast(ops.einsum("bqhd,bkhd->bhqk", query, key), "float32") / math.sqrt(depth)
        weights = ops.cast(ops.softmax(logits, axis=-1), self.compute_dtype)
        mixed = ops.reshape(ops.einsum("bhqk,bkhd->bqhd", weights, value), (-1, rows, columns, channels))
        return ops.matmul(mixed, self.outward)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "seed": self.seed}


@keras.saving.register_keras_serializable(package="skazoo")
class Fourier(keras.layers.Layer):
    """cos and sin of a number (B,) or (B, 1) at fixed, geometrically spaced frequencies: (B, 2 n), always float32.

    Args:
        n: number of frequencies, from `lowest` to `highest` (radian per unit of the input). No trained weights.
    """

    def __init__(self, n: int = 16, lowest: float = 0.5, highest: float = 32.0, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.n, self.lowest, self.highest = n, lowest, highest
        self._frequencies = np.geomspace(lowest, highest, n).astype(np.float32)

    def call(self, x):
        phase = ops.reshape(ops.cast(x, "float32"), (-1, 1)) * self._frequencies
        return ops.concatenate([ops.cos(phase), ops.sin(phase)], axis=-1) * math.sqrt(2.0)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * self.n)

    def get_config(self):
        return {**super().get_config(), "n": self.n, "lowest": self.lowest, "highest": self.highest}
