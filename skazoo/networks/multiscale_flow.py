"""A normalizing flow of images at several scales, conditioned on features at each of them."""

from __future__ import annotations

import keras
from keras import ops

from .actnorm import ActNorm
from .bijection import Bijection, layer_seeds
from .coupling import Coupling
from .invertible_conv import InvertibleConv
from .layers import Pack, Unpack

__all__ = ["MultiScaleFlow"]


@keras.saving.register_keras_serializable(package="skazoo")
class MultiScaleFlow(Bijection):
    """x (B, H, W, C) <-> z of the same shape, standard normal where the flow is right (arXiv:1807.03039).

    Each level packs `pack` x `pack` pixels into channels, then runs `steps` of ActNorm, invertible 1 x 1 convolution
    and coupling. All but the last level then let go of half the channels, after shifting and scaling them as a network
    of the other half and of the features says: that is the prior of a split, made part of the map, so that z is
    standard normal throughout. z is unpacked to the shape of x: coarse and fine latents lie interleaved.

    Args:
        channels: C.
        features: channels of the conditions, one (B, H/f, W/f, features) per level with f = pack, pack^2, ...
        levels, steps, pack: see above.
        seed, dtype: see `Bijection`; every layer draws weights of its own.
        coupling: arguments of the `Coupling` layers: transform, width, depth, bins, bound, padding, dropout.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        levels: int,
        steps: int,
        pack: int = 2,
        seed: int = 0,
        dtype=None,
        **coupling,
    ):
        super().__init__(dtype=dtype)
        self.arguments = dict(channels=channels, features=features, levels=levels, steps=steps, pack=pack, seed=seed)
        self.coupling_arguments = coupling
        policy = self.hidden_policy
        seeds = iter(layer_seeds(seed, levels * (2 * steps + 1)))
        self.pack, self.unpack = Pack(pack, dtype=self.compute_dtype), Unpack(pack, dtype=self.compute_dtype)
        self.steps, self.priors, self.kept = [], [], []
        for level in range(levels):
            channels = channels * pack**2
            for _ in range(steps):
                self.steps += [
                    ActNorm(channels, dtype=policy),
                    InvertibleConv(channels, seed=next(seeds), dtype=policy),
                    Coupling(channels, channels // 2, features, seed=next(seeds), dtype=policy, **coupling),
                ]
            kept = channels // 2 if level < levels - 1 else 0
            prior = {**coupling, "transform": "affine"}
            self.priors.append(Coupling(channels, kept, features, seed=next(seeds), dtype=policy, **prior))
            self.kept.append(kept)
            channels = kept
        self.built = True

    def forward(self, x, *features, training=False):
        log_det, done = 0.0, []
        for level, (kept, condition) in enumerate(zip(self.kept, features, strict=True)):
            x = self.pack(x)
            for step in self._of(level):
                x, change = step.forward(x, condition, training=training)
                log_det = log_det + change
            done.append(x[..., kept:])
            x = x[..., :kept]
        z = done.pop()
        while True:
            z = self.unpack(z)
            if not done:
                return z, log_det
            z = ops.concatenate([z, done.pop()], axis=-1)

    def inverse(self, z, *features):
        done = []
        for kept in self.kept:
            z = self.pack(z)
            done.append(z[..., kept:])
            z = z[..., :kept]
        x = done.pop()
        for level in reversed(range(len(self.kept))):
            for step in reversed(self._of(level)):
                x = step.inverse(x, features[level])
            x = self.unpack(x)
            if done:
                x = ops.concatenate([x, done.pop()], axis=-1)
        return x

    def _of(self, level):
        per_level = len(self.steps) // len(self.kept)
        return [*self.steps[level * per_level : (level + 1) * per_level], self.priors[level]]

    def get_config(self):
        return {**super().get_config(), **self.arguments, **self.coupling_arguments}
