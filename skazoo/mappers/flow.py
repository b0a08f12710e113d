"""What normalizing flows share: exact likelihood, latents, and noise where maps are empty."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError
from .backend import compiled, gradient
from .inputs import as_batch
from .mapper import Mapper

__all__ = ["Flow"]

CHUNK = 64  # images per pass of likelihood and latents


class Flow(Mapper):
    """A mapper that turns a target map into standard normal noise of the same shape and back, given the source.

    A family writes `forward` and `inverse`; likelihood, loss, sampling and latents follow.

    Many maps are exactly empty in places: a field at its floor (see `Log10`) is a point mass, of which no density
    exists. There `dequantise` |n|, n standard normal, is subtracted in network space, in training and in `log_prob`;
    what a sample has below the floor comes back as exactly empty. `log_prob` is then a lower bound of ln p: of the
    probability that the empty pixels are empty, times the density of the others in physical units. It is ln of the
    flow's density of the map with noise, minus ln of the density of the noise.

    Smooth maps are nearly singular too: their finest scales hold next to nothing, which a flow has to blow up to the
    size of noise, and its inverse is unstable. With `noise`, the flow learns the density of target + noise n instead;
    samples are then cleaned by one step of Tweedie's formula, y + noise^2 d ln p(y) / dy (arXiv:2412.06329, section
    3.3). `log_prob` stays that of the noisy maps. Use 0 where likelihood is the aim.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`. Only the networks that predict shifts, scales
            and features follow the dtype policy.
        dequantise: width of the noise below the floor, in network units (deviations of the target); 0 for none. No
            effect on fields without a floor.
        noise: standard deviation in network units; see above.
    """

    likelihood = "exact"  # of an instance with noise at a floor: "bound"

    def __init__(self, source, target, image_size, dequantise, noise, transforms, seed, dtype, name):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        if not (math.isfinite(dequantise) and dequantise >= 0):
            raise ParameterError(f"dequantise must be 0 or more, but is {dequantise}.")
        if not (math.isfinite(noise) and noise >= 0):
            raise ParameterError(f"noise must be 0 or more, but is {noise}.")
        self.dequantise, self.noise = float(dequantise), float(noise)
        floors = self.target_transform.forward(np.zeros((1, 1, 1, len(self.target)), np.float32))
        below = ops.convert_to_numpy(self.target_transform.inverse(floors - 1.0))
        # a transform that clips gives the same for all that is below its floor
        self._floors = np.where(below == 0.0, ops.convert_to_numpy(floors), -np.inf).astype(np.float32)
        if self.dequantise and np.isfinite(self._floors).any():
            self.likelihood = "bound"
        self._graphs = {}

    # ------------------------------------------------------------------ what a family writes

    def forward(self, target, source, training=False):
        """(z, ln |det dz/dtarget| (B,)): network-space target and source to standard normal z of the target's shape."""
        raise NotImplementedError

    def inverse(self, z, source):
        """The network-space target of latents z."""
        raise NotImplementedError

    # ------------------------------------------------------------------ density

    def density(self, target, source, training=False):
        """ln p(target | source) of each image (B,) in network space, as a pure function: for gradients and graphs."""
        z, log_det = self.forward(target, source, training)
        return ops.sum(-0.5 * ops.square(z) - 0.5 * math.log(2 * math.pi), axis=(1, 2, 3)) + log_det

    def network_loss(self, target, source, training):
        """Negative log-likelihood (or its bound) in nats per pixel and channel; validation noise is always the same."""
        target, log_noise = self._dequantised(target, self.seed_generator if training else self.seed)
        if self.noise:
            seed = self.seed_generator if training else self.seed + 1
            target = target + self.noise * keras.random.normal(ops.shape(target), seed=seed)
        return -(self.density(target, source, training) - log_noise) / math.prod(ops.shape(target)[1:])

    def network_log_prob(self, target, source):
        """ln p(target | source) (B,); its bound where noise was put at the floor."""
        target, noise = self._dequantised(target, self.seed)
        return ops.convert_to_tensor(self._in_chunks(self.density, target, source)) - noise

    def log_prob(self, target, source) -> np.ndarray:
        """ln p(target | source) per image (B,), in nats, in the physical units of `target`.

        A density, with the transform's log-determinant included. Where `likelihood` is "bound", a lower bound of that,
        in which the pixels at the floor count by their probability instead (see `Flow`).
        """
        found = super().log_prob(target, source)
        if self.likelihood == "exact":
            return found
        target = as_batch(target, self.target, "target", self.stride)
        slopes = ops.where(self._at_floor(self.encode(target, "target")), self.target_transform.log_slope(target), 0.0)
        return found - ops.convert_to_numpy(ops.sum(slopes, axis=(1, 2, 3)))

    def _at_floor(self, target):
        return target <= self._floors + 1e-5

    def _dequantised(self, target, seed):
        """Target with noise below the floor, and ln of the density of that noise (B,)."""
        if self.likelihood == "exact":
            return target, 0.0
        empty = self._at_floor(target)
        size = ops.abs(keras.random.normal(ops.shape(target), seed=seed))
        log_noise = 0.5 * math.log(2 / math.pi) - math.log(self.dequantise) - 0.5 * ops.square(size)
        noisy = ops.where(empty, target - self.dequantise * size, target)
        return noisy, ops.sum(ops.where(empty, log_noise, 0.0), axis=(1, 2, 3))

    # ------------------------------------------------------------------ samples and latents

    def draw(self, source, noise, *, temperature=1.0, denoise=True) -> np.ndarray:
        """Noise through the inverse of the flow.

        Args:
            temperature: deviation of the noise; 1 for samples of p(target | source), less for smoother, likelier maps.
            denoise: take the training's `noise` out of the sample.
        """
        if not (math.isfinite(temperature) and temperature >= 0):
            raise ParameterError(f"temperature must be 0 or more, but is {temperature}.")
        z = noise.normal((*source.shape[1:3], len(self.target))) * np.float32(temperature)
        drawn = self._in_chunks(self.inverse, z, source)
        return self._in_chunks(self.cleaned, drawn, source) if denoise and self.noise else drawn

    def cleaned(self, target, source):
        """The expected map without the training's `noise`, of network-space maps with it (Tweedie's formula)."""
        score, _ = gradient(lambda x: (self.density(x, source), ()), target)
        return target + self.noise**2 * score

    def to_latent(self, target, source) -> np.ndarray:
        """The noise z (B, H, W, T), float32, that `from_latent` and `sample` turn into `target`, given `source`.

        (`encode` is taken: it brings physical maps to network space.) Standard normal, white noise where the flow is
        right. Exact for maps above the floor; at the floor, noise is added first.

        Args:
            target, source: maps in physical units, in any form that `sample` takes.
        """
        source = self.encode(as_batch(source, self.source, "source", self.stride), "source")
        target = self.encode(as_batch(target, self.target, "target", self.stride), "target")
        with self.averaged_weights():
            return self._in_chunks(self._latent, self._dequantised(target, self.seed)[0], source)

    def from_latent(self, z, source) -> np.ndarray:
        """Maps (B, H, W, T) in physical units of noise z: the inverse of `to_latent`. Mix two z to go between maps."""
        source = self.encode(as_batch(source, self.source, "source", self.stride), "source")
        if tuple(z.shape) != (*source.shape[:3], len(self.target)):
            raise ParameterError(
                f"z must have shape {(*source.shape[:3], len(self.target))}, but has {tuple(z.shape)}."
            )
        with self.averaged_weights():
            inner = self._in_chunks(self.inverse, z, source)
        return ops.convert_to_numpy(self.target_transform.inverse(inner))

    def _latent(self, target, source):
        return self.forward(target, source)[0]

    def _in_chunks(self, function, x, source) -> np.ndarray:
        """`function` (x, source) compiled, for each size of maps anew: positions and masks depend on it."""
        graph = self._graphs.setdefault((function.__name__, *x.shape[1:3]), compiled(function, self))
        parts = [graph(x[i : i + CHUNK], source[i : i + CHUNK]) for i in range(0, len(x), CHUNK)]
        return np.concatenate([ops.convert_to_numpy(part) for part in parts])

    def get_config(self):
        return {**super().get_config(), "dequantise": self.dequantise, "noise": self.noise}
