"""From continuous features to a finite vocabulary and back: by a learned codebook, or by rounding.

Both quantisers have the same face: `call` gives quantised vectors through which gradients pass, their numbers in the
vocabulary, and a penalty; `vectors` turns numbers back. All of it is float32, whatever the policy around.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive

__all__ = ["FiniteScalarQuantiser", "VectorQuantiser", "codes_in_use"]


def codes_in_use(numbers, vocabulary: int):
    """How many of the vocabulary `numbers` (integers of any shape) use: exp(entropy) of their histogram, 1 at least."""
    flat = ops.reshape(numbers, (-1,))
    counts = ops.segment_sum(ops.ones_like(flat, dtype="float32"), flat, num_segments=vocabulary)
    share = counts / ops.sum(counts)
    return ops.exp(-ops.sum(share * ops.log(ops.maximum(share, 1e-12))))


@keras.saving.register_keras_serializable(package="skazoo")
class FiniteScalarQuantiser(keras.layers.Layer):
    """Each feature is squashed by a tanh and rounded to a few levels (FSQ, arXiv:2309.15505): no codebook to collapse.

    The vocabulary is all combinations of levels; vectors lie in [-1, 1]. Gradients pass the rounding unchanged.

    Args:
        levels: of each feature, 2 or more; their product is the vocabulary.
    """

    def __init__(self, levels=(8, 5, 5, 5), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        if not levels or min(levels) < 2:
            raise ParameterError(f"levels must be 2 or more for each feature, but are {levels}.")
        self.levels, self.dim, self.vocabulary = tuple(levels), len(levels), math.prod(levels)
        counts = np.asarray(levels, np.float64)
        self._steps = np.asarray(levels) // 2  # half the number of steps, rounded up: the unit of a vector
        reach = 0.5 * (counts - 1.0) * 1.001  # tanh must be able to reach the outermost level
        offset = np.where(counts % 2 == 0, 0.5, 0.0)  # even: round to whole numbers from -n / 2 to n / 2 - 1
        self._reach, self._offset = reach.astype(np.float32), offset.astype(np.float32)
        # so that 0 is not moved; but of two levels one lies at 0, out where tanh is flat: their border is there instead
        self._shift = np.arctanh(np.where(counts == 2, 0.0, offset / reach)).astype(np.float32)
        self._basis = np.cumprod([1, *levels[:-1]])
        self.built = True

    def call(self, features, training=False):
        """(vectors (..., dim), numbers (...) int32, penalty 0.0) of features (..., dim)."""
        bounded = ops.tanh(features + self._shift) * self._reach - self._offset
        digits = ops.stop_gradient(ops.round(bounded))
        vectors = (bounded + ops.stop_gradient(digits - bounded)) / self._steps
        places = ops.clip(ops.cast(digits + self._steps, "int32"), 0, np.asarray(self.levels) - 1)  # NaN too
        number = ops.sum(places * ops.cast(self._basis, "int32"), axis=-1)
        return vectors, number, 0.0

    def vectors(self, numbers):
        """The vectors (..., dim) of numbers (...)."""
        digits = ops.floor_divide(ops.cast(numbers, "int32")[..., None], ops.cast(self._basis, "int32"))
        digits = ops.mod(digits, ops.cast(np.asarray(self.levels), "int32"))
        return ops.cast(digits - ops.cast(self._steps, "int32"), "float32") / self._steps

    def get_config(self):
        return {**super().get_config(), "levels": list(self.levels)}


@keras.saving.register_keras_serializable(package="skazoo")
class VectorQuantiser(keras.layers.Layer):
    """The nearest of so many learned vectors (VQ-VAE, arXiv:1711.00937), each a running mean of what comes to it.

    The codebook is state, not trained weights (appendix A.1 there): counts and sums of the features that choose a code
    are averaged over batches. A code that nobody chose for long is put on a feature of the present batch; so are all
    in the first batch, but for the first code, which gets the mean. Gradients pass to the features as if nothing were
    between.

    Args:
        vocabulary: number of codes.
        dim: features of a code.
        commitment: weight of the penalty that draws features to their codes.
        decay: share of the past in the averages.
        dead: average count a batch below which a code is put elsewhere.
    """

    def __init__(self, vocabulary=512, dim=4, commitment=0.25, decay=0.99, dead=0.03, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        check_positive("commitment", commitment)
        if vocabulary < 2 or dim < 1 or not 0.0 < decay < 1.0 or not 0.0 <= dead < 1.0:
            raise ParameterError(
                "a codebook needs two codes or more, with decay and dead between 0 and 1, but got "
                f"vocabulary={vocabulary}, dim={dim}, decay={decay}, dead={dead}."
            )
        self.vocabulary, self.dim = int(vocabulary), int(dim)
        self.commitment, self.decay, self.dead = float(commitment), float(decay), float(dead)
        self.codebook = self._state((self.vocabulary, self.dim), "codebook")
        self.sums = self._state((self.vocabulary, self.dim), "sums")
        self.counts = self._state((self.vocabulary,), "counts")
        self.built = True

    def call(self, features, training=False):
        """(vectors (..., dim), numbers (...) int32, penalty (...)) of features (..., dim); in training it learns."""
        number = self.nearest(features)
        chosen = ops.stop_gradient(self.vectors(number))
        penalty = self.commitment * ops.mean(ops.square(features - chosen), axis=-1)
        if training:
            self.update(ops.stop_gradient(features), number)
        return features + ops.stop_gradient(chosen - features), number, penalty

    def nearest(self, features):
        """The number of the code at the least distance."""
        codes = ops.convert_to_tensor(self.codebook)
        distance = ops.sum(ops.square(codes), axis=-1) - 2.0 * ops.matmul(features, ops.transpose(codes))
        return ops.cast(ops.argmin(distance, axis=-1), "int32")

    def vectors(self, numbers):
        """The vectors (..., dim) of numbers (...)."""
        return ops.take(ops.convert_to_tensor(self.codebook), numbers, axis=0)

    def update(self, features, numbers) -> None:
        """Let the features of a batch, which chose the codes `numbers`, move these."""
        flat, chosen = ops.reshape(features, (-1, self.dim)), ops.reshape(numbers, (-1,))
        ones = ops.ones_like(chosen, dtype="float32")
        arrived = ops.segment_sum(ones, chosen, num_segments=self.vocabulary)
        total = ops.segment_sum(flat, chosen, num_segments=self.vocabulary)
        counts = self.decay * self.counts + (1.0 - self.decay) * arrived
        sums = self.decay * self.sums + (1.0 - self.decay) * total
        # evenly through the batch, without chance: the same run gives the same codebook
        place = ops.arange(self.vocabulary, dtype="int32") * 7919 % ops.shape(flat)[0]
        there, gone = ops.take(flat, place, axis=0), counts < self.dead
        counts = ops.where(gone, 1.0, counts)
        sums = ops.where(gone[:, None], there, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(sums / counts[:, None])

    def _state(self, shape, name):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name, aggregation="mean")

    def get_config(self):
        own = {"vocabulary": self.vocabulary, "dim": self.dim, "commitment": self.commitment}
        return {**super().get_config(), **own, "decay": self.decay, "dead": self.dead}
