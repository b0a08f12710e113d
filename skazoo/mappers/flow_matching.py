"""Flow matching on straight paths (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003)."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice, check_positive
from ..networks.unet import conditional_unet, unet_stride
from .backend import compiled
from .guidance import check_dropout, drop_source, guided
from .inputs import check_size
from .mapper import Mapper
from .noise_levels import normal_quantile, stratified_shares, wide_levels
from .ode_likelihood import flow_log_prob, in_chunks, log_normal, probed, with_trace
from .ode_solvers import SOLVERS
from .tiling import check_tile, tiled

__all__ = ["FlowMatching"]


@keras.saving.register_keras_serializable(package="skazoo")
class FlowMatching(Mapper):
    """Carries noise to samples of p(target | source) along dx/dt = v(x, t, source), from t = 0 to t = 1.

    x_t = (1 - t) x_0 + t x_1 with x_1 the target map and x_0 the start; the network learns v = E[x_1 - x_0 | x_t] by
    the plain squared error, at times logit t ~ N(time_mean, time_std), stratified over the batch (arXiv:2403.03206).

    The start is noise, or with `bridge` the source map plus start_noise x noise: a shorter way where both look alike.
    Without noise one source could only go to one map. As the pairs are straight lines from N(source, start_noise^2)
    given the source, this is flow matching still, and its likelihood is as exact; bridges with noise on the way
    (arXiv:2303.08797, I2SB arXiv:2302.05872) have none.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        width, multipliers, blocks, attention, stem, padding, dropout: see `skazoo.networks.conditional_unet`.
        bridge: start at the source, which must have as many channels as the target.
        start_noise: standard deviation of the noise at the start, in network space.
        time_mean, time_std: of logit t in training; as Diffusion's noise levels by default, with more at the end
            (little noise) than at the start.
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
        bridge=False,
        start_noise=1.0,
        time_mean=0.8,
        time_std=1.4,
        source_dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_positive("start_noise", start_noise)
        check_positive("time_std", time_std)
        self.network_arguments = dict(
            width=width,
            multipliers=tuple(multipliers),
            blocks=blocks,
            attention=tuple(attention),
            stem=stem,
            padding=padding,
            dropout=dropout,
        )
        self.bridge, self.start_noise = bool(bridge), float(start_noise)
        if self.bridge and len(self.source) != len(self.target):
            raise ParameterError(
                f"a bridge needs as many source fields as target fields, not {len(self.source)} and {len(self.target)}."
            )
        if self.bridge and source_dropout:
            raise ParameterError("a bridge starts at the source and cannot drop it: leave source_dropout at 0.")
        self.time_mean, self.time_std = float(time_mean), float(time_std)
        self.source_dropout = check_dropout(source_dropout)
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.network = conditional_unet(
            len(self.target), len(self.source), **self.network_arguments, seed=self.seed, dtype=self.dtype_policy
        )
        self._graph = compiled(self.velocity, self)
        self._traced = compiled(self._velocity_with_trace, self)
        self.built = True

    def velocity(self, x, time, source, training=False):
        """v(x, t) of x (n, H, W, T), time (n,) in 0 ... 1, network-space source (n, H, W, S); float32."""
        time = ops.clip(time, 1e-6, 1 - 1e-6)
        reach = 3.0 * self.time_std  # what training sees; beyond, the network is told the nearest time it knows
        logit = ops.clip(ops.log(time / (1.0 - time)), self.time_mean - reach, self.time_mean + reach)
        return ops.cast(self.network([x, source, 0.25 * logit[:, None]], training=training), "float32")

    def _velocity_with_trace(self, x, time, source, signs):
        return with_trace(lambda x: self.velocity(x, time, source), x, signs)

    def denoise(self, x, sigma, source):
        """E[y | y + sigma n = x, source] by the same network; see `Diffusion.denoise`."""
        time = self.start_noise / (self.start_noise + sigma)
        wide = ops.reshape(time, (-1, 1, 1, 1))
        here = wide * x + (1.0 - wide) * self._mean(source)
        return here + (1.0 - wide) * self.velocity(here, time, source)

    def _mean(self, source):
        """The start without its noise."""
        return source if self.bridge else 0.0

    def network_loss(self, target, source, training):
        """Squared error of the velocity of each image; validation always sees the same noise and times."""
        seed = self.seed_generator if training else self.seed
        share = stratified_shares(ops.shape(target)[0], seed if training else None)
        time = ops.sigmoid(self.time_mean + self.time_std * normal_quantile(share))
        wide = ops.reshape(time, (-1, 1, 1, 1))
        start = self._mean(source) + self.start_noise * keras.random.normal(ops.shape(target), seed=seed)
        if training:
            source = drop_source(source, self.source_dropout, seed)
        found = self.velocity((1.0 - wide) * start + wide * target, time, source, training=training)
        return ops.mean(ops.square(found - (target - start)), axis=(1, 2, 3))

    def draw(
        self,
        source,
        noise,
        *,
        steps=12,
        sampler="midpoint",
        tolerance=1e-3,
        guidance=1.0,
        wrap=None,
        tile=None,
        overlap=16,
        guide=None,
    ) -> np.ndarray:
        """Integrate from the start to maps.

        Args:
            steps: of "midpoint" and "heun" (two calls of the network each) and "runge_kutta" (four).
            sampler: name in `ode_solvers.SOLVERS`; "adaptive" takes as many steps as `tolerance` needs, image by image.
            tolerance: of "adaptive", relative error of a step.
            guidance: weight of the source; other than 1 **breaks calibration**, see `guidance`.
            wrap: denoiser -> denoiser, both (x (n, H, W, T), sigma as a float) -> (n, H, W, T) in network space, with
                x = y + sigma n; the velocity is that of wrap(denoise). Not with "adaptive".
            tile, overlap: work by tiles of so many pixels, for maps larger than trained; see `tiling.tiled`.
            guide: `TelescopeGuidance`, for samples that agree with an observation. Not with "adaptive".
        """
        check_choice("sampler", sampler, SOLVERS)
        if guide is not None:
            wrap = partial(guide.wrap, fields=self.target, transform=self.target_transform, rows=noise.rows)
        if wrap is not None and sampler == "adaptive":
            raise ParameterError('wrap needs one time for all images: choose another sampler than "adaptive".')
        shape = (*source.shape[1:3], len(self.target))
        start = np.asarray(self._mean(source) + self.start_noise * noise.normal(shape), np.float32)

        def at_time(x, time, source):
            x = np.asarray(x, np.float32)
            times = np.broadcast_to(np.float32(time), len(x))
            return ops.convert_to_numpy(self._graph(x, times, source))

        if tile is not None:
            at_time = tiled(at_time, check_tile(tile, self.stride), overlap)
        velocity = guided(at_time, source, guidance, self.source_dropout)
        if wrap is not None:
            velocity = self._wrapped(velocity, wrap, source)
        extra = {"tolerance": tolerance} if sampler == "adaptive" else {}
        return SOLVERS[sampler](velocity, start, self._times(steps), **extra)

    def _times(self, steps: int) -> np.ndarray:
        """(steps + 1,) from 0 to 1, with the noise of `wide_levels` in between."""
        times = self.start_noise / (self.start_noise + wide_levels(steps))
        return np.concatenate([[0.0], times[1:]])

    def _wrapped(self, velocity, wrap, source):
        """The velocity whose denoised map, on the scale x = y + sigma n, is that of `wrap`.

        The ends, where sigma is infinite or 0, are taken just inside.
        """

        def parts(time):
            time = min(max(time, 1e-3), 1 - 1e-3)
            return time, (1.0 - time) * self.start_noise / time, (1.0 - time) * self._mean(source)

        def denoise(x, sigma):
            time, _, mean = parts(self.start_noise / (self.start_noise + sigma))
            here = time * ops.convert_to_numpy(x) + mean
            return ops.convert_to_tensor(here + (1.0 - time) * velocity(here, time))

        guided_denoise = wrap(denoise)

        def moved(x, time):
            time, sigma, mean = parts(time)
            scaled = ops.convert_to_tensor(((x - mean) / time).astype(np.float32))
            return (ops.convert_to_numpy(guided_denoise(scaled, sigma)) - x) / np.float32(1.0 - time)

        return moved

    def network_log_prob(self, target, source, *, steps=16, probes=1, seed=0, chunk=32) -> np.ndarray:
        """ln p of each image (n,), float64, along the flow back to the start.

        Args:
            steps: of the ODE; four calls of the network and 4 x probes backward passes each.
            probes: random signs per call for the trace of the Jacobian; right on average with any number.
            seed: of the signs.
            chunk: images per pass, which bounds the memory.
        """

        times = self._times(steps)[::-1]

        def one_pass(target, source, noise):
            velocity = probed(self._traced, noise, probes)

            def log_prior(x):
                return log_normal(x, self._mean(source), self.start_noise)

            return flow_log_prob(lambda x, time: velocity(x, time, source), target, times, log_prior)

        return in_chunks(one_pass, target, source, seed, chunk)

    def get_config(self):
        return {
            **super().get_config(),
            **self.network_arguments,
            "bridge": self.bridge,
            "start_noise": self.start_noise,
            "time_mean": self.time_mean,
            "time_std": self.time_std,
            "source_dropout": self.source_dropout,
        }
