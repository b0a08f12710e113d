"""Pixel by pixel: p(y | x) = prod p(y_i | pixels before i, x) on quantised maps, with an exact likelihood."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive
from ..networks.causal_scan import CausalScan
from ..networks.unet import unet_stride
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

    A scan of thousands of pixels drifts: what the whole map shares is decided by its first, faint rows. With `grids`
    every few pixels are drawn first, by networks of their own, and the pixels between them then know their surroundings
    on all sides (in the spirit of arXiv:1703.03664 and arXiv:1812.01608). It is another order of the same pixels, so
    that the likelihood stays exact.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        levels: quantisation, such as 256 (8 bit) or 4096 (12 bit).
        low, high: edges of the levels in network space; values beyond count as the outermost level. `low` None puts the
            lowest level's centre where the transform puts an empty pixel, so that empty sky stays empty, or is -`high`
            where the transform has no such end.
        grids: steps of coarser grids that are drawn before the full one, such as (8, 4); each must divide the one
            before. The empty default scans all pixels once.
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
        grids=(),
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
        self.grids = tuple(int(step) for step in grids)
        if any(step < 2 or before % step for before, step in zip((0, *self.grids), self.grids, strict=False)):
            raise ParameterError(f"grids must be steps of 2 or more, each a divisor of the one before: not {grids}.")
        self.stride = math.lcm(unet_stride(multipliers, stem), *self.grids)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        channels = len(self.target)
        self.ladder = ladder_of(self.target_transform, channels, self.levels, self.low, self.high)
        self.scans = [
            CausalScan(
                len(self.source) + (channels + 1 if number else 0),
                channels,
                self.ladder,
                self.mixtures,
                step,
                self.grids[0] // 2 % step if self.grids else 0,
                self.features,
                **self.causal_arguments,
                unet=dict(width=self.source_width, **self.source_arguments),
                seed=self.seed + 17 * number,
                dtype=self.dtype_policy,
                name=f"scan_{step}",
            )
            for number, step in enumerate((*self.grids, 1))
        ]
        self._graph = compiled(self.log_mass, self)
        self._sampler = compiled(self._one_by_one, self)
        self.built = True

    def log_mass(self, target, source, training=False):
        """ln P of the quantised network-space targets (B, H, W, T), (B,)."""
        number = self.ladder.number(target)
        centre, total, before = self.ladder.centre(number), 0.0, None
        for scan in self.scans:
            drawn = None if before is None else before.on_grid(centre)
            conditions, fixed, _ = self._conditions(source, scan, before, drawn)
            mass = scan.log_mass(number, conditions, training)
            total, before = total + ops.sum(ops.where(fixed, 0.0, mass), axis=(1, 2)), scan
        return total

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
            "grids": list(self.grids),
            "mixtures": self.mixtures,
            "features": self.features,
            "source_width": self.source_width,
        }

    def _one_by_one(self, source, uniform, temperature):
        """Network-space maps (B, H, W, T), grid after grid."""
        maps, before = None, None
        for scan in self.scans:
            conditions, fixed, given = self._conditions(source, scan, before, maps)
            maps, before = scan.draw(conditions, uniform, temperature, given, fixed), scan
        return maps

    def _conditions(self, source, scan, before, drawn):
        """What a scan is told: input (B, H, W, C), which pixels of its grid are known (h, w), and their values.

        `drawn` are the values on the grid of the scan `before`; each is repeated over its cell.
        """
        if before is None:
            nothing = ops.zeros_like(scan.on_grid(source[..., :1]))
            return source, nothing[0, ..., 0] > 0.0, nothing
        known = ops.repeat(ops.repeat(drawn, before.step, axis=1), before.step, axis=2)
        lines = [ops.arange(length) % before.step == before.start for length in ops.shape(source)[1:3]]
        mask = ops.logical_and(lines[0][:, None], lines[1][None])[None, ..., None]
        shown = ops.cast(mask, "float32") * ops.ones_like(known[..., :1])
        conditions = ops.concatenate([ops.cast(source, "float32"), known, shown], axis=-1)
        return conditions, scan.on_grid(mask)[0, ..., 0], scan.on_grid(known)
