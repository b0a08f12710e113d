"""Mixtures of logistic distributions on a ladder of levels, after PixelCNN++ (Salimans et al. 2017, arXiv:1701.05517).

A pixel of C channels is drawn as a whole: one of M components is chosen, and in it channel c is logistic about a mean
that is shifted in proportion to the channels before it. A level's probability is the distribution's mass between its
two edges; the lowest level reaches down to minus infinity and the highest up to infinity, so that all masses add up to
1. Everything here is float32: differences of distribution functions vanish in half precision.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from ..errors import ParameterError

__all__ = ["Ladder", "draw", "log_mass", "parameter_count"]

_NARROWEST = -7.0  # lowest logarithm of a logistic's scale, in network units


class Ladder:
    """`count` evenly spaced levels between the edges `low` and `high`, for each channel.

    Args:
        low, high: (C,) outer edges in network space.
        count: number of levels.
    """

    def __init__(self, low, high, count: int):
        self.low, self.high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        if count < 2 or not np.all(self.low < self.high):
            raise ParameterError(f"a ladder needs two levels or more and low < high, but has {count}, {low}, {high}.")
        self.count, self.step = int(count), (self.high - self.low) / np.float32(count)

    def number(self, values):
        """The level (as a float) of network-space `values` (..., C); beyond the edges the outermost."""
        return ops.clip(ops.floor((values - self.low) / self.step), 0.0, self.count - 1.0)

    def centre(self, number):
        """Network-space values at the middle of levels `number` (..., C)."""
        return self.low + (number + 0.5) * self.step


def parameter_count(mixtures: int, channels: int) -> int:
    """Numbers that the network gives for each pixel."""
    return mixtures * (1 + 2 * channels + channels * (channels - 1) // 2)


def _split(parameters, mixtures: int, channels: int):
    """Logits (..., M), means (..., M, C), log-scales (..., M, C), and {(c, earlier): coefficients (..., M)}."""
    shape = (*ops.shape(parameters)[:-1], mixtures)
    logits, rest = parameters[..., :mixtures], parameters[..., mixtures:]
    means = ops.reshape(rest[..., : mixtures * channels], (*shape, channels))
    rest = rest[..., mixtures * channels :]
    scales = ops.maximum(ops.reshape(rest[..., : mixtures * channels], (*shape, channels)), _NARROWEST)
    rest = rest[..., mixtures * channels :]
    pairs = [(c, earlier) for c in range(channels) for earlier in range(c)]
    mixing = {pair: rest[..., i * mixtures : (i + 1) * mixtures] for i, pair in enumerate(pairs)}
    return logits, means, scales, mixing


def log_mass(parameters, number, ladder: Ladder, mixtures: int):
    """ln P of the levels `number` (..., C) of each pixel, (...,); `parameters` (..., P) as the network gives them."""
    channels = number.shape[-1]
    logits, means, scales, mixing = _split(parameters, mixtures, channels)
    values = ladder.centre(number)
    total = ops.log_softmax(logits, axis=-1)
    for c in range(channels):
        mean = means[..., c]
        for earlier in range(c):
            mean = mean + mixing[c, earlier] * values[..., earlier, None]
        inverse = ops.exp(-scales[..., c])
        half = 0.5 * float(ladder.step[c])
        upper = (values[..., c, None] + half - mean) * inverse
        lower = (values[..., c, None] - half - mean) * inverse
        # F(u) - F(l) = F(u) F(-l) (1 - exp(l - u)): no difference of nearly equal numbers is left
        below, above = ops.log_sigmoid(upper), ops.log_sigmoid(-lower)
        inside = below + above + ops.log(-ops.expm1(-2.0 * half * inverse))
        level = number[..., c, None]
        inside = ops.where(level < 0.5, below, inside)
        total = total + ops.where(level > ladder.count - 1.5, above, inside)
    return ops.logsumexp(total, axis=-1)


def draw(parameters, uniform, ladder: Ladder, mixtures: int, temperature: float = 1.0):
    """Levels (..., C) drawn with `uniform` (..., 1 + C) numbers in (0, 1).

    `temperature` multiplies the scales, and divides the logits of the components; 1 is the distribution itself.
    """
    channels = uniform.shape[-1] - 1
    logits, means, scales, mixing = _split(parameters, mixtures, channels)
    share = ops.cumsum(ops.softmax(logits / temperature, axis=-1), axis=-1)
    chosen = ops.sum(ops.cast(uniform[..., :1] * share[..., -1:] > share[..., :-1], "int32"), axis=-1)
    mask = ops.one_hot(chosen, mixtures, dtype="float32")
    levels, values = [], []
    for c in range(channels):
        mean, scale = ops.sum(means[..., c] * mask, axis=-1), ops.exp(ops.sum(scales[..., c] * mask, axis=-1))
        for earlier in range(c):
            mean = mean + ops.sum(mixing[c, earlier] * mask, axis=-1) * values[earlier]
        u = ops.clip(uniform[..., 1 + c], 1e-6, 1.0 - 1e-6)
        drawn = mean + temperature * scale * (ops.log(u) - ops.log1p(-u))
        number = ops.clip(ops.floor((drawn - ladder.low[c]) / ladder.step[c]), 0.0, ladder.count - 1.0)
        levels.append(number)
        values.append(ladder.low[c] + (number + 0.5) * ladder.step[c])
    return ops.stack(levels, axis=-1)
