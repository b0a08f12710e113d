"""One pass of an autoregressive flow: each token is shifted and scaled as a transformer of those before it says."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .bijection import Bijection
from .causal_transformer import CausalTransformer
from .elementwise import transform_numbers, transformed, untransformed
from .invertible_conv import InvertibleConv

__all__ = ["AutoregressiveFlow"]


@keras.saving.register_keras_serializable(package="skazoo")
class AutoregressiveFlow(Bijection):
    """x (B, N, D) -> M f(x_i), the parameters of f a function of x_0 ... x_(i-1) and of all conditions up to i.

    After arXiv:2412.06329 (TarFlow), whose f is affine; see `transform_numbers`. Beyond it, M is a learned invertible
    matrix, the same for all tokens: f alone treats the D numbers of a token as independent given the earlier tokens.
    The last layer starts at zero and M near the identity, and so does the whole.

    Args:
        dim: D, numbers in a token.
        features: of the condition (B, N, features) of each token.
        width: features inside the transformer.
        layers, heads, expansion, dropout: of the transformer.
        transform, bins: "affine" or "spline", and the bins of that.
        backward: go through the tokens from the last to the first.
        bound: largest |s| of f.
        seed: of the initial weights.
    """

    def __init__(
        self,
        dim: int,
        features: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        expansion: int = 4,
        dropout: float = 0.0,
        transform: str = "affine",
        bins: int = 8,
        backward: bool = False,
        bound: float = 4.0,
        seed: int = 0,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.dim, self.features, self.backward, self.bound = dim, features, backward, bound
        inner = dict(layers=layers, heads=heads, expansion=expansion, dropout=dropout)
        self.arguments = dict(width=width, **inner, transform=transform, bins=bins, seed=seed)
        self.numbers = transform_numbers(transform, bins)
        glorot = [keras.initializers.GlorotUniform(seed=101 * seed + i) for i in range(2)]
        # not zero: where the condition is nothing, the transformer would normalise a zero vector, and gradients blow up
        start = keras.initializers.RandomNormal(stddev=width**-0.5, seed=101 * seed + 2)
        self.start = self.add_weight(shape=(width,), initializer=start, name="start")
        self.token = self.add_weight(shape=(dim, width), initializer=glorot[0], name="token")
        self.condition = self.add_weight(shape=(features, width), initializer=glorot[1], name="condition")
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
        self.kernel = self.add_weight(shape=(width, self.numbers * dim), initializer="zeros", name="kernel")
        self.kernel_bias = self.add_weight(shape=(self.numbers * dim,), initializer="zeros", name="kernel_bias")
        self.transformer = CausalTransformer(width, **inner, seed=seed, dtype=self.hidden_policy)
        self.mix = InvertibleConv(dim, swap=False, deviation=0.01, seed=seed, dtype=self.hidden_policy)
        self.built = True

    def forward(self, x, features, positions, training=False):
        """`positions`: (N, 2) numpy, where each token is."""
        x, features, positions = self._ordered(x), self._ordered(features), self._ordered(positions)
        start = ops.broadcast_to(ops.convert_to_tensor(self.start), (ops.shape(x)[0], 1, self.start.shape[0]))
        before = ops.concatenate([start, ops.matmul(x[:, :-1], self.token)], axis=1)
        inputs = before + ops.matmul(features, self.condition) + self.bias
        hidden = self.transformer.full(inputs, positions, _shifted(positions), training=training)
        z, log_slope = transformed(x, self._parameters(hidden), self.bound)
        z, log_det = self.mix.forward(z)
        return self._ordered(z), log_det + ops.sum(log_slope, axis=(1, 2))

    def inverse(self, z, features, positions):
        """Token after token, in a loop that compiles."""
        z, features, positions = self._ordered(self.mix.inverse(z)), self._ordered(features), self._ordered(positions)
        condition = ops.transpose(ops.matmul(features, self.condition) + self.bias, (1, 0, 2))
        batch, length = ops.shape(z)[0], z.shape[1]
        z = ops.transpose(z, (1, 0, 2))
        where, seen_at = ops.convert_to_tensor(positions), ops.convert_to_tensor(_shifted(positions))

        def body(index, carried):
            x, before, cache = carried
            token = before + condition[index]
            hidden, cache = self.transformer.step(token, cache, index, where[index], seen_at[index])
            found = untransformed(z[index], self._parameters(hidden), self.bound)
            x = ops.slice_update(x, (index, 0, 0), found[None])
            return x, ops.matmul(found, self.token), cache

        start = ops.broadcast_to(ops.convert_to_tensor(self.start), (batch, self.start.shape[0]))
        begin = (ops.zeros_like(z), start, self.transformer.empty_cache(batch, length))
        x, _, _ = ops.fori_loop(0, length, body, begin)
        return self._ordered(ops.transpose(x, (1, 0, 2)))

    def _parameters(self, hidden):
        raw = ops.matmul(ops.cast(hidden, self.compute_dtype), self.kernel) + self.kernel_bias
        return ops.reshape(raw, (-1, *hidden.shape[1:-1], self.dim, self.numbers))

    def _ordered(self, x):
        if not self.backward:
            return x
        return x[::-1] if isinstance(x, np.ndarray) else ops.flip(x, axis=1)

    def get_config(self):
        own = {"dim": self.dim, "features": self.features, "backward": self.backward, "bound": self.bound}
        return {**super().get_config(), **self.arguments, **own}


def _shifted(positions):
    """Where the token before each one is: what input i holds."""
    return np.concatenate([positions[:1], positions[:-1]])
