"""A transformer in which a token sees itself and those before it only: all at once, or one by one with a cache."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError
from .bijection import exact_dtype

__all__ = ["CausalTransformer", "grid_positions"]


def grid_positions(rows: int, columns: int) -> np.ndarray:
    """(rows * columns, 2) row and column of each cell of a grid, row by row, float32."""
    return np.stack(np.mgrid[:rows, :columns], axis=-1).reshape(-1, 2).astype(np.float32)


@keras.saving.register_keras_serializable(package="skazoo")
class CausalTransformer(keras.layers.Layer):
    """tokens (B, N, dim) -> (B, N, dim), in which output i depends on tokens 0 ... i (and on the prefix).

    Blocks of attention and a two-layer network, each after a root-mean-square norm and added to its input; queries and
    keys are normalised too. Positions enter by rotation of queries and keys (arXiv:2104.09864), one half of each head
    for the row and one for the column, so that only distances count and any grid will do. Conditions are added to the
    tokens by the caller, or stand before them as a prefix whose tokens all see each other. Hidden layers follow the
    dtype policy; norms and softmax are float32, and so are input and output.

    `full`, `prefill` and `step` give the same numbers: the first for training, the others for sampling.

    Args:
        dim: features of a token; a multiple of 4 `heads`.
        layers, heads: number of blocks, and of heads in each.
        expansion: hidden features of the two-layer networks, in units of dim.
        dropout: fraction dropped at the end of each branch while training.
        seed: of the initial weights.
    """

    def __init__(self, dim: int, layers: int = 4, heads: int = 4, expansion: int = 4, dropout=0.0, seed=0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if dim % (4 * heads):
            raise ParameterError(f"a token's {dim} features must be a multiple of 4 x {heads} heads.")
        self.dim, self.layers, self.heads, self.expansion = dim, layers, heads, expansion
        self.dropout, self.seed = dropout, seed
        self.exact = exact_dtype(self.dtype_policy)
        self.blocks = []
        for layer in range(layers):
            part = {"seed": seed * 1009 + 10 * layer, "layers": layers}
            self.blocks.append(
                {
                    "norm_1": self._make((dim,), f"norm_1_{layer}"),
                    "inward": self._make((dim, 3 * dim), f"inward_{layer}", **part),
                    "sharpness": self._make((heads,), f"sharpness_{layer}"),
                    "outward": self._make((dim, dim), f"outward_{layer}", **part),
                    "norm_2": self._make((dim,), f"norm_2_{layer}"),
                    "wide": self._make((dim, expansion * dim), f"wide_{layer}", **part),
                    "wide_bias": self._make((expansion * dim,), f"wide_bias_{layer}", zeros=True),
                    "narrow": self._make((expansion * dim, dim), f"narrow_{layer}", **part),
                }
            )
        self.drop = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy) if dropout else None
        n = dim // heads // 4
        self._frequencies = np.geomspace(1.0, 1 / 32, n) if n > 1 else np.ones(1)
        self.built = True

    def full(self, tokens, positions, key_positions=None, prefix: int = 0, training: bool = False):
        """All tokens (B, N, dim) at once.

        Args:
            positions: (N, 2) where each token is.
            key_positions: (N, 2) where it seems to be to those that look at it, if that is elsewhere.
            prefix: the first so many tokens are seen by all.
        """
        return self._run(tokens, positions, key_positions, prefix, training)[0]

    def prefill(self, tokens, positions, length: int, key_positions=None, prefix: int = 0):
        """As `full`, and the cache with room for `length` tokens from which `step` goes on."""
        x, cache = self._run(tokens, positions, key_positions, prefix, False)
        room = [[0, 0], [0, 0], [0, length - tokens.shape[1]], [0, 0]]
        return x, tuple(tuple(ops.pad(part, room) for part in pair) for pair in cache)

    def empty_cache(self, batch: int, length: int):
        """The cache before the first token: for each block keys and values (B, heads, length, depth)."""
        shape = (batch, self.heads, length, self.dim // self.heads)
        return tuple(tuple(ops.zeros(shape, self.compute_dtype) for _ in range(2)) for _ in self.blocks)

    def step(self, token, cache, index, position, key_position=None):
        """Token number `index` (B, dim), at `position` (2,), after those in the cache; (output (B, dim), cache)."""
        turn = self._angles(position[None])
        turn_key = turn if key_position is None else self._angles(key_position[None])
        x, grown = token[:, None], []
        for weights, (keys, values) in zip(self.blocks, cache, strict=True):
            query, key, value = self._project(x, weights, turn, turn_key)
            place = (0, 0, index, 0)
            keys, values = ops.slice_update(keys, place, key), ops.slice_update(values, place, value)
            seen = ops.arange(keys.shape[2]) <= index
            x = self._finish(x, self._attend(query, keys, values, seen[None, :]), weights, False)
            grown.append((keys, values))
        return x[:, 0], tuple(grown)

    def call(self, tokens, positions, training=False):
        return self.full(tokens, positions, training=training)

    def _run(self, tokens, positions, key_positions, prefix, training):
        turn = self._angles(positions)
        turn_key = turn if key_positions is None else self._angles(key_positions)
        number = np.arange(tokens.shape[1])
        seen = ops.convert_to_tensor((number[None, :] <= number[:, None]) | (number[None, :] < prefix))
        x, cache = tokens, []
        for weights in self.blocks:
            query, key, value = self._project(x, weights, turn, turn_key)
            x = self._finish(x, self._attend(query, key, value, seen), weights, training)
            cache.append((key, value))
        return x, cache

    def _project(self, x, weights, turn, turn_key):
        shape = (-1, x.shape[1], 3, self.heads, self.dim // self.heads)
        mixed = ops.reshape(self._linear(self._norm(x, weights["norm_1"]), weights["inward"]), shape)
        query, key, value = (ops.transpose(mixed[:, :, i], (0, 2, 1, 3)) for i in range(3))
        sharpness = ops.reshape(ops.convert_to_tensor(weights["sharpness"]), (-1, 1, 1))
        query = _turned(self._norm(query, sharpness), turn)
        return self._hidden(query), self._hidden(_turned(self._norm(key, 1.0), turn_key)), value

    def _attend(self, query, key, value, seen):
        logits = ops.cast(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))), self.exact)
        logits = ops.where(seen, logits / math.sqrt(query.shape[-1]), -1e9)
        mixed = ops.matmul(self._hidden(ops.softmax(logits, axis=-1)), value)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, query.shape[2], self.dim))

    def _finish(self, x, attended, weights, training):
        def branch(y):
            y = y if self.drop is None else self.drop(y, training=training)
            return ops.cast(y, self.exact)

        x = x + branch(self._linear(attended, weights["outward"]))
        y = self._linear(self._norm(x, weights["norm_2"]), weights["wide"])
        y = ops.gelu(y + self._hidden(ops.convert_to_tensor(weights["wide_bias"])))
        return x + branch(self._linear(y, weights["narrow"]))

    def _norm(self, x, gain):
        x = ops.cast(x, self.exact)
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-6) * gain

    def _linear(self, x, kernel):
        return ops.matmul(self._hidden(x), self._hidden(ops.convert_to_tensor(kernel)))

    def _hidden(self, x):
        return ops.cast(x, self.compute_dtype)

    def _angles(self, positions):
        positions = ops.cast(positions, self.exact)
        frequencies = ops.convert_to_tensor(self._frequencies.astype(self.exact))
        return ops.reshape(positions[:, :, None] * frequencies, (-1, 2 * len(self._frequencies)))

    def _make(self, shape, name, seed=None, layers=1, zeros=False):
        if len(shape) == 1:
            start = "zeros" if zeros else "ones"
        else:  # branches add up: the later the block, the more of them, hence the root of their number
            shrink = 1.0 / math.sqrt(2 * layers) if name.startswith(("outward", "narrow")) else 1.0
            place = ("inward", "outward", "wide", "narrow").index(name.rsplit("_", 1)[0])
            start = keras.initializers.RandomNormal(stddev=shrink / math.sqrt(shape[0]), seed=seed + place)
        return self.add_weight(shape=shape, initializer=start, name=name)

    def get_config(self):
        own = {"dim": self.dim, "layers": self.layers, "heads": self.heads, "expansion": self.expansion}
        return {**super().get_config(), **own, "dropout": self.dropout, "seed": self.seed}


def _turned(x, angles):
    """Pairs of features (first half, second half of the last axis) turned by angles (N, depth / 2)."""
    first, second = ops.split(x, 2, axis=-1)
    cos, sin = ops.cos(angles), ops.sin(angles)
    return ops.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)
