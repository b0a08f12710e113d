"""A variational autoencoder with latents of several sizes (arXiv:1312.6114, arXiv:2011.10650)."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive
from ..networks.blocks import Blocks
from ..networks.gaussian import divergence, log_density
from ..networks.hierarchy import LatentHierarchy
from ..networks.layers import Unpack
from ..networks.pixel_distributions import GaussianPixels, LogisticPixels
from ..networks.pyramid import feature_pyramid
from .backend import compiled
from .inputs import as_batch, as_pairs, check_size
from .latent_mixing import mixed
from .levels import ladder_of
from .mapper import Mapper
from .noise import RowNoise

__all__ = ["VAE"]

CHUNK = 64  # images per pass of likelihood and latents


@keras.saving.register_keras_serializable(package="skazoo")
class VAE(Mapper):
    """Samples p(target | source) from latents that are drawn from coarse to fine, then a distribution for each pixel.

    Prior p(z | source) and posterior q(z | target, source) share a `LatentHierarchy`. The loss is

        -ELBO = -E_q ln p(target | z, source) + beta KL(q | p)

    in nats per number of the target; with beta = 1 it bounds the negative log-likelihood. Below 1, details come out
    sharper and what the prior draws fits the decoder worse; above 1 the reverse, and latents fall silent.
    A plain conditional VAE has latents at the coarsest level alone: groups=(0, 0, 4).

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        groups: latents at each level, the finest first; each level after the first halves the size.
        latent_channels: of each latent.
        stem: pixels per side that are packed into channels at the entrance; the finest latents have this pixel size.
        width, features, blocks: channels of the shared path, channels of the pyramids that look at source and target,
            and residual blocks per level of these.
        levels: None for Gaussian pixels of learned variance; or a number, for a mixture of logistics on so many levels
            of the target, such as 256: for maps with empty or saturated pixels, whose probability is then finite.
        low, high, mixtures: of the levels; see `PixelCNN`.
        beta: weight of the divergence.
        warmup, beta_start: training steps in which the weight goes, in its logarithm, from `beta_start` to `beta`. Of
            coarse latents it starts lower, in proportion to their number, so that with a `beta_start` of 30 or so they
            learn first. Otherwise the fine ones, which learn faster, may learn all, and samples lack what a whole map
            shares.
        free_bits: nats per number of a latent (averaged over it) below which its divergence is not pushed.
        pixel_temperature: of the pixels alone in `sample`; 1 is the model whose likelihood is bounded. The pixels are
            drawn one by one, while true errors are smooth: at 1, power that the latents did not explain comes back as
            white noise, and the small scales hold too much of it. Less leaves more to the latents.
        padding, dropout: see `skazoo.networks.Blocks`.
    """

    likelihood = "bound"

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        groups=(1, 2, 2),
        latent_channels=8,
        stem=2,
        width=32,
        features=32,
        blocks=1,
        levels=None,
        low=None,
        high=4.0,
        mixtures=8,
        beta=1.0,
        warmup=0,
        beta_start=1.0,
        free_bits=0.0,
        pixel_temperature=1.0,
        padding="zero",
        dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        sizes = dict(latent_channels=latent_channels, stem=stem, width=width, features=features, blocks=blocks)
        for label, value in {
            **sizes,
            "beta": beta,
            "beta_start": beta_start,
            "pixel_temperature": pixel_temperature,
        }.items():
            check_positive(label, value)
        for label, value in {"free_bits": free_bits, "warmup": warmup}.items():
            if not (math.isfinite(value) and value >= 0):
                raise ParameterError(f"{label} must be 0 or more, but is {value}.")
        self.groups, self.beta, self.beta_start = tuple(groups), float(beta), float(beta_start)
        self.warmup, self.free_bits = int(warmup), float(free_bits)
        self.pixel_temperature = float(pixel_temperature)
        self.network_arguments = dict(**sizes, padding=padding, dropout=dropout)
        self.levels, self.low, self.high, self.mixtures = levels, low, float(high), int(mixtures)
        factors = (stem, *(2,) * (len(self.groups) - 1))
        self.factors = np.cumprod(factors)
        self.stride = int(self.factors[-1])
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        edges = dict(padding=padding, dropout=dropout, dtype=self.dtype_policy)
        look = dict(width=features, blocks=blocks, **edges)
        channels = len(self.source), len(self.target)
        self.source_pyramid = feature_pyramid(channels[0] + 1, factors, seed=4 * self.seed, name="source", **look)
        self.target_pyramid = feature_pyramid(sum(channels), factors, seed=4 * self.seed + 1, name="target", **look)
        self.hierarchy = LatentHierarchy(
            self.groups, features, width, latent_channels, seed=4 * self.seed + 2, name="hierarchy", **edges
        )
        self.pixels = GaussianPixels(channels[1])
        if levels is not None:
            ladder = ladder_of(self.target_transform, channels[1], int(levels), low, high)
            self.pixels = LogisticPixels(ladder, mixtures)
        self.head = self._head(Blocks(self.dtype_policy, padding, seed=4 * self.seed + 3), width, stem)
        if self.warmup:
            self.taken = self.add_weight(
                shape=(), initializer="zeros", trainable=False, dtype="float32", name="taken", aggregation="mean"
            )
        self.reconstruction = keras.metrics.Mean(name="reconstruction")
        used = [level for level, count in enumerate(self.groups) if count]
        self.divergences = {level: keras.metrics.Mean(name=f"kl_{self.factors[level]}") for level in used}
        self._graphs = {}
        self.built = True

    # ------------------------------------------------------------------ training

    def network_loss(self, target, source, training):
        """-ELBO in nats per pixel and channel, with `beta` and `free_bits`; validation noise is always the same."""
        noise = [
            keras.random.normal((ops.shape(target)[0], *shape), seed=self.seed_generator if training else seed)
            for seed, shape in enumerate(self.latent_shapes(*target.shape[1:3]), self.seed)
        ]
        parameters, latents = self._posterior(target, source, noise, training)
        numbers = math.prod(target.shape[1:])
        fit = self.pixels.log_prob(parameters, target) / numbers
        self.reconstruction.update_state(-fit)
        weights, loss, by_level = self._weights(training), -fit, {}
        for level, latent in zip(self.hierarchy.levels, latents, strict=True):
            each = ops.sum(divergence(*latent[1:]), axis=(1, 2, 3)) / numbers
            by_level[level] = by_level.get(level, 0.0) + each
            free = self.free_bits * math.prod(latent.mean.shape[1:]) / numbers
            loss = loss + weights[level] * ops.maximum(each, free)
        for level, metric in self.divergences.items():
            metric.update_state(by_level[level])
        return loss

    def _weights(self, training):
        """{level: `beta`}; during the warm-up more for fine levels and less for coarse ones."""
        if not (self.warmup and training):
            return dict.fromkeys(self.divergences, self.beta)
        self.taken.assign(ops.minimum(self.taken + 1.0, float(self.warmup)))
        left, finest = 1.0 - self.taken / self.warmup, self.factors[min(self.divergences)]
        start = {level: self.beta_start * float(finest / self.factors[level]) ** 2 for level in self.divergences}
        return {level: self.beta * ops.power(first / self.beta, left) for level, first in start.items()}

    # ------------------------------------------------------------------ likelihood

    def log_weight(self, target, source, *noise):
        """ln [p(target, z | source) / q(z | target, source)] (B,) of the latents z that `noise` draws from q.

        Its mean over noise is the ELBO, and the mean of its exponential the likelihood.
        """
        parameters, latents = self._posterior(target, source, noise, False)
        total = self.pixels.log_prob(parameters, target)
        for z, mean, log_variance, prior_mean, prior_log_variance in latents:
            ratio = log_density(z, prior_mean, prior_log_variance) - log_density(z, mean, log_variance)
            total = total + ops.sum(ratio, axis=(1, 2, 3))
        return total

    def network_log_prob(self, target, source, importance=1, seed=0):
        """A lower bound, on average over its noise, of ln p(target | source): ln of the mean of `importance` weights.

        Args:
            importance: draws of the latents for each image; 1 is the ELBO, and the bound tightens with their number
                (IWAE, arXiv:1509.00519).
            seed: of the draws; the same seed gives the same numbers.
        """
        check_positive("importance", importance)
        target, source = ops.convert_to_numpy(target), ops.convert_to_numpy(source)
        graph, shapes = self._graph(self.log_weight, target), self.latent_shapes(*target.shape[1:3])
        found = np.empty((int(importance), len(target)))
        for draw in range(int(importance)):
            for start in range(0, len(target), CHUNK):
                rows = np.arange(start, min(start + CHUNK, len(target)))
                noise = _latent_noise(RowNoise(seed, rows, np.full(len(rows), draw)), shapes)
                found[draw, rows] = ops.convert_to_numpy(graph(target[rows], source[rows], *noise))
        largest = found.max(axis=0)
        return ops.convert_to_tensor((largest + np.log(np.mean(np.exp(found - largest), axis=0))).astype(np.float32))

    # ------------------------------------------------------------------ samples and latents

    def draw(self, source, noise, *, temperature=1.0):
        """Draw latents from the prior, coarse to fine, then every pixel from its distribution.

        Args:
            temperature: of latents and pixels, of these times `pixel_temperature`; 1 for samples of p(target | source),
                less for smoother, likelier maps.
        """
        check_positive("temperature", temperature)
        shapes = self.latent_shapes(*source.shape[1:3])
        white = self.pixels.random(noise, *source.shape[1:3], stream=len(shapes))
        graph, numbers = self._graph(self._sample, source), _latent_noise(noise, shapes)
        return ops.convert_to_numpy(graph(source, np.float32(temperature), white, *numbers))

    def to_latent(self, target, source) -> list[np.ndarray]:
        """The latents of maps: for each, coarse to fine, (B, h, w, latent_channels) float32.

        They are the posterior's means, each in units of the prior's deviation about the prior's mean: the noise from
        which `sample` would draw such maps.

        Args:
            target, source: maps in physical units, in any form that `sample` takes.
        """
        source, target = as_pairs(source, target, (self.source, self.target), self.stride)
        source, target = self.encode(source, "source"), self.encode(target, "target")
        graph = self._graph(self._standard_means, target)
        with self.averaged_weights():
            parts = [graph(target[i : i + CHUNK], source[i : i + CHUNK]) for i in range(0, len(target), CHUNK)]
        return [np.concatenate([ops.convert_to_numpy(part) for part in each]) for each in zip(*parts, strict=True)]

    def from_latent(self, latents, source) -> np.ndarray:
        """Expected maps (B, H, W, T) in physical units, without the noise of pixels, of the latents of `to_latent`."""
        source = self.encode(as_batch(source, self.source, "source", self.stride), "source")
        expected = [(len(source), *shape) for shape in self.latent_shapes(*source.shape[1:3])]
        if [tuple(each.shape) for each in latents] != expected:
            raise ParameterError(f"latents must have the shapes {expected} of to_latent, in this order.")
        graph = self._graph(self._mean, source)
        with self.averaged_weights():
            slices = [slice(i, i + CHUNK) for i in range(0, len(source), CHUNK)]
            parts = [graph(source[each], *(z[each] for z in latents)) for each in slices]
        maps = np.concatenate([ops.convert_to_numpy(part) for part in parts])
        return ops.convert_to_numpy(self.target_transform.inverse(maps))

    def interpolate(self, first, second, source, steps=5) -> np.ndarray:
        """Maps (steps, B, H, W, T) in physical units on the way from one target to another, both of the same source."""
        ends = self.to_latent(first, source), self.to_latent(second, source)
        ways = np.linspace(0.0, 1.0, steps)
        return np.stack([self.from_latent([mixed(a, b, t) for a, b in zip(*ends, strict=True)], source) for t in ways])

    def latent_shapes(self, rows: int, columns: int) -> list[tuple[int, int, int]]:
        """(h, w, latent_channels) of each latent, coarse to fine, of maps of so many pixels."""
        return self.hierarchy.shapes([(rows // factor, columns // factor) for factor in self.factors.tolist()])

    def _posterior(self, target, source, noise, training):
        """The pixels' parameters, and the latents drawn from the posterior."""
        both = ops.concatenate([target, source], axis=-1)
        sources = self._look(source, training)
        targets = _levels(self.target_pyramid(both, training=training))
        x, latents = self.hierarchy.posterior(sources, targets, noise, training)
        return self._parameters(x), latents

    def _look(self, source, training=False):
        """The source's features at each level."""
        # beside ones: of a source that is zero everywhere the group norms would make gradients without bounds
        source = ops.concatenate([source, ops.ones_like(source[..., :1])], axis=-1)
        return _levels(self.source_pyramid(source, training=training))

    def _parameters(self, x):
        return ops.cast(self.head(x), "float32") + self.pixels.bias

    def _sample(self, source, temperature, white, *noise):
        x = self.hierarchy.prior(self._look(source), noise, temperature)
        return self.pixels.draw(self._parameters(x), white, temperature * self.pixel_temperature)

    def _mean(self, source, *latents):
        return self.pixels.mean(self._parameters(self.hierarchy.prior(self._look(source), latents)))

    def _standard_means(self, target, source):
        zeros = [ops.zeros((1, *shape)) for shape in self.latent_shapes(*target.shape[1:3])]
        _, latents = self._posterior(target, source, zeros, False)
        return [(each.mean - each.prior_mean) * ops.exp(-0.5 * each.prior_log_variance) for each in latents]

    def _graph(self, function, maps):  # for each size of maps anew
        return self._graphs.setdefault((function.__name__, *maps.shape[1:3]), compiled(function, self))

    def _head(self, make, width, stem):
        """From the end of the path to the parameters of each pixel."""
        x = end = keras.Input((None, None, width), dtype=self.compute_dtype)
        x = make.conv(x, stem**2 * self.pixels.parameters, zero=True, dtype="float32")
        x = Unpack(stem, dtype="float32")(x) if stem > 1 else x
        return keras.Model(end, x, name="head")

    def get_config(self):
        own = ("levels", "low", "high", "mixtures", "beta", "warmup", "beta_start", "free_bits", "pixel_temperature")
        own = {name: getattr(self, name) for name in own}
        return {**super().get_config(), **self.network_arguments, "groups": list(self.groups), **own}


def _levels(features) -> list:
    """The features of a pyramid as a list, also where there is one level only."""
    return list(features) if isinstance(features, list | tuple) else [features]


def _latent_noise(noise: RowNoise, shapes) -> list[np.ndarray]:
    """A stream of its own for each latent."""
    return [noise.normal(shape, stream) for stream, shape in enumerate(shapes)]
