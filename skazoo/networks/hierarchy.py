"""Latent variables from coarse to fine, of which prior and posterior share the path (arXiv:2011.10650)."""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import layers, ops

from ..errors import ParameterError
from .blocks import Blocks
from .gaussian import soft_clipped

__all__ = ["Latent", "LatentHierarchy"]


class Latent(NamedTuple):
    """A latent variable z (B, h, w, latent) that was drawn from its posterior, with both of its distributions."""

    z: object
    mean: object
    log_variance: object
    prior_mean: object
    prior_log_variance: object


@keras.saving.register_keras_serializable(package="skazoo")
class LatentHierarchy(keras.layers.Layer):
    """The path from the coarsest level to the finest: at each, so many latents are drawn one after another and added.

    p(z | s) = prod p(z_g | z_<g, s) and q(z | y, s) = prod q(z_g | z_<g, y, s), all of them diagonal Gaussians. The
    posterior's network gives the difference to the prior, and starts at zero: so does the divergence. Means and
    log-variances are linear in the features, whose residual blocks pass their input on: a linear code is found at once.

    Args:
        groups: latents per level, the finest level first; 0 is allowed.
        features: channels of the features of source and target at each level.
        width: channels of the path.
        latent: channels of each latent.
        padding, dropout, seed, dtype: see `Blocks`.
    """

    def __init__(
        self, groups, features: int, width: int, latent: int, padding="zero", dropout=0.0, seed=0, dtype=None, **kwargs
    ):
        super().__init__(dtype=dtype, autocast=False, **kwargs)
        if not groups or min(groups) < 0 or not sum(groups):
            raise ParameterError(f"groups must count the latents of each level, some of them above 0, not {groups}.")
        self.groups, self.features, self.width, self.latent = tuple(groups), features, width, latent
        self.arguments = dict(padding=padding, dropout=dropout, seed=seed)
        self.levels = [level for level in reversed(range(len(groups))) for _ in range(groups[level])]
        make = Blocks(self.dtype_policy, **self.arguments)
        top = len(groups) - 1
        self.arrivals = [self._arrival(make, level, level == top) for level in range(len(groups))]
        self.priors, self.posteriors, self.merges = [], [], []
        for number, level in enumerate(self.levels):
            self.priors.append(self._prior(make, f"prior_{number}_level_{level}"))
            self.posteriors.append(self._posterior(make, f"posterior_{number}_level_{level}"))
            self.merges.append(self._merge(make, f"merge_{number}_level_{level}"))
        self.built = True

    def shapes(self, sizes) -> list[tuple[int, int, int]]:
        """(h, w, latent) of each latent in the order of drawing; `sizes`: (h, w) of each level, the finest first."""
        return [(*sizes[level], self.latent) for level in self.levels]

    def prior(self, sources, noise, temperature=1.0):
        """The end of the path (B, h, w, width), every latent drawn from its prior.

        Args:
            sources: features (B, h, w, features) of each level, the finest first.
            noise: standard normal numbers for each latent, in the order of drawing.
            temperature: of all deviations.
        """
        x, number = None, 0
        for level in reversed(range(len(self.groups))):
            x = self._arrive(x, sources, level, False)
            for _ in range(self.groups[level]):
                kept, mean, raw = self._prior_of(number, x, sources[level], False)
                z = mean + temperature * ops.exp(0.5 * soft_clipped(raw)) * noise[number]
                x = self.merges[number]([kept, z])
                number += 1
        return x

    def posterior(self, sources, targets, noise, training=False):
        """(end of the path, list of `Latent`), every latent drawn from its posterior; `targets` is like `sources`."""
        x, number, drawn = None, 0, []
        for level in reversed(range(len(self.groups))):
            x = self._arrive(x, sources, level, training)
            for _ in range(self.groups[level]):
                kept, prior_mean, prior_raw = self._prior_of(number, x, sources[level], training)
                found = self.posteriors[number]([kept, targets[level]], training=training)
                shift, change = ops.split(ops.cast(found, "float32"), 2, axis=-1)
                prior_log_variance, log_variance = soft_clipped(prior_raw), soft_clipped(prior_raw + change)
                mean = prior_mean + shift * ops.exp(0.5 * prior_log_variance)
                z = mean + ops.exp(0.5 * log_variance) * noise[number]
                drawn.append(Latent(z, mean, log_variance, prior_mean, prior_log_variance))
                x = self.merges[number]([kept, z], training=training)
                number += 1
        return x, drawn

    def call(self, sources, noise):
        return self.prior(sources, noise)

    def _arrive(self, x, sources, level, training):
        inputs = [sources[level]] if x is None else [x, sources[level]]
        return self.arrivals[level](inputs, training=training)

    def _prior_of(self, number, x, source, training):
        kept, found = self.priors[number]([x, source], training=training)
        return kept, *ops.split(ops.cast(found, "float32"), 2, axis=-1)

    def _input(self, channels, dtype=None):
        return keras.Input((None, None, channels), dtype=dtype or self.compute_dtype)

    def _arrival(self, make, level, top):
        source = self._input(self.features, "float32")
        if top:
            return keras.Model([source], make.residual(make.conv(source, self.width), self.width), name="arrival_top")
        above = self._input(self.width)
        x = make.residual(make.skip(make.up(above), source), self.width)
        return keras.Model([above, source], x, name=f"arrival_{level}")

    def _prior(self, make, name):
        x, source = self._input(self.width), self._input(self.features, "float32")
        kept = make.residual(make.skip(x, source), self.width)
        return keras.Model([x, source], [kept, self._numbers(make, kept)], name=name)

    def _posterior(self, make, name):
        kept, target = self._input(self.width), self._input(self.features, "float32")
        x = make.residual(make.skip(kept, target), self.width)
        return keras.Model([kept, target], self._numbers(make, x), name=name)

    def _merge(self, make, name):
        kept, z = self._input(self.width), self._input(self.latent, "float32")
        x = layers.Add(dtype=self.dtype_policy)([kept, make.conv(z, self.width, kernel=1)])
        return keras.Model([kept, z], make.residual(x, self.width), name=name)

    def _numbers(self, make, x):
        """Two numbers for each channel of a latent, at first zero."""
        return make.conv(x, 2 * self.latent, kernel=1, zero=True, dtype="float32")

    def get_config(self):
        own = {"groups": self.groups, "features": self.features, "width": self.width, "latent": self.latent}
        return {**super().get_config(), **own, **self.arguments}
