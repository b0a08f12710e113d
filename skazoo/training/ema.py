"""Averages of the weights over the last part of training, whatever its length.

The power-function average of Karras et al. 2024 (arXiv:2312.02696, section 3.1) after step t has the profile
p(tau) ~ (tau / t)^gamma over the steps tau <= t, and the recursion

    average <- beta average + (1 - beta) weights,   beta = (1 - 1/t)^(gamma + 1).

Its width is a fixed fraction of the training so far (`length`, their sigma_rel), so nothing needs tuning to the
number of steps: 0.1 suits most runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError

__all__ = ["WeightAverage", "combine_averages", "power_of_length"]

LONGEST = 12**-0.5  # gamma = 0, the plain mean of all steps: the deviation of a flat profile


def power_of_length(length: float) -> float:
    """gamma of the profile whose standard deviation is `length` of the training so far (arXiv:2312.02696, app. C)."""
    if not 0.0 < length < LONGEST:
        raise ParameterError(f"the length of a weight average lies between 0 and {LONGEST:.3f}, but is {length}.")
    return float(np.roots([1.0, 7.0, 16.0 - length**-2.0, 12.0 - length**-2.0]).real.max())


@keras.saving.register_keras_serializable(package="skazoo")
class WeightAverage(keras.layers.Layer):
    """One or more power-function averages of the weights of a model, as state that `fit` carries along.

    It updates inside the training step, on every backend and under `tf.distribute`, and is saved and restored
    with the model. Its weights lag one step: an update sees the weights before the optimizer's move. Weights that did
    not move since the last update count once: a step that loss scaling skips, or one that only accumulates gradients,
    leaves average and count as they are, bit by bit.

    Args:
        lengths: fractions of the training so far; the first one is what gets published.
    """

    def __init__(self, lengths: Sequence[float] = (0.1,), **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32", "autocast": False, **kwargs})
        self.lengths = tuple(float(length) for length in lengths)
        self.powers = tuple(power_of_length(length) for length in self.lengths)
        self.count, self.mark, self.tracks, self.lent = None, None, [], False

    def follow(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Make room for weights of these shapes; once, before training."""
        self.count = self._make((), "count")
        # by the sums of all weights a step that changed nothing is known, whatever the optimizer and the backend
        self.mark = self._make((len(shapes),), "mark", np.nan)
        self.tracks = [
            [self._make(shape, f"average_{track}_{i}") for i, shape in enumerate(shapes)]
            for track in range(len(self.lengths))
        ]
        self.built = True

    def update(self, variables: Sequence[keras.Variable]) -> None:
        """Take the present values of `variables` in; callable inside a compiled training step."""
        values = [ops.stop_gradient(ops.cast(ops.convert_to_tensor(each), "float32")) for each in variables]
        mark = ops.stack([ops.sum(value) for value in values])
        moved = ops.cast(ops.any(ops.not_equal(mark, ops.convert_to_tensor(self.mark))), "float32")
        step = ops.add(self.count, 1.0)
        for power, track in zip(self.powers, self.tracks, strict=True):
            share = moved * (1.0 - ops.power(1.0 - 1.0 / step, power + 1.0))
            for average, value in zip(track, values, strict=True):
                present = ops.convert_to_tensor(average)
                average.assign(present + share * (value - present))
        self.count.assign(ops.add(self.count, moved))
        self.mark.assign(mark)

    @property
    def started(self) -> bool:
        """Whether there is anything to publish."""
        return self.count is not None and float(ops.convert_to_numpy(self.count)) > 0

    def exchange(self, variables: Sequence[keras.Variable], track: int = 0) -> None:
        """Swap the values of `variables` and of one average; a second call swaps them back."""
        for average, variable in zip(self.tracks[track], variables, strict=True):
            present = ops.convert_to_numpy(variable)
            variable.assign(ops.convert_to_numpy(average))
            average.assign(present)

    @contextlib.contextmanager
    def in_use(self, variables: Sequence[keras.Variable]) -> Iterator[None]:
        """Inside, `variables` hold the published average; afterwards they are back. May be nested."""
        if self.lent:
            yield
            return
        self.exchange(variables)
        self.lent = True
        try:
            yield
        finally:
            self.lent = False
            self.exchange(variables)

    def save_own_variables(self, store):
        if self.count is None:
            return
        store["count"], store["mark"] = self.count, self.mark
        for t, track in enumerate(self.tracks):
            for i, average in enumerate(track):
                store[f"{t}/{i}"] = average

    def load_own_variables(self, store):
        if "count" not in store.keys():  # weights that were published without their averages
            if self.count is not None:
                self.count.assign(0.0)
                self.mark.assign(np.full(self.mark.shape, np.nan, np.float32))
            return
        if self.count is None:
            several = sorted(int(key.split("/")[1]) for key in store.keys() if key.startswith("0/"))
            self.follow([tuple(store[f"0/{i}"].shape) for i in several])
        self.count.assign(store["count"])
        self.mark.assign(store["mark"])
        for t, track in enumerate(self.tracks):
            for i, average in enumerate(track):
                average.assign(store[f"{t}/{i}"])

    def get_config(self):
        return {**super().get_config(), "lengths": list(self.lengths)}

    def _make(self, shape, name, value=0.0):
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            name=name,
            dtype="float32",
            autocast=False,
            aggregation="only_first_replica",
        )


def combine_averages(steps: Sequence[float], lengths: Sequence[float], step: float, length: float) -> np.ndarray:
    """Coefficients that make the average of another `length` out of stored ones, after training.

    Least squares between profiles (arXiv:2312.02696, section 3.2): with snapshots i taken after `steps[i]` of
    averages of `lengths[i]`, the weights sum_i c_i snapshot_i approximate the average of `length` after `step`.

    Returns: (n,) float64 coefficients c.
    """
    steps, powers = np.asarray(steps, float), np.array([power_of_length(each) for each in lengths])
    power = power_of_length(length)
    gram = _overlap(steps[:, None], powers[:, None], steps[None], powers[None])
    return np.linalg.lstsq(gram, _overlap(steps, powers, step, power), rcond=None)[0]


def _overlap(t_a, power_a, t_b, power_b):
    """Integral of the product of two profiles p(tau) = (gamma + 1) tau^gamma / t^(gamma + 1), 0 < tau < t."""
    first, power_first = np.minimum(t_a, t_b), np.where(t_a <= t_b, power_b, power_a)
    late = np.maximum(t_a, t_b)
    # the later profile, cut at the earlier end, is a factor (first / late)^power_of_the_later
    return (power_a + 1) * (power_b + 1) / (power_a + power_b + 1) / late * (first / late) ** power_first
