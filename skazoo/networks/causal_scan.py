"""One scan over a grid of pixels: each pixel's distribution given those before it, what is known, and the source."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from .gated_causal import GatedCausal
from .logistic_mixture import Ladder, draw, log_mass, parameter_count
from .unet import plain_unet

__all__ = ["CausalScan"]


class CausalScan(keras.layers.Layer):
    """A U-Net of the conditions and a gated causal network of the maps, which give mixtures of discretised logistics.

    The conditions are full maps (B, H, W, inputs); the scan runs over every `step`-th pixel of each axis, from pixel
    `start` on, (B, h, w).

    Args:
        inputs, channels: of the conditions and of the maps.
        ladder: levels of the maps.
        mixtures: logistics per pixel.
        step, start: the grid.
        features: channels of the U-Net's output.
        width, dilations, dropout: of the causal network; see `GatedCausal`.
        unet: arguments of `plain_unet`.
        seed: of the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        ladder: Ladder,
        mixtures: int,
        step: int = 1,
        start: int = 0,
        features: int = 32,
        width: int = 48,
        dilations=(1, 2, 4, 1, 2, 4),
        dropout: float = 0.0,
        unet: dict | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.channels, self.ladder, self.mixtures, self.step, self.start = channels, ladder, mixtures, step, start
        self.encoder = plain_unet(inputs, features, **(unet or {}), seed=seed, dtype=self.dtype_policy)
        self.causal = GatedCausal(channels, features, width, dilations, dropout, seed=seed, dtype=self.dtype_policy)
        self.head = keras.layers.Dense(
            parameter_count(mixtures, channels), kernel_initializer="zeros", dtype="float32", name="head"
        )
        self.head.build((None, width + features))
        self.head.bias.assign(_first_guess(mixtures, channels))
        self.built = True

    def on_grid(self, maps):
        """The scan's pixels of full maps (B, H, W, C)."""
        return maps[:, self.start :: self.step, self.start :: self.step]

    def log_mass(self, number, conditions, training=False):
        """ln P of each of the grid's pixels, (B, h, w), for levels `number` (B, H, W, C) of full maps."""
        number, features = self.on_grid(number), self.on_grid(self.encoder(conditions))
        return log_mass(
            self.parameters(self.ladder.centre(number), features, training), number, self.ladder, self.mixtures
        )

    def parameters(self, maps, features, training=False):
        """The mixtures of all the grid's pixels (B, h, w, C) at once."""
        return self.head(ops.concatenate([ops.silu(self.causal.full(maps, features, training)), features], axis=-1))

    def draw(self, conditions, uniform, temperature, given, fixed):
        """Maps (B, h, w, C) of the grid, pixel after pixel, with cached activations.

        Args:
            conditions: (B, H, W, inputs).
            uniform: (B, H, W, 1 + C) uniform random numbers.
            temperature: see `logistic_mixture.draw`.
            given: (B, h, w, C) values of pixels that are known already; anything elsewhere.
            fixed: (h, w) where they are.
        """
        features, uniform = self.on_grid(self.encoder(conditions)), self.on_grid(uniform)
        batch, rows, columns, _ = ops.shape(features)
        in_row, in_column = ops.reshape(ops.arange(rows), (1, -1, 1, 1)), ops.reshape(ops.arange(columns), (1, -1, 1))

        def one_row(i, carry):
            maps, above, kept = carry
            passed, kept = self.causal.row(above, kept, i == 0)
            feature_row, uniform_row = ops.take(features, i, axis=1), ops.take(uniform, i, axis=1)
            given_row, fixed_row = ops.take(given, i, axis=1), ops.take(fixed, i, axis=0)

            def one_pixel(j, carry):
                row, before, left = carry
                here = ops.take(feature_row, j, axis=1)
                out, left = self.causal.pixel(before, left, ops.take(passed, j, axis=2), here, j == 0)
                parameters = self.head(ops.concatenate([ops.silu(out), here], axis=-1))
                drawn = draw(parameters, ops.take(uniform_row, j, axis=1), self.ladder, self.mixtures, temperature)
                value = ops.where(
                    ops.take(fixed_row, j, axis=0), ops.take(given_row, j, axis=1), self.ladder.centre(drawn)
                )
                return ops.where(in_column == j, value[:, None], row), value, left

            start = (maps[:, 0], maps[:, 0, 0], self.causal.begin_columns(batch))
            row, _, _ = ops.fori_loop(0, columns, one_pixel, start)
            return ops.where(in_row == i, row[:, None], maps), row, kept

        maps = ops.zeros((batch, rows, columns, self.channels))
        return ops.fori_loop(0, rows, one_row, (maps, maps[:, 0], self.causal.start(batch, columns)))[0]


def _first_guess(mixtures, channels):
    """Biases of the head: components spread over the middle of the ladder, each as wide as their distance."""
    spread = np.linspace(-1.5, 1.5, mixtures) if mixtures > 1 else np.zeros(1)
    bias = np.zeros(parameter_count(mixtures, channels), np.float32)
    bias[mixtures : mixtures * (1 + channels)] = np.repeat(spread, channels)
    bias[mixtures * (1 + channels) : mixtures * (1 + 2 * channels)] = math.log(0.4)
    return bias
