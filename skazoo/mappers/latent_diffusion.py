"""Diffusion in the latent of an autoencoder of its own (Rombach et al. 2022, arXiv:2112.10752)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..datasets.transforms import Affine
from ..errors import check_positive
from ..networks.autoencoder import map_decoder, map_encoder
from ..networks.layers import Pack, Unpack
from ..networks.unet import unet_stride
from .backend import compiled
from .diffusion import Diffusion
from .inputs import check_size
from .mapper import Mapper
from .tiling import check_tile, tiled

__all__ = ["LatentDiffusion", "RunningMoments"]

LATEST = 0.99  # share of the past in the running moments, once there have been a hundred batches


@keras.saving.register_keras_serializable(package="skazoo")
class LatentDiffusion(Mapper):
    """Samples p(target | source) by diffusion of a small latent, which a decoder turns into maps: for large maps.

    One fit trains both stages. The autoencoder minimises miss^2 + |gradient of miss|^2 + kl KL(q(z | map) || N(0, 1))
    per pixel, miss = decoded - map, the gradient to make small scales count, of which red spectra have little; the
    `Diffusion` learns p(z | source) of its latent, which it sees without gradient, brought to unit variance by
    running moments of each channel. The source enters at the latent's size, its pixels packed into channels, so that
    nothing of it is lost. What the latent does not hold the samples lack: fluctuations of the smallest scales.

    The latent has latent_channels / factor^2 of the numbers of a map with one field: 1/4 by default.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        latent_channels: of the latent.
        autoencoder_width, autoencoder_multipliers, autoencoder_blocks, autoencoder_stem: see
            `skazoo.networks.map_encoder`; stem and number of multipliers make the factor in size, 4 by default.
        kl: weight of the divergence: just large enough that the latent has a scale and no holes.
        padding, dropout: of both stages.
        diffusion: all other arguments are those of `Diffusion`: width, multipliers, blocks, attention, ...
    """

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        latent_channels=4,
        autoencoder_width=32,
        autoencoder_multipliers=(1, 2),
        autoencoder_blocks=1,
        autoencoder_stem=2,
        kl=1e-6,
        padding="zero",
        dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
        **diffusion,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        for label, value in {"latent_channels": latent_channels, "kl": kl}.items():
            check_positive(label, value)
        self.latent_channels, self.kl = int(latent_channels), float(kl)
        self.autoencoder_arguments = dict(
            width=autoencoder_width,
            multipliers=tuple(autoencoder_multipliers),
            blocks=autoencoder_blocks,
            stem=autoencoder_stem,
        )
        shared = dict(padding=padding, dropout=dropout, dtype=self.dtype_policy)
        self.factor = unet_stride(autoencoder_multipliers, autoencoder_stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.factor)
        packed = [f"source_{i}" for i in range(len(self.source) * self.factor**2)]
        latent = [f"latent_{i}" for i in range(self.latent_channels)]
        self.diffusion = Diffusion(
            packed,
            latent,
            self.image_size // self.factor,
            transforms={each: Affine() for each in packed + latent},
            seed=self.seed + 1,
            name="diffusion",
            **shared,
            **{"width": 64, "multipliers": (1, 2), **diffusion},
        )
        self.stride = self.factor * self.diffusion.stride
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        arguments = {**self.autoencoder_arguments, **shared}
        self.encoder = map_encoder(len(self.target), 2 * self.latent_channels, seed=self.seed + 2, **arguments)
        self.decoder = map_decoder(self.latent_channels, len(self.target), seed=self.seed + 3, **arguments)
        self.moments = RunningMoments(self.latent_channels)
        self.pack, self.unpack = Pack(self.factor, dtype="float32"), Unpack(self.factor, dtype="float32")
        self.reconstruction = keras.metrics.Mean(name="reconstruction")
        self.error = self.diffusion.error  # Keras overlooks the metrics of a model inside a model
        self._decode = compiled(self.decode, self)
        self.built = True

    def latent(self, target):
        """Mean and log variance (B, h, w, latent_channels) of q(z | target), of network-space maps."""
        mean, log_variance = ops.split(ops.cast(self.encoder(target), "float32"), 2, axis=-1)
        return mean, 10.0 * ops.tanh(0.1 * log_variance)

    def decode(self, latent):
        """The maps of standardised latents: (B, h, w, latent_channels) -> (B, H, W, T), network space."""
        return ops.cast(self.decoder(self.moments.restore(latent)), "float32")

    def network_loss(self, target, source, training):
        """Loss of the autoencoder plus that of the diffusion, neither of which reaches the other's weights."""
        mean, log_variance = self.latent(target)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator if training else self.seed)
        latent = mean + ops.exp(0.5 * log_variance) * noise
        miss = ops.cast(self.decoder(latent), "float32") - target
        slopes = miss[:, 1:] - miss[:, :-1], miss[:, :, 1:] - miss[:, :, :-1]
        error = sum(ops.mean(ops.square(each), axis=(1, 2, 3)) for each in (miss, *slopes))
        self.reconstruction.update_state(error)
        divergence = 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)
        share = self.latent_channels / (self.factor**2 * len(self.target))  # numbers of the latent to those of a map
        divergence = share * ops.mean(divergence, axis=(1, 2, 3))
        fixed = ops.stop_gradient(latent)
        if training:
            self.moments.update(fixed)
        standard = ops.stop_gradient(self.moments.standardise(fixed))
        return error + self.kl * divergence + self.diffusion.network_loss(standard, self.pack(source), training)

    def draw(self, source, noise, *, tile=None, overlap=16, **sampler) -> np.ndarray:
        """Draw a latent and decode it.

        Args:
            tile, overlap: denoise and decode by tiles of so many pixels (of the maps); see `tiling.tiled`.
            sampler: other arguments of `Diffusion.draw`.
        """
        packed = ops.convert_to_numpy(self.pack(ops.convert_to_tensor(source)))
        if tile is None:
            return ops.convert_to_numpy(self._decode(self.diffusion.draw(packed, noise, **sampler)))
        side, shared = check_tile(tile, self.stride) // self.factor, -(-overlap // self.factor)
        latent = self.diffusion.draw(packed, noise, tile=side, overlap=shared, **sampler)

        def decode(part):
            return self.pack(self._decode(part))

        maps = ops.convert_to_tensor(tiled(decode, side, shared)(latent))
        return ops.convert_to_numpy(self.unpack(maps))

    def get_config(self):
        inner = self.diffusion.get_config()
        own = super().get_config()
        chosen = {name: value for name, value in inner.items() if name not in own}
        return {
            **own,
            **chosen,
            "latent_channels": self.latent_channels,
            "kl": self.kl,
            **{f"autoencoder_{name}": value for name, value in self.autoencoder_arguments.items()},
        }


@keras.saving.register_keras_serializable(package="skazoo")
class RunningMoments(keras.layers.Layer):
    """Mean and standard deviation of each channel over the latest batches, as weights that are not trained.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int, **options):
        super().__init__(**{**options, "dtype": "float32", "autocast": False})
        self.channels = channels
        self.mean = self._state((channels,), "zeros", "mean")
        self.square = self._state((channels,), "ones", "square")  # about the mean
        self.count = self._state((), "zeros", "count")
        self.built = True

    def update(self, x) -> None:
        """Take the batch x (B, h, w, channels) in: equally with all before it at first, later by 1 - LATEST."""
        keep = ops.minimum(self.count / (self.count + 1.0), LATEST)
        mean = ops.mean(x, axis=(0, 1, 2))
        drift = mean - self.mean
        square = ops.mean(ops.square(x - mean), axis=(0, 1, 2)) + keep * ops.square(drift)
        self.square.assign(keep * self.square + (1.0 - keep) * square)
        self.mean.assign(self.mean + (1.0 - keep) * drift)
        self.count.assign(self.count + 1.0)

    def standardise(self, x):
        """To mean 0 and deviation 1 in each channel."""
        return (x - self.mean) * ops.rsqrt(self.square + 1e-8)

    def restore(self, x):
        """The inverse of `standardise`."""
        return x * ops.sqrt(self.square + 1e-8) + self.mean

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}

    def _state(self, shape, start, name):
        return self.add_weight(shape=shape, initializer=start, trainable=False, name=name, aggregation="mean")
