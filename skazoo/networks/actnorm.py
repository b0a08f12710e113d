"""Normalisation of channels that is invertible, with statistics of the first batch only."""

from __future__ import annotations

import keras
from keras import ops

from .bijection import Bijection

__all__ = ["ActNorm"]


@keras.saving.register_keras_serializable(package="skazoo")
class ActNorm(Bijection):
    """y = (x - mean) / deviation * exp(log_scale) + shift, each a number per channel (arXiv:1807.03039, section 3.1).

    Mean and deviation are measured on the first batch of training and stay; log_scale and shift start at 0 and are
    trained. The measured ones are state, not trained weights, because a training step may assign only state on every
    backend. Until then y = x.

    Args:
        channels: length of the last axis of x (B, ..., channels).
    """

    def __init__(self, channels: int, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.channels = channels
        self.shift = self.add_weight(shape=(channels,), initializer="zeros", name="shift")
        self.log_scale = self.add_weight(shape=(channels,), initializer="zeros", name="log_scale")
        state = dict(trainable=False, aggregation="mean")
        self.mean = self.add_weight(shape=(channels,), initializer="zeros", name="mean", **state)
        self.deviation = self.add_weight(shape=(channels,), initializer="ones", name="deviation", **state)
        self.started = self.add_weight(shape=(), initializer="zeros", name="started", **state)
        self.built = True

    def forward(self, x, *conditions, training=False):
        mean, deviation = ops.convert_to_tensor(self.mean), ops.convert_to_tensor(self.deviation)
        if training:
            axes, new = tuple(range(len(x.shape) - 1)), self.started < 0.5
            still = ops.stop_gradient(x)
            first = ops.mean(still, axis=axes)
            spread = ops.sqrt(ops.mean(ops.square(still - first), axis=axes))
            mean = ops.where(new, first, mean)
            deviation = ops.where(new, ops.maximum(spread, 1e-3), deviation)  # a constant channel is left nearly alone
            self.mean.assign(mean)
            self.deviation.assign(deviation)
            self.started.assign(1.0)
        log_slope = self.log_scale - ops.log(deviation)
        pixels = 1
        for side in ops.shape(x)[1:-1]:
            pixels = pixels * side
        log_det = ops.sum(log_slope) * ops.cast(pixels, x.dtype)
        return (x - mean) * ops.exp(log_slope) + self.shift, ops.broadcast_to(log_det, (ops.shape(x)[0],))

    def inverse(self, y, *conditions):
        return (y - self.shift) * ops.exp(-self.log_scale) * self.deviation + self.mean

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
