"""The discriminative baseline: every pixel's own Gaussian, p(y | x) = prod N(y_i; mean_i(x), variance_i(x))."""

from __future__ import annotations

import math

import keras
from keras import ops

from ..networks.unet import plain_unet, unet_stride
from .backend import compiled
from .inputs import check_size
from .mapper import Mapper

__all__ = ["Regression"]

_WIDEST = 8.0  # |log variance| stays below: a spread between 0.02 and 55 in network space


@keras.saving.register_keras_serializable(package="skazoo")
class Regression(Mapper):
    """A U-Net that predicts the conditional mean and variance of every pixel, in one pass.

    It minimises the negative log-likelihood of a Gaussian for each pixel by itself (Nix & Weigend 1994), which in
    network space makes its mean the conditional mean, the map of least squared error, and its variance the conditional
    variance. What it cannot know is how neighbouring pixels go together: its samples are the mean with white noise,
    and its mean alone is too smooth. So it does well in CRPS by pixel and badly in spectra, which is what a generative
    mapper must beat.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        width, multipliers, blocks, attention, stem, padding, dropout: see `skazoo.networks.plain_unet`.
    """

    likelihood = "exact"

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        width=32,
        multipliers=(1, 2, 2),
        blocks=1,
        attention=(),
        stem=1,
        padding="zero",
        dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        self.network_arguments = dict(
            width=width,
            multipliers=tuple(multipliers),
            blocks=blocks,
            attention=tuple(attention),
            stem=stem,
            padding=padding,
            dropout=dropout,
        )
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.network = plain_unet(
            len(self.source), 2 * len(self.target), **self.network_arguments, seed=self.seed, dtype=self.dtype_policy
        )
        self.error = keras.metrics.Mean(name="error")
        self._graph = compiled(self.moments, self)
        self.built = True

    def moments(self, source, training: bool = False):
        """Mean and log-variance side by side, (n, H, W, 2 T) float32 in network space."""
        mean, spread = ops.split(ops.cast(self.network(source, training=training), "float32"), 2, axis=-1)
        return ops.concatenate([mean, _WIDEST * ops.tanh(spread / _WIDEST)], axis=-1)

    def network_loss(self, target, source, training):
        """Negative log-likelihood in nats a pixel."""
        mean, spread = ops.split(self.moments(source, training), 2, axis=-1)
        error = ops.square(target - mean)
        self.error.update_state(ops.mean(error, axis=(1, 2, 3)))
        return 0.5 * ops.mean(error * ops.exp(-spread) + spread + math.log(2 * math.pi), axis=(1, 2, 3))

    def draw(self, source, noise, *, temperature=1.0):
        """The mean with white noise of the predicted spread times `temperature`; 0 gives the mean itself."""
        mean, spread = ops.split(self._graph(source), 2, axis=-1)
        white = noise.normal((*source.shape[1:3], len(self.target)))
        return ops.convert_to_numpy(mean) + temperature * ops.convert_to_numpy(ops.exp(0.5 * spread)) * white

    def network_log_prob(self, target, source):
        """Exact for this model: the pixels are independent."""
        mean, spread = ops.split(self._graph(source), 2, axis=-1)
        each = ops.square(target - mean) * ops.exp(-spread) + spread + math.log(2 * math.pi)
        return -0.5 * ops.sum(each, axis=(1, 2, 3))

    def get_config(self):
        return {**super().get_config(), **self.network_arguments}
