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
from .guidance import check_dropout, drop_source, guided
from .inputs import check_size
from .mapper import Mapper
from .noise_levels import SCHEDULES, central_levels, normal_quantile, stratified_shares
from .ode_likelihood import flow_log_prob, flow_of_denoiser, in_chunks, log_normal, probed, with_trace
from .parametrisation import PARAMETRISATIONS, denoised, preconditioning, prediction, skip_and_out
from .samplers import SAMPLERS
from .tiling import check_tile, tiled
from .variational_bound import evidence_lower_bound

__all__ = ["Diffusion"]


@keras.saving.register_keras_serializable(package="skazoo")
class Diffusion(Mapper):
    """Samples p(target | source) by removing noise step by step; the source is an input of the denoiser.

    Training: y is predicted from y + sigma n at noise levels stratified over the batch. Whatever the network predicts,
    its error has unit scale before training. All of this is float32; only the U-Net follows the dtype policy.
    `log_prob` is exact but for the steps of the ODE and the noise of its trace (see `network_log_prob`).

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        width, multipliers, blocks, attention, stem, padding, dropout: see `skazoo.networks.conditional_unet`.
        sigma_data: standard deviation of the target maps in network space; 1 by construction of the transforms.
        parametrisation: what the network predicts, "edm", "eps", "v" or "x0"; see `parametrisation`.
        schedule: noise levels in training: "edm" draws ln sigma ~ N(noise_mean, noise_std); "cosine" and "linear" are
            variance-preserving schedules with uniform time, cut to 0.002 ... 200.
        noise_mean, noise_std: of ln sigma, for schedule "edm". Where the source leaves the totals of large maps open,
            take 0.5 and 1.8: a map's mean is decided at noise n times that of a pixel.
        weighting: of the levels. "uncertainty" learns the variance exp(u) of the error at each, and the loss is
            error / exp(u) + u, so that no level dominates (arXiv:2312.02696, eq. 15); "uniform" takes the error of the
            prediction as it is; "min_snr" that of the map times min(sigma_data^2 / sigma^2, 5) (arXiv:2303.09556).
        source_dropout: fraction of training images without source, for `guidance`.
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
        sigma_data=1.0,
        parametrisation="edm",
        schedule="edm",
        noise_mean=-0.8,
        noise_std=1.4,
        weighting="uncertainty",
        source_dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_positive("sigma_data", sigma_data)
        check_positive("noise_std", noise_std)
        check_choice("parametrisation", parametrisation, PARAMETRISATIONS)
        check_choice("schedule", schedule, ("edm", *SCHEDULES))
        check_choice("weighting", weighting, ("uncertainty", "uniform", "min_snr"))
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
        self.parametrisation, self.schedule, self.weighting = parametrisation, schedule, weighting
        self.source_dropout = check_dropout(source_dropout)
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.network = conditional_unet(
            len(self.target), len(self.source), **self.network_arguments, seed=self.seed, dtype=self.dtype_policy
        )
        level = keras.Input((1,), dtype="float32")
        spread = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="uncertainty")
        self.log_variance = keras.Model(level, spread(Fourier(8)(level))) if weighting == "uncertainty" else None
        self.error = keras.metrics.Mean(name="error")
        self._graph = compiled(self.denoise, self)
        self._traced = compiled(self._denoise_with_trace, self)
        self.built = True

    def denoise(self, x, sigma, source):
        """D(x; sigma) = E[y | x, source]: x (n, H, W, T), sigma (n,), network-space source (n, H, W, S); float32."""
        sigma = ops.reshape(sigma, (-1, 1, 1, 1))
        inward, level = preconditioning(sigma, self.sigma_data)
        raw = ops.cast(self.network([inward * x, source, level[:, :, 0, 0]]), "float32")
        return denoised(self.parametrisation, raw, x, sigma, self.sigma_data)

    def _denoise_with_trace(self, x, sigma, source, signs):
        return with_trace(lambda x: self.denoise(x, sigma, source), x, signs)

    def network_loss(self, target, source, training):
        """Weighted denoising error of each image; validation always sees the same noise."""
        seed = self.seed_generator if training else self.seed
        share = stratified_shares(ops.shape(target)[0], seed if training else None)
        if self.schedule == "edm":
            sigma = ops.exp(self.noise_mean + self.noise_std * normal_quantile(share))
        else:
            sigma = ops.clip(SCHEDULES[self.schedule](share), 0.002, 200.0)
        sigma = ops.reshape(sigma, (-1, 1, 1, 1))
        x = target + sigma * keras.random.normal(ops.shape(target), seed=seed)
        if training:
            source = drop_source(source, self.source_dropout, seed)

        inward, level = preconditioning(sigma, self.sigma_data)
        level = level[:, :, 0, 0]
        raw = ops.cast(self.network([inward * x, source, level], training=training), "float32")
        goal = prediction(self.parametrisation, target, x, sigma, self.sigma_data)
        error = ops.mean(ops.square(raw - goal), axis=(1, 2, 3))
        self.error.update_state(error)
        if self.weighting == "min_snr":
            _, out = skip_and_out(self.parametrisation, sigma, self.sigma_data)
            weight = out**2 * ops.minimum(self.sigma_data**2 / sigma**2, 5.0)
            return error * weight[:, 0, 0, 0]
        if self.log_variance is None:
            return error
        spread = self.log_variance(level)[:, 0]
        return error * ops.exp(-spread) + spread

    def draw(
        self,
        source,
        noise,
        *,
        steps=24,
        sampler="multistep",
        sigma_min=None,
        sigma_max=None,
        churn=0.0,
        eta=0.0,
        guidance=1.0,
        wrap=None,
        tile=None,
        overlap=16,
        guide=None,
    ) -> np.ndarray:
        """Integrate from noise to maps.

        Args:
            steps: noise levels; the network is called once per level, by "heun" twice, and once to start.
            sampler: name in `samplers.SAMPLERS`. "multistep" needs the fewest calls by far where the source leaves
                totals and large scales open; "narrow" where it determines them: 8 steps give spectra to 5 %.
            sigma_min, sigma_max: last and first noise level; sigma_max well above the largest distance between maps,
                which for n x n pixels is n times the spread of their means. By default the sampler's own, but not
                beyond the noise of training (one draw in 4,000), of which the network knows nothing.
            churn: fresh noise along the way ("heun" only); 0 is the deterministic ODE.
            eta: share of fresh noise ("ddim" only); 0 is Euler's method for the ODE, 1 is "ancestral".
            guidance: weight of the source; other than 1 **breaks calibration**, see `guidance`.
            wrap: denoiser -> denoiser, both (x (n, H, W, T), sigma as a float) -> (n, H, W, T) in network space;
                what is integrated is wrap(denoise).
            tile, overlap: denoise by tiles of so many pixels, for maps larger than trained; see `tiling.tiled`.
            guide: `TelescopeGuidance`, for samples that agree with an observation.
        """
        check_choice("sampler", sampler, SAMPLERS)
        extra = {}
        for label, value, owner in (("churn", churn, "heun"), ("eta", eta, "ddim")):
            if value:
                check_choice(f"sampler with {label}", sampler, (owner,))
                extra[label] = value
        integrate, levels = SAMPLERS[sampler]
        if sigma_max is None and self.schedule == "edm":
            sigma_max = min(float(levels(steps)[0]), math.exp(self.noise_mean + 3.5 * self.noise_std))
        ends = {"sigma_min": sigma_min, "sigma_max": sigma_max}
        sigmas = levels(steps, **{name: value for name, value in ends.items() if value is not None})
        source = ops.convert_to_tensor(source)
        shape = (*source.shape[1:3], len(self.target))
        if extra or sampler == "ancestral":
            extra["draw"] = lambda step: ops.convert_to_tensor(noise.normal(shape, stream=1 + step))

        def at_level(x, sigma, source):
            return self._graph(x, np.full(source.shape[0], sigma, np.float32), source)

        if tile is not None:
            at_level = tiled(at_level, check_tile(tile, self.stride), overlap)
        denoise = guided(at_level, source, guidance, self.source_dropout)
        if guide is not None:
            denoise = guide.wrap(denoise, self.target, self.target_transform, noise.rows)
        if wrap is not None:
            denoise = wrap(denoise)
        start = ops.convert_to_tensor(noise.normal(shape) * np.float32(sigmas[0]))
        start = start + denoise(start, float(sigmas[0]))  # Euler from endless noise: the mean is there
        return ops.convert_to_numpy(integrate(denoise, start, sigmas, **extra))

    def network_log_prob(
        self, target, source, *, steps=16, probes=1, seed=0, chunk=32, sigma_min=0.002, sigma_max=80.0
    ) -> np.ndarray:
        """ln p through the probability-flow ODE, of the maps as if seen through noise of `sigma_min` (n,), float64.

        Args:
            steps: of the ODE; four calls of the network and 4 x probes backward passes each. 16 are right to 1e-3 nats
                a pixel where targets spread by 0.03 or more in network space.
            probes: random signs per call for the trace of the Jacobian; right on average with any number.
            seed: of the signs.
            chunk: images per pass, which bounds the memory.
        """
        sigmas = central_levels(steps + 1, sigma_min, sigma_max)[-2::-1]
        times = 1.0 / (1.0 + sigmas)

        def one_pass(target, source, noise):
            probe = probed(self._traced, noise, probes)

            def denoise(x, sigma):
                return probe(x, sigma, source)

            def log_prior(z):  # almost all noise about the mean of p(target | source), which the denoiser knows
                return log_normal(z, times[-1] * denoise(z / times[-1], sigmas[-1])[0], times[-1] * sigmas[-1])

            found = flow_log_prob(flow_of_denoiser(denoise), times[0] * target, times, log_prior)
            return found + target[0].size * np.log(times[0])

        return in_chunks(one_pass, target, source, seed, chunk)

    def elbo(self, target, source, *, steps=64, seed=0, chunk=64, sigma_min=0.002, sigma_max=80.0) -> np.ndarray:
        """A lower bound of ln p(target | source) per image (B,), in nats and physical units, like `log_prob`.

        On average over its noise, see `variational_bound`; more `steps`, one call of the network each, lower the noise.
        The bounded density is that of the "ancestral" sampler in the limit of many steps.
        """
        check_positive("steps", steps)
        sigmas = np.geomspace(sigma_max, sigma_min, steps + 1)

        def one_pass(target, source, noise):
            def denoise(x, sigma):
                return ops.convert_to_numpy(self._graph(x.astype(np.float32), sigma.astype(np.float32), source))

            return evidence_lower_bound(denoise, target, sigmas, noise)

        return self.physical_density(lambda y, c: in_chunks(one_pass, y, c, seed, chunk), target, source)

    def get_config(self):
        return {
            **super().get_config(),
            **self.network_arguments,
            "sigma_data": self.sigma_data,
            "parametrisation": self.parametrisation,
            "schedule": self.schedule,
            "noise_mean": self.noise_mean,
            "noise_std": self.noise_std,
            "weighting": self.weighting,
            "source_dropout": self.source_dropout,
        }
