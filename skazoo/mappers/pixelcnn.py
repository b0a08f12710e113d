"""Pixel by pixel: p(y | x) = prod p(y_i | pixels before i, x) on quantised maps, with an exact likelihood."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive
from ..networks.gated_causal import GatedCausal
from ..networks.logistic_mixture import draw, log_mass, parameter_count
from ..networks.unet import plain_unet, unet_stride
from .backend import compiled
from .inputs import check_size
from .levels import ladder_of
from .mapper import Mapper

__all__ = ["PixelCNN"]


@keras.saving.register_keras_serializable(package="skazoo")
class PixelCNN(Mapper):
    """An autoregressive mapper: every pixel given the pixels before it, row by row, and the whole source.

    Targets are quantised in network space to `levels` steps; a U-Net of the source feeds every layer of a gated causal
    network (arXiv:1606.05328), which gives a mixture of discretised logistics for each pixel (arXiv:1701.05517). The
    likelihood of the quantised map is exact. As a density it is spread evenly over each level's step, which is what
    `log_prob` means; the best possible density of that kind lies above the true entropy by a little that goes as
    1 / levels^2.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        levels: quantisation, such as 256 (8 bit) or 4096 (12 bit).
        low, high: edges of the levels in network space; values beyond count as the outermost level. `low` None puts the
            lowest level's centre where the transform puts an empty pixel, so that empty sky stays empty, or is -`high`
            where the transform has no such end.
        width, dilations: of the causal network; see `skazoo.networks.GatedCausal`.
        mixtures: logistics per pixel.
        dropout: fraction dropped in the causal network while training.
        features, source_width, multipliers, blocks, attention, stem, padding: output channels of the source's U-Net,
            and its shape; see `skazoo.networks.plain_unet`.
    """

    likelihood = "exact"

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        levels=256,
        low=None,
        high=4.0,
        width=48,
        dilations=(1, 2, 4, 1, 2, 4),
        mixtures=8,
        dropout=0.0,
        features=32,
        source_width=32,
        multipliers=(1, 2, 2),
        blocks=1,
        attention=(),
        stem=1,
        padding="zero",
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_positive("mixtures", mixtures)
        if levels < 2 or min(dilations) < 1:
            raise ParameterError(f"levels must be 2 or more and dilations positive, but are {levels} and {dilations}.")
        self.causal_arguments = dict(width=int(width), dilations=tuple(dilations), dropout=dropout)
        self.source_arguments = dict(
            multipliers=tuple(multipliers), blocks=blocks, attention=tuple(attention), stem=stem, padding=padding
        )
        self.levels, self.low, self.high = int(levels), low, float(high)
        self.mixtures, self.features, self.source_width = int(mixtures), int(features), int(source_width)
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        channels = len(self.target)
        self.ladder = ladder_of(self.target_transform, channels, self.levels, self.low, self.high)
        self.encoder = plain_unet(
            len(self.source),
            self.features,
            width=self.source_width,
            **self.source_arguments,
            seed=self.seed,
            dtype=self.dtype_policy,
        )
        self.causal = GatedCausal(
            channels, self.features, **self.causal_arguments, seed=self.seed, dtype=self.dtype_policy
        )
        self.head = keras.layers.Dense(
            parameter_count(self.mixtures, channels), kernel_initializer="zeros", dtype="float32", name="head"
        )
        self.head.build((None, self.causal_arguments["width"] + self.features))
        self.head.bias.assign(self._first_guess(channels))
        self._graph = compiled(self.log_mass, self)
        self._sampler = compiled(self._one_by_one, self)
        self.built = True

    def log_mass(self, target, source, training=False):
        """ln P of the quantised network-space targets (B, H, W, T), (B,)."""
        number = self.ladder.number(target)
        parameters = self._parameters(self.ladder.centre(number), self.encoder(source), training)
        return ops.sum(log_mass(parameters, number, self.ladder, self.mixtures), axis=(1, 2))

    def network_loss(self, target, source, training):
        """Negative log-likelihood in nats a pixel and channel, as a density."""
        size = math.prod(target.shape[1:])
        return -self.log_mass(target, source, training) / size + float(np.mean(np.log(self.ladder.step)))

    def network_log_prob(self, target, source):
        """Exact for the quantised map, spread evenly over the steps."""
        volume = math.prod(target.shape[1:3]) * float(np.sum(np.log(self.ladder.step)))
        return self._graph(target, source) - volume

    def draw(self, source, noise, *, temperature=1.0):
        """Draw pixel after pixel with cached activations: the cost of one pass through the network, not one a pixel.

        Args:
            temperature: below 1 gives likelier, smoother maps; 1 is the distribution itself.
        """
        check_positive("temperature", temperature)
        uniform = noise.uniform((*source.shape[1:3], 1 + len(self.target)))
        return ops.convert_to_numpy(self._sampler(source, uniform, np.float32(temperature)))

    def get_config(self):
        return {
            **super().get_config(),
            **self.causal_arguments,
            **self.source_arguments,
            "levels": self.levels,
            "low": self.low,
            "high": self.high,
            "mixtures": self.mixtures,
            "features": self.features,
            "source_width": self.source_width,
        }

    def _parameters(self, maps, features, training=False):
        return self.head(ops.concatenate([ops.silu(self.causal.full(maps, features, training)), features], axis=-1))

    def _one_by_one(self, source, uniform, temperature):
        """Network-space maps (B, H, W, T), two nested loops over rows and columns."""
        features = self.encoder(source)
        batch, rows, columns, _ = ops.shape(features)
        maps = ops.zeros((batch, rows, columns, len(self.target)))
        in_row, in_column = ops.reshape(ops.arange(rows), (1, -1, 1, 1)), ops.reshape(ops.arange(columns), (1, -1, 1))

        def one_row(i, carry):
            maps, above, kept = carry
            passed, kept = self.causal.row(above, kept, i == 0)
            feature_row, uniform_row = ops.take(features, i, axis=1), ops.take(uniform, i, axis=1)

            def one_pixel(j, carry):
                row, before, left = carry
                here = ops.take(feature_row, j, axis=1)
                out, left = self.causal.pixel(before, left, ops.take(passed, j, axis=2), here, j == 0)
                parameters = self.head(ops.concatenate([ops.silu(out), here], axis=-1))
                drawn = draw(parameters, ops.take(uniform_row, j, axis=1), self.ladder, self.mixtures, temperature)
                value = self.ladder.centre(drawn)
                return ops.where(in_column == j, value[:, None], row), value, left

            start = (maps[:, 0], maps[:, 0, 0], self.causal.begin_columns(batch))
            row, _, _ = ops.fori_loop(0, columns, one_pixel, start)
            return ops.where(in_row == i, row[:, None], maps), row, kept

        return ops.fori_loop(0, rows, one_row, (maps, maps[:, 0], self.causal.start(batch, columns)))[0]

    def _first_guess(self, channels):
        """Biases of the head: components spread over the middle of the ladder, each as wide as their distance."""
        spread = np.linspace(-1.5, 1.5, self.mixtures) if self.mixtures > 1 else np.zeros(1)
        bias = np.zeros(parameter_count(self.mixtures, channels), np.float32)
        bias[self.mixtures : self.mixtures * (1 + channels)] = np.repeat(spread, channels)
        bias[self.mixtures * (1 + channels) : self.mixtures * (1 + 2 * channels)] = math.log(0.4)
        return bias
