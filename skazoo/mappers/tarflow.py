"""A normalizing flow made of causal transformers over patches, after Zhai et al. 2024 ("TarFlow", arXiv:2412.06329)."""

from __future__ import annotations

import keras
from keras import ops

from ..errors import check_positive
from ..networks.autoregressive_flow import AutoregressiveFlow
from ..networks.bijection import layer_seeds
from ..networks.causal_transformer import grid_positions
from ..networks.layers import Pack, Unpack
from ..networks.pyramid import feature_pyramid
from .flow import Flow
from .inputs import check_size

__all__ = ["TarFlow"]


@keras.saving.register_keras_serializable(package="skazoo")
class TarFlow(Flow):
    """Samples p(target | source) patch by patch, several times over in alternating order, with exact likelihood.

    Each pass (`AutoregressiveFlow`) shifts and scales every patch as a transformer of the patches before it says;
    features of the source are added to each patch's token. The likelihood takes one pass through the network, a
    sample as many steps as there are patches (cached, in one compiled loop). The loss is the negative log-likelihood
    in nats per pixel (and channel), of the network-space target.

    Args:
        source, target, image_size, transforms, seed, dtype, dequantise, noise: see `Flow`.
        patch: pixels per side of a patch.
        passes: autoregressive passes; every second one runs backward.
        width: features inside the transformers, a multiple of 4 `heads`.
        layers, heads, expansion: of each transformer; see `CausalTransformer`.
        features, blocks: channels and residual blocks of the network that looks at the source, at the size of the
            patches; with `attention` each of them knows the whole map.
        transform, bins: what is done to each number of a patch: "affine", or "spline" for densities with edges.
        padding: of the source's network; "zero", "reflect" or "circular".
        dropout: fraction dropped in transformers and source's network.
    """

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        patch=4,
        passes=4,
        width=96,
        layers=2,
        heads=4,
        expansion=4,
        features=64,
        blocks=2,
        attention=True,
        transform="affine",
        bins=8,
        noise=0.05,
        padding="zero",
        dropout=0.0,
        dequantise=0.25,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, dequantise, noise, transforms, seed, dtype, name)
        inner = dict(width=width, layers=layers, heads=heads, expansion=expansion, bins=bins)
        sizes = dict(patch=patch, passes=passes, **inner, features=features, blocks=blocks)
        for label, value in sizes.items():
            check_positive(label, value)
        self.patch, self.stride = patch, patch
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        edges = dict(padding=padding, dropout=dropout)
        self.network_arguments = dict(**sizes, attention=bool(attention), transform=transform, **edges)
        policy = self.dtype_policy
        look = dict(width=features, blocks=blocks, attention=attention)
        self.pyramid = feature_pyramid(len(self.source), (patch,), **look, **edges, seed=2 * self.seed, dtype=policy)
        seeds = layer_seeds(2 * self.seed + 1, passes)
        inner = dict(**inner, transform=transform, dropout=dropout, dtype=policy)
        numbers = len(self.target) * patch**2
        self.flows = [
            AutoregressiveFlow(numbers, features, backward=bool(i % 2), seed=seeds[i], **inner) for i in range(passes)
        ]
        self.pack, self.unpack = (kind(patch, dtype=self.flows[0].compute_dtype) for kind in (Pack, Unpack))
        self.built = True

    def forward(self, target, source, training=False):
        conditions = self._conditions(source, training)
        tokens = self._tokens(self.pack(target))
        log_det = 0.0
        for flow in self.flows:
            tokens, change = flow.forward(tokens, *conditions, training=training)
            log_det = log_det + change
        return self._image(tokens, target), log_det

    def inverse(self, z, source):
        conditions = self._conditions(source, False)
        tokens = self._tokens(self.pack(z))
        for flow in reversed(self.flows):
            tokens = flow.inverse(tokens, *conditions)
        return self._image(tokens, z)

    def _conditions(self, source, training):
        found = self.pyramid(source, training=training)
        found = found[0] if isinstance(found, list | tuple) else found
        return self._tokens(found), grid_positions(*found.shape[1:3])

    def _tokens(self, image):
        return ops.reshape(image, (-1, image.shape[1] * image.shape[2], image.shape[3]))

    def _image(self, tokens, like):
        rows, columns = (side // self.patch for side in like.shape[1:3])
        return self.unpack(ops.reshape(tokens, (-1, rows, columns, tokens.shape[-1])))

    def get_config(self):
        return {**super().get_config(), **self.network_arguments}
