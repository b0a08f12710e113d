"""What a decoder says of its pixels: Gaussians, or a mixture of logistics on a ladder of levels."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import check_positive
from .blocks import Blocks
from .gaussian import log_density, soft_clipped
from .layers import Unpack
from .logistic_mixture import Ladder, draw, log_mass, parameter_count

__all__ = ["GaussianPixels", "LogisticPixels", "pixel_head"]


class GaussianPixels:
    """Gaussians of which the network gives mean and log-variance; in blocks of pixels their errors are correlated.

    In each block of `block` x `block` pixels the error is s * C^T (w * n): s the pixels' deviations, C the orthonormal
    cosine transform (DCT-II), w deviations of its waves and n white noise; so w^2 is the spectrum of the grain there.
    Independent pixels (block 1) have as much power in small scales as in large ones, which smooth maps lack.

    Args:
        channels: of the maps.
        block: pixels per side.
    """

    def __init__(self, channels: int, block: int = 1):
        check_positive("block", block)
        self.channels, self.block = channels, int(block)
        self.parameters = 2 * channels  # numbers that the network gives for each pixel, beside the waves'
        self.waves = channels if block > 1 else 0
        self.numbers = channels  # random numbers of a pixel
        self.bias = np.zeros(self.parameters + self.waves, np.float32)
        frequency, place = np.arange(self.block)[:, None], np.arange(self.block) + 0.5
        cosines = np.cos(math.pi / self.block * frequency * place)
        self.transform = (cosines / np.linalg.norm(cosines, axis=1, keepdims=True)).astype(np.float32)

    def log_prob(self, parameters, maps, grain=1.0):
        """ln of the density of `maps` (B, H, W, C) in network space, (B,).

        Args:
            grain: power to which the spectra are taken; 0 for independent pixels.
        """
        mean, log_variance, log_spectrum = self._split(parameters)
        if log_spectrum is None:
            return ops.sum(log_density(maps, mean, log_variance), axis=(1, 2, 3))
        waves = self._in_blocks((maps - mean) * ops.exp(-0.5 * log_variance), self.transform)
        return ops.sum(log_density(waves, 0.0, grain * log_spectrum) - 0.5 * log_variance, axis=(1, 2, 3))

    def mean(self, parameters):
        """The expected maps."""
        return self._split(parameters)[0]

    def draw(self, parameters, noise, temperature):
        """Maps drawn with `noise` as `random` gives it; `temperature` multiplies the deviations."""
        mean, log_variance, log_spectrum = self._split(parameters)
        if log_spectrum is not None:
            noise = self._in_blocks(ops.exp(0.5 * log_spectrum) * noise, self.transform.T)
        return mean + temperature * ops.exp(0.5 * log_variance) * noise

    def random(self, noise, rows: int, columns: int, stream: int) -> np.ndarray:
        """The random numbers (n, rows, columns, numbers) that `draw` needs, from a `RowNoise`."""
        return noise.normal((rows, columns, self.numbers), stream)

    def _split(self, parameters):
        mean, log_variance, *more = ops.split(parameters, parameters.shape[-1] // self.channels, axis=-1)
        return mean, soft_clipped(log_variance), soft_clipped(more[0]) if more else None

    def _in_blocks(self, maps, matrix):
        """`matrix` applied to the rows and the columns of every block."""
        _, rows, columns, channels = ops.shape(maps)
        n = self.block
        blocks = ops.reshape(maps, (-1, rows // n, n, columns // n, n, channels))
        blocks = ops.einsum("brxcyk,px,qy->brpcqk", blocks, matrix, matrix)
        return ops.reshape(blocks, (-1, rows, columns, channels))


class LogisticPixels:
    """Mixtures of logistics discretised on a `Ladder`; as a density, each level's mass is spread evenly over its step.

    Args:
        ladder: the levels, in network space.
        mixtures: logistics per pixel.
    """

    def __init__(self, ladder: Ladder, mixtures: int):
        check_positive("mixtures", mixtures)
        self.ladder, self.mixtures, self.channels = ladder, int(mixtures), len(ladder.step)
        self.parameters, self.waves = parameter_count(self.mixtures, self.channels), 0
        self.numbers = 1 + self.channels
        self.bias = _spread(self.mixtures, self.channels, self.parameters)

    def log_prob(self, parameters, maps, grain=1.0):
        """ln of the density of `maps` (B, H, W, C) in network space, (B,); there is no `grain` here."""
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


def pixel_head(pixels, make: Blocks, width: int, stem: int) -> keras.Model:
    """(B, H, W, width) -> (B, stem H, stem W, parameters + waves): what `pixels` needs, without its `bias`."""
    end = keras.Input((None, None, width), dtype=keras.dtype_policies.get(make.dtype).compute_dtype)
    x = make.conv(end, stem**2 * pixels.parameters, zero=True, dtype="float32")
    x = Unpack(stem, dtype="float32")(x) if stem > 1 else x
    if pixels.waves:
        reach = pixels.block // stem
        waves = keras.layers.Conv2D(
            pixels.block**2 * pixels.waves, reach, reach, kernel_initializer="zeros", dtype="float32"
        )(end)
        x = keras.layers.Concatenate(dtype="float32")([x, Unpack(pixels.block, dtype="float32")(waves)])
    return keras.Model(end, x, name="head")


def _spread(mixtures, channels, parameters):
    """First biases: components spread over the middle of the ladder, each as wide as their distance."""
    bias = np.zeros(parameters, np.float32)
    bias[mixtures : mixtures * (1 + channels)] = np.repeat(
        np.linspace(-1.5, 1.5, mixtures) if mixtures > 1 else [0.0], channels
    )
    bias[mixtures * (1 + channels) : mixtures * (1 + 2 * channels)] = math.log(0.4)
    return bias
