"""The pieces of a convolutional network, all of one dtype policy, edge rule and seed."""

from __future__ import annotations

import math

import keras
from keras import layers

from ..errors import check_choice
from .layers import PADDINGS, Modulate, Pad, SpatialAttention

__all__ = ["Blocks"]


class Blocks:
    """Makes layers and applies them to symbolic tensors; every new layer draws its own initial weights from `seed`.

    Args:
        dtype: dtype policy (or its name) of the layers.
        padding: what lies outside a map: "zero" (cheapest, and tells the network where the frame ends), "reflect",
            or "circular" for periodic boxes.
        dropout: fraction of features dropped inside residual blocks while training.
        seed: integer; same seed, same initial weights.
    """

    def __init__(self, dtype=None, padding: str = "zero", dropout: float = 0.0, seed: int = 0):
        check_choice("padding", padding, PADDINGS)
        self.dtype, self.padding, self.dropout = dtype, padding, dropout
        self._seed, self._made = seed, 0

    def next_seed(self) -> int:
        """A new integer for each layer, different for each `seed`."""
        self._made += 1
        return self._seed * 100_003 + self._made

    def conv(self, x, channels: int, kernel: int = 3, zero: bool = False, dtype=None):
        """Convolution that keeps the size; `zero` starts it at zero output."""
        start = keras.initializers.Zeros() if zero else keras.initializers.GlorotUniform(seed=self.next_seed())
        dtype = dtype or self.dtype
        inside = kernel == 1 or self.padding == "zero"
        if not inside:
            x = Pad(kernel // 2, self.padding, dtype=dtype)(x)
        make = layers.Conv2D(
            channels, kernel, padding="same" if inside else "valid", kernel_initializer=start, dtype=dtype
        )
        return make(x)

    def norm(self, x):
        """Group normalisation (statistics in float32) in up to 8 groups of 4 channels or more."""
        groups = math.gcd(8, max(1, x.shape[-1] // 4))
        return layers.GroupNormalization(groups, epsilon=1e-5, dtype=self.dtype, autocast=False)(x)

    def silu(self, x):
        return layers.Activation("silu", dtype=self.dtype)(x)

    def residual(self, x, channels: int, embedding=None):
        """norm, SiLU, conv, norm, modulation by `embedding`, SiLU, conv; plus the input (projected if need be)."""
        y = self.conv(self.silu(self.norm(x)), channels)
        y = self.norm(y)
        if embedding is not None:
            y = Modulate(dtype=self.dtype)(y, embedding)
        y = self.silu(y)
        if self.dropout:
            y = layers.Dropout(self.dropout, seed=self.next_seed(), dtype=self.dtype)(y)
        y = self.conv(y, channels)
        if x.shape[-1] != channels:
            x = self.conv(x, channels, kernel=1)
        return (x + y) * math.sqrt(0.5)

    def attention(self, x):
        """norm, self-attention; plus the input."""
        heads = max(1, math.gcd(x.shape[-1], 256) // 16)
        return x + SpatialAttention(heads, seed=self.next_seed(), dtype=self.dtype)(self.norm(x))

    def down(self, x):
        """Half the size, by the mean of 2 x 2 pixels."""
        return layers.AveragePooling2D(2, dtype=self.dtype)(x)

    def up(self, x):
        """Twice the size, by repeating pixels (the convolution that follows smooths them; no checkerboard)."""
        return layers.UpSampling2D(2, interpolation="nearest", dtype=self.dtype)(x)

    def skip(self, x, kept):
        """`kept` of the way down beside `x` of the way up."""
        return layers.Concatenate(dtype=self.dtype)([x, kept])
