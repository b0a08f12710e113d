"""One part of the channels is transformed, pixel by pixel, as a network of the other part says."""

from __future__ import annotations

import keras
from keras import ops

from ..errors import check_choice
from .bijection import Bijection
from .blocks import Blocks
from .splines import rational_quadratic, spline_parameters

__all__ = ["TRANSFORMS", "Coupling"]

TRANSFORMS = ("affine", "spline")


@keras.saving.register_keras_serializable(package="skazoo")
class Coupling(Bijection):
    """(a, b) -> (a, f(b; network(a, features))) for images (B, H, W, C); a are the first `kept` channels.

    "affine" (arXiv:1605.08803): f(b) = b exp(s) + t, with s between -bound and bound so that the inverse cannot
    overflow. "spline" (arXiv:1906.04032): the same, then a monotonic rational-quadratic spline. The last convolution of
    the network starts at zero, and with it f at the identity. With `kept` = 0 or few, followed by a standard normal
    density, the affine form is a normal prior whose mean and width depend on a and on the features.

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
        check_choice("coupling", transform, TRANSFORMS)
        self.channels, self.kept, self.features, self.transform = channels, kept, features, transform
        self.bins, self.bound = bins, bound
        self.network_arguments = dict(width=width, depth=depth, padding=padding, dropout=dropout, seed=seed)
        self.numbers = 2 + (spline_parameters(bins) if transform == "spline" else 0)
        make = Blocks(self.hidden_policy, padding, dropout, seed)
        self.network = self._network(make, width, depth, dropout)
        self.built = True

    def forward(self, x, *conditions, training=False):
        a, b = x[..., : self.kept], x[..., self.kept :]
        log_scale, shift, raw = self._parameters(a, *conditions, training=training)
        b, log_det = b * ops.exp(log_scale) + shift, ops.sum(log_scale, axis=(1, 2, 3))
        if raw is not None:
            b, log_slope = rational_quadratic(b, raw)
            log_det = log_det + ops.sum(log_slope, axis=(1, 2, 3))
        return ops.concatenate([a, b], axis=-1), log_det

    def inverse(self, y, *conditions):
        a, b = y[..., : self.kept], y[..., self.kept :]
        log_scale, shift, raw = self._parameters(a, *conditions, training=False)
        if raw is not None:
            b = rational_quadratic(b, raw, inverse=True)
        return ops.concatenate([a, (b - shift) * ops.exp(-log_scale)], axis=-1)

    def _parameters(self, a, features, training):
        raw = ops.cast(self.network([a, features], training=training), self.compute_dtype)
        _, rows, columns, _ = ops.shape(raw)
        raw = ops.reshape(raw, (-1, rows, columns, self.channels - self.kept, self.numbers))
        log_scale = self.bound * ops.tanh(raw[..., 0] / self.bound)
        return log_scale, raw[..., 1], raw[..., 2:] if self.numbers > 2 else None

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
