"""A convolutional normalizing flow of several scales, after Kingma & Dhariwal 2018 ("Glow", arXiv:1807.03039)."""

from __future__ import annotations

import keras

from ..errors import check_positive
from ..networks.multiscale_flow import MultiScaleFlow
from ..networks.pyramid import feature_pyramid
from .flow import Flow
from .inputs import check_size

__all__ = ["Glow"]


@keras.saving.register_keras_serializable(package="skazoo")
class Glow(Flow):
    """Samples p(target | source) in one pass through an invertible network, with exact likelihood; see `Flow`.

    A pyramid of features of the source conditions every coupling layer and every split prior of `MultiScaleFlow`.
    The loss is the negative log-likelihood in nats per pixel (and channel), of the network-space target.

    Args:
        source, target, image_size, transforms, seed, dtype, dequantise, noise: see `Flow`.
        levels: scales; each halves the size (for `pack` = 2) and all but the last let go of half the numbers.
        steps: couplings per level.
        pack: pixels per side that each level packs into channels. 1 does not pack, for maps with several channels that
            are too small to halve.
        coupling: "affine", or "spline": slower, for densities with edges and several peaks.
        width, depth: channels and number of hidden layers of the network inside a coupling.
        bins: of a spline.
        features, blocks, attention: channels, residual blocks per level and attention of the source's pyramid.
        padding: "zero", "reflect" or "circular"; see `skazoo.networks.Blocks`.
        dropout: fraction dropped inside couplings and pyramid.
    """

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        levels=3,
        steps=6,
        pack=2,
        coupling="affine",
        width=64,
        depth=2,
        bins=8,
        features=32,
        blocks=1,
        attention=False,
        padding="zero",
        dropout=0.0,
        dequantise=0.25,
        noise=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, dequantise, noise, transforms, seed, dtype, name)
        sizes = dict(levels=levels, steps=steps, pack=pack, width=width, depth=depth, bins=bins, features=features)
        for label, value in {**sizes, "blocks": blocks}.items():
            check_positive(label, value)
        self.stride = pack**levels
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        edges = dict(padding=padding, dropout=dropout)
        self.network_arguments = dict(**sizes, coupling=coupling, blocks=blocks, attention=bool(attention), **edges)
        policy = self.dtype_policy
        shape = dict(width=features, blocks=blocks, attention=attention)
        self.pyramid = feature_pyramid(
            len(self.source), (pack,) * levels, **shape, **edges, seed=2 * self.seed, dtype=policy
        )
        inner = dict(transform=coupling, width=width, depth=depth, bins=bins, **edges)
        self.flow = MultiScaleFlow(
            len(self.target), features, levels, steps, pack, seed=2 * self.seed + 1, dtype=policy, **inner
        )
        self.built = True

    def forward(self, target, source, training=False):
        return self.flow.forward(target, *self._features(source, training), training=training)

    def inverse(self, z, source):
        return self.flow.inverse(z, *self._features(source))

    def _features(self, source, training=False):
        found = self.pyramid(source, training=training)
        return found if isinstance(found, list | tuple) else [found]

    def get_config(self):
        return {**super().get_config(), **self.network_arguments}
