"""One part of the channels is transformed, pixel by pixel, as a network of the other part says."""

from __future__ import annotations

import keras
from keras import ops

from .bijection import Bijection, bounded
from .blocks import Blocks
from .elementwise import transform_numbers, transformed, untransformed

__all__ = ["Coupling"]

REACH = 8.0  # standard deviations up to which a coupling tells numbers apart


@keras.saving.register_keras_serializable(package="skazoo")
class Coupling(Bijection):
    """(a, b) -> (a, f(b; network(a, features))) for images (B, H, W, C); a are the first `kept` channels.

    f is affine in b, or a spline; see `transform_numbers`. The last convolution of the network starts at zero, and
    with it f at the identity. With `kept` = 0 or few, followed by a standard normal density, the affine form is a
    normal prior whose mean and width depend on a and on the features.

    Args:
        channels, kept: of x, and of a.
        features: channels of the condition (B, H, W, features).
        transform: "affine" or "spline".
        width, depth: channels and number of the hidden layers (3 x 3 first, then 1 x 1).
        bins: of a spline.
        bound: largest |s|.
        padding, dropout, seed: see `Blocks`.
    """

    def __init__(
        self,
        channels: int,
        kept: int,
        features: int,
        transform: str = "affine",
        width: int = 64,
        depth: int = 2,
        bins: int = 8,
        bound: float = 3.0,
        padding: str = "zero",
        dropout: float = 0.0,
        seed: int = 0,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.channels, self.kept, self.features, self.transform = channels, kept, features, transform
        self.bins, self.bound = bins, bound
        self.network_arguments = dict(width=width, depth=depth, padding=padding, dropout=dropout, seed=seed)
        self.numbers = transform_numbers(transform, bins)
        make = Blocks(self.hidden_policy, padding, dropout, seed)
        self.network = self._network(make, width, depth, dropout)
        self.built = True

    def forward(self, x, *conditions, training=False):
        a, b = x[..., : self.kept], x[..., self.kept :]
        b, log_slope = transformed(b, self._parameters(a, *conditions, training=training), self.bound)
        return ops.concatenate([a, b], axis=-1), ops.sum(log_slope, axis=(1, 2, 3))

    def inverse(self, y, *conditions):
        a, b = y[..., : self.kept], y[..., self.kept :]
        return ops.concatenate([a, untransformed(b, self._parameters(a, *conditions), self.bound)], axis=-1)

    def _parameters(self, a, features, training=False):
        # bounded: else a sample that strays is thrown further by every coupling of the inverse (arXiv:2006.09347)
        raw = ops.cast(self.network([bounded(a, REACH), features], training=training), self.compute_dtype)
        _, rows, columns, _ = ops.shape(raw)
        return ops.reshape(raw, (-1, rows, columns, self.channels - self.kept, self.numbers))

    def _network(self, make, width, depth, dropout):
        a = keras.Input((None, None, self.kept), dtype=self.compute_dtype)
        features = keras.Input((None, None, self.features), dtype=self.compute_dtype)
        x = keras.layers.Concatenate(dtype=self.compute_dtype)([a, features]) if self.kept else features
        for layer in range(depth):
            x = make.silu(make.conv(x, width, kernel=1 if layer else 3))
        if dropout:
            x = keras.layers.Dropout(dropout, seed=make.next_seed(), dtype=make.dtype)(x)
        out = (self.channels - self.kept) * self.numbers
        return keras.Model([a, features], make.conv(x, out, zero=True, dtype=self.compute_dtype))

    def get_config(self):
        own = {"channels": self.channels, "kept": self.kept, "features": self.features, "transform": self.transform}
        return {**super().get_config(), **own, **self.network_arguments, "bins": self.bins, "bound": self.bound}
