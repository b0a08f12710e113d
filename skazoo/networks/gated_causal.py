"""A stack of gated causal convolutions: a pixel sees all rows above it and what is left of it in its own row.

After van den Oord et al. 2016 (arXiv:1606.05328): a vertical stack that looks at the rows above and a horizontal one
that looks left, so that there is no blind spot. `full` runs over whole maps; `start`, `row` and `pixel` give the same
numbers one pixel at a time, from the few rows and columns that are still needed (as in Ramachandran et al. 2017,
arXiv:1704.06001).
"""

from __future__ import annotations

import math

import keras
from keras import ops

__all__ = ["GatedCausal"]


@keras.saving.register_keras_serializable(package="skazoo")
class GatedCausal(keras.layers.Layer):
    """maps (B, H, W, C) and features of the source (B, H, W, F) -> (B, H, W, width), strictly causal in the maps.

    Args:
        channels, features: of the maps and of the source.
        width: channels of both stacks.
        dilations: one layer each; a layer looks `dilation` rows up and `dilation` columns to either side.
        dropout: fraction of the gates' outputs dropped while training.
        seed: of the initial weights.
    """

    def __init__(self, channels, features, width=48, dilations=(1, 2, 4, 1, 2, 4), dropout=0.0, seed=0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.channels, self.features, self.width = channels, features, width
        self.dilations, self.dropout, self.seed, self._made = tuple(dilations), dropout, seed, 0
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy) if dropout else None
        self.enter_v = self._make((channels + 1, width), "enter_v")
        self.enter_h = self._make((channels + 1, width), "enter_h")
        self.layers = [
            {
                "above": self._make((2, 3, width, 2 * width), f"above_{i}"),
                "above_bias": self._make((2 * width,), f"above_bias_{i}"),
                "left": self._make((1, 2, width, 2 * width), f"left_{i}"),
                "left_bias": self._make((2 * width,), f"left_bias_{i}"),
                "down": self._make((2 * width, 2 * width), f"down_{i}"),
                "source": self._make((features, 2 * width), f"source_{i}"),
                "out_h": self._make((width, width), f"out_h_{i}", 1 / math.sqrt(len(self.dilations))),
            }
            for i in range(len(self.dilations))
        ]
        for i, weights in enumerate(self.layers[:-1]):  # nothing looks at the last layer's vertical stack
            weights["out_v"] = self._make((width, width), f"out_v_{i}", 1 / math.sqrt(len(self.dilations)))
        self.built = True

    def full(self, maps, features, training=False):
        """All pixels at once: float32 (B, H, W, width)."""
        inside = self._inside(maps)
        vertical = self._linear(ops.pad(inside[:, :-1], [[0, 0], [1, 0], [0, 0], [0, 0]]), self.enter_v)
        horizontal = self._linear(ops.pad(inside[:, :, :-1], [[0, 0], [0, 0], [1, 0], [0, 0]]), self.enter_h)
        for weights, d in zip(self.layers, self.dilations, strict=True):
            wide = self._convolve(ops.pad(vertical, [[0, 0], [d, 0], [d, d], [0, 0]]), weights["above"], d)
            wide = wide + self._hidden(weights["above_bias"])
            left = self._convolve(ops.pad(horizontal, [[0, 0], [0, 0], [d, 0], [0, 0]]), weights["left"], d)
            if "out_v" in weights:
                vertical = vertical + self._linear(self._gate(wide, training), weights["out_v"])
            horizontal = horizontal + self._mix(left, wide, features, weights, training)
        return ops.cast(horizontal, "float32")

    # ------------------------------------------------------------------ one pixel at a time

    def start(self, batch, columns: int):
        """Before the first row: for each layer the last rows of its vertical stack, (B, dilation, W, width)."""
        return tuple(ops.zeros((batch, d, columns, self.width), self.compute_dtype) for d in self.dilations)

    def row(self, above, rows, first: bool):
        """Begin a row.

        Args:
            above: (B, W, C) the maps' row above; anything where there is none.
            rows: from `start` or the row before.
            first: scalar; whether there is no row above.

        Returns: what each layer's vertical stack passes to the pixels of this row, (layers, B, W, 2 width); and rows.
        """
        inside = self._inside(above) * ops.cast(ops.logical_not(first), self.compute_dtype)
        vertical, passed, kept = self._linear(inside, self.enter_v), [], []
        for weights, d, old in zip(self.layers, self.dilations, rows, strict=True):
            two = ops.stack([old[:, 0], vertical], axis=1)  # the row `dilation` above, and this one
            two = ops.pad(two, [[0, 0], [0, 0], [d, d], [0, 0]])
            wide = self._convolve(two, weights["above"], (1, d))[:, 0] + self._hidden(weights["above_bias"])
            kept.append(ops.concatenate([old[:, 1:], vertical[:, None]], axis=1))
            passed.append(wide)
            if "out_v" in weights:
                vertical = vertical + self._linear(self._gate(wide), weights["out_v"])
        return ops.stack(passed), tuple(kept)

    def begin_columns(self, batch):
        """Before the first pixel of a row: for each layer the last columns of its horizontal stack."""
        return tuple(ops.zeros((batch, d, self.width), self.compute_dtype) for d in self.dilations)

    def pixel(self, before, columns, passed, features, first: bool):
        """The stack's output at one pixel, float32 (B, width), and the columns for the next.

        Args:
            before: (B, C) the maps' pixel to the left; anything where there is none (`first`).
            columns: from `begin_columns` or the pixel before.
            passed: (layers, B, 2 width) from `row`, at this pixel.
            features: (B, F) of the source at this pixel.
        """
        inside = self._inside(before) * ops.cast(ops.logical_not(first), self.compute_dtype)
        horizontal, kept = self._linear(inside, self.enter_h), []
        for i, (weights, old) in enumerate(zip(self.layers, columns, strict=True)):
            pair = ops.concatenate([old[:, 0], horizontal], axis=-1)
            left = ops.matmul(pair, ops.reshape(self._hidden(weights["left"]), (2 * self.width, 2 * self.width)))
            kept.append(ops.concatenate([old[:, 1:], horizontal[:, None]], axis=1))
            horizontal = horizontal + self._mix(left, passed[i], features, weights)
        return ops.cast(horizontal, "float32"), tuple(kept)

    # ------------------------------------------------------------------ pieces

    def _mix(self, left, wide, features, weights, training=False):
        """What a layer adds to the horizontal stack."""
        total = left + self._linear(wide, weights["down"]) + self._linear(features, weights["source"])
        return self._linear(self._gate(total + self._hidden(weights["left_bias"]), training), weights["out_h"])

    def _gate(self, x, training=False):
        value, gate = ops.split(x, 2, axis=-1)
        gated = ops.tanh(value) * ops.sigmoid(gate)
        return gated if self.drop is None else self.drop(gated, training=training)

    def _inside(self, maps):
        """The maps with a channel of ones, which is zero outside the frame."""
        return self._hidden(ops.concatenate([maps, ops.ones_like(maps[..., :1])], axis=-1))

    def _convolve(self, x, kernel, dilation):
        return ops.conv(x, self._hidden(kernel), padding="valid", dilation_rate=dilation)

    def _linear(self, x, kernel):
        return ops.matmul(self._hidden(x), self._hidden(kernel))

    def _hidden(self, x):
        return ops.cast(ops.convert_to_tensor(x), self.compute_dtype)

    def _make(self, shape, name, gain=1.0):
        self._made += 1
        fan = math.prod(shape[:-1])
        start = (
            keras.initializers.Zeros()
            if len(shape) == 1
            else keras.initializers.RandomNormal(stddev=gain / math.sqrt(fan), seed=self.seed * 1009 + self._made)
        )
        return self.add_weight(shape=shape, initializer=start, name=name)

    def call(self, maps, features, training=False):
        return self.full(maps, features, training)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "features": self.features,
            "width": self.width,
            "dilations": list(self.dilations),
            "dropout": self.dropout,
            "seed": self.seed,
        }
