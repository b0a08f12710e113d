"""Denoising diffusion in the design space of Karras et al. 2022 ("EDM", arXiv:2206.00364)."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import check_choice, check_positive
from ..networks.layers import Fourier
from ..networks.unet import conditional_unet, unet_stride
from .backend import compiled
from .inputs import check_size
from .mapper import Mapper
from .samplers import SAMPLERS
from .tiling import check_tiles, tiled

__all__ = ["Diffusion", "preconditioning"]


def preconditioning(sigma, sigma_data: float):
    """(c_skip, c_out, c_in, c_noise) of D(x) = c_skip x + c_out F(c_in x, c_noise) (arXiv:2206.00364, table 1).

    They keep input and training target of F at unit variance at every noise level `sigma` (any shape, float32).
    """
    total = ops.square(sigma) + sigma_data**2
    return (
        sigma_data**2 / total,
        sigma * sigma_data * ops.rsqrt(total),
        ops.rsqrt(total),
        0.25 * ops.log(sigma),
    )


@keras.saving.register_keras_serializable(package="skazoo")
class Diffusion(Mapper):
    """Samples p(target | source) by removing noise step by step; the source is an input of the denoiser.

    Training: y + sigma n is denoised at levels ln sigma ~ N(noise_mean, noise_std), stratified over the batch; the
    weighted error (D - y)^2 / c_out^2 starts at 1 at every level. With `uncertainty`, its variance exp(u) is learned
    as a function of sigma and the loss is error / exp(u) + u (arXiv:2312.02696, eq. 15), so that no level dominates.
    All of this is float32; only the U-Net follows the dtype policy.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        width, multipliers, blocks, attention, stem, padding, dropout: see `skazoo.networks.conditional_unet`.
        sigma_data: standard deviation of the target maps in network space; 1 by construction of the transforms.
        noise_mean, noise_std: of ln sigma in training.
        uncertainty: learn the weight of each noise level.
    """

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
        sigma_data=1.0,
        noise_mean=-0.8,
        noise_std=1.4,
        uncertainty=True,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_positive("sigma_data", sigma_data)
        check_positive("noise_std", noise_std)
        self.network_arguments = dict(
            width=width,
            multipliers=tuple(multipliers),
            blocks=blocks,
            attention=tuple(attention),
            stem=stem,
            padding=padding,
            dropout=dropout,
        )
        self.sigma_data, self.noise_mean, self.noise_std = float(sigma_data), float(noise_mean), float(noise_std)
        self.uncertainty = bool(uncertainty)
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.network = conditional_unet(
            len(self.target), len(self.source), **self.network_arguments, seed=self.seed, dtype=self.dtype_policy
        )
        level = keras.Input((1,), dtype="float32")
        spread = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="uncertainty")
        self.log_variance = keras.Model(level, spread(Fourier(8)(level))) if self.uncertainty else None
        self.error = keras.metrics.Mean(name="error")
        self._graph = compiled(self.denoise, self)
        self.built = True

    def denoise(self, x, sigma, source):
        """D(x; sigma) = E[y | x, source]: x (n, H, W, T), sigma (n,), network-space source (n, H, W, S); float32."""
        skip, out, inward, level = preconditioning(ops.reshape(sigma, (-1, 1, 1, 1)), self.sigma_data)
        raw = self.network([inward * x, source, level[:, :, 0, 0]])
        return skip * x + out * ops.cast(raw, "float32")

    def network_loss(self, target, source, training):
        """Weighted denoising error of each image; validation always sees the same noise."""
        seed = self.seed_generator if training else self.seed
        rows = ops.shape(target)[0]
        jitter = keras.random.uniform((rows,), seed=seed) if training else 0.5
        share = (ops.cast(ops.arange(rows), "float32") + jitter) / ops.cast(rows, "float32")
        share = ops.clip(share, 1e-6, 1 - 1e-6)
        normal = math.sqrt(2.0) * ops.erfinv(2.0 * share - 1.0)  # stratified: one draw per quantile
        sigma = ops.reshape(ops.exp(self.noise_mean + self.noise_std * normal), (-1, 1, 1, 1))
        x = target + sigma * keras.random.normal(ops.shape(target), seed=seed)

        skip, out, inward, level = preconditioning(sigma, self.sigma_data)
        level = level[:, :, 0, 0]
        raw = ops.cast(self.network([inward * x, source, level], training=training), "float32")
        error = ops.mean(ops.square(raw - (target - skip * x) / out), axis=(1, 2, 3))
        self.error.update_state(error)
        if self.log_variance is None:
            return error
        spread = self.log_variance(level)[:, 0]
        return error * ops.exp(-spread) + spread

    def draw(
        self, source, noise, *, steps=24, sampler="multistep", sigma_min=0.002, sigma_max=80.0, churn=0.0, wrap=None,
        tile=None, overlap=16, guide=None,
    ) -> np.ndarray:
        """Integrate from noise to maps.

        Args:
            steps: noise levels. "multistep" and "euler" call the network once per level, "heun" twice.
            sampler: name in `samplers.SAMPLERS`; "multistep" needs the fewest calls by far.
            sigma_min, sigma_max: last and first noise level; sigma_max well above the largest distance between maps.
            churn: fresh noise along the way (Heun only); 0 is the deterministic ODE.
            wrap: denoiser -> denoiser, both (x (n, H, W, T), sigma as a float) -> (n, H, W, T) in network space;
                what is integrated is wrap(denoise).
            tile, overlap: denoise by tiles of so many pixels, for maps larger than trained; see `tiling.tiled`.
            guide: `TelescopeGuidance`, to sample maps that agree with an observation.
        """
        check_choice("sampler", sampler, SAMPLERS)
        integrate, levels = SAMPLERS[sampler]
        sigmas = levels(steps, sigma_min, sigma_max)
        source = ops.convert_to_tensor(source)
        shape = (*source.shape[1:3], len(self.target))
        extra = {}
        if churn:
            check_choice("sampler with churn", sampler, ("heun",))
            extra = {"churn": churn, "draw": lambda step: ops.convert_to_tensor(noise.normal(shape, stream=1 + step))}

        if tile is not None:
            check_tiles(tile, overlap, self.stride)
        graph = self._graph if tile is None else tiled(self._graph, tile, overlap)

        def denoise(x, sigma):
            return graph(x, np.full(source.shape[0], sigma, np.float32), source)

        if guide is not None:
            denoise = guide.wrap(denoise, self.target, self.target_transform, noise.rows)
        if wrap is not None:
            denoise = wrap(denoise)
        start = ops.convert_to_tensor(noise.normal(shape) * np.float32(sigmas[0]))
        return ops.convert_to_numpy(integrate(denoise, start, sigmas, **extra))

    def get_config(self):
        return {
            **super().get_config(),
            **self.network_arguments,
            "sigma_data": self.sigma_data,
            "noise_mean": self.noise_mean,
            "noise_std": self.noise_std,
            "uncertainty": self.uncertainty,
        }
