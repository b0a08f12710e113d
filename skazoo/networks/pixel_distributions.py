"""What a decoder says of its pixels: a Gaussian for each, or a mixture of logistics on a ladder of levels."""

from __future__ import annotations

import math

import numpy as np
from keras import ops

from ..errors import check_positive
from .gaussian import log_density, soft_clipped
from .logistic_mixture import Ladder, draw, log_mass, parameter_count

__all__ = ["GaussianPixels", "LogisticPixels"]


class GaussianPixels:
    """Independent Gaussians, of which the network gives mean and log-variance.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int):
        self.channels = channels
        self.parameters = 2 * channels  # numbers that the network gives for each pixel
        self.numbers = channels  # random numbers of a pixel
        self.bias = np.zeros(self.parameters, np.float32)

    def log_prob(self, parameters, maps):
        """ln of the density of `maps` (B, H, W, C) in network space, (B,)."""
        mean, log_variance = self._split(parameters)
        return ops.sum(log_density(maps, mean, log_variance), axis=(1, 2, 3))

    def mean(self, parameters):
        """The expected maps."""
        return self._split(parameters)[0]

    def draw(self, parameters, noise, temperature):
        """Maps drawn with `noise` as `random` gives it; `temperature` multiplies the deviations."""
        mean, log_variance = self._split(parameters)
        return mean + temperature * ops.exp(0.5 * log_variance) * noise

    def random(self, noise, rows: int, columns: int, stream: int) -> np.ndarray:
        """The random numbers (n, rows, columns, numbers) that `draw` needs, from a `RowNoise`."""
        return noise.normal((rows, columns, self.numbers), stream)

    def _split(self, parameters):
        mean, log_variance = ops.split(parameters, 2, axis=-1)
        return mean, soft_clipped(log_variance)


class LogisticPixels:
    """Mixtures of logistics discretised on a `Ladder`; as a density, each level's mass is spread evenly over its step.

    Args:
        ladder: the levels, in network space.
        mixtures: logistics per pixel.
    """

    def __init__(self, ladder: Ladder, mixtures: int):
        check_positive("mixtures", mixtures)
        self.ladder, self.mixtures, self.channels = ladder, int(mixtures), len(ladder.step)
        self.parameters = parameter_count(self.mixtures, self.channels)
        self.numbers = 1 + self.channels
        self.bias = _spread(self.mixtures, self.channels, self.parameters)

    def log_prob(self, parameters, maps):
        """ln of the density of `maps` (B, H, W, C) in network space, (B,)."""
        mass = ops.sum(log_mass(parameters, self.ladder.number(maps), self.ladder, self.mixtures), axis=(1, 2))
        return mass - math.prod(maps.shape[1:3]) * float(np.sum(np.log(self.ladder.step)))

    def mean(self, parameters):
        """The means of the components, averaged with their weights (without what one channel adds to the next)."""
        shape = (*ops.shape(parameters)[:-1], self.mixtures, self.channels)
        means = ops.reshape(parameters[..., self.mixtures : self.mixtures * (1 + self.channels)], shape)
        weights = ops.softmax(parameters[..., : self.mixtures], axis=-1)
        return ops.clip(ops.sum(means * weights[..., None], axis=-2), self.ladder.low, self.ladder.high)

    def draw(self, parameters, noise, temperature):
        """Centres of levels drawn with `noise` as `random` gives it; see `logistic_mixture.draw` for `temperature`."""
        return self.ladder.centre(draw(parameters, noise, self.ladder, self.mixtures, temperature))

    def random(self, noise, rows: int, columns: int, stream: int) -> np.ndarray:
        """The random numbers (n, rows, columns, numbers) that `draw` needs, from a `RowNoise`."""
        return noise.uniform((rows, columns, self.numbers), stream)


def _spread(mixtures, channels, parameters):
    """First biases: components spread over the middle of the ladder, each as wide as their distance."""
    bias = np.zeros(parameters, np.float32)
    bias[mixtures : mixtures * (1 + channels)] = np.repeat(
        np.linspace(-1.5, 1.5, mixtures) if mixtures > 1 else [0.0], channels
    )
    bias[mixtures * (1 + channels) : mixtures * (1 + 2 * channels)] = math.log(0.4)
    return bias
