"""Weight averages against their definition."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.training import WeightAverage, combine_averages, power_of_length


def profile(steps, t, length):
    """The continuous profile p(tau) ~ (tau / t)^gamma over steps 1 ... t."""
    power = power_of_length(length)
    tau = np.arange(steps + 1)
    return np.diff(np.minimum(tau / t, 1.0) ** (power + 1))


def walk(steps, seed=0):
    return np.cumsum(np.random.default_rng(seed).normal(size=(steps, 5)), axis=0).astype(np.float32)


def follow(weights, lengths):
    average, variable = WeightAverage(lengths), keras.Variable(np.zeros(5, np.float32))
    average.follow([(5,)])
    for value in weights:
        variable.assign(value)
        average.update([variable])
    return average, variable


@pytest.mark.parametrize("length", [0.05, 0.1, 0.2])
def test_length_is_the_relative_width_of_the_profile(length):
    t = 4000
    tau, share = (np.arange(t) + 0.5) / t, profile(t, t, length)
    assert share.sum() == pytest.approx(1.0)
    deviation = np.sqrt((share * tau**2).sum() - (share * tau).sum() ** 2)
    assert deviation == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize("length", [0.05, 0.1])
def test_recursion_is_the_weighted_mean_of_all_steps(length):
    weights = walk(300)
    average, _ = follow(weights, [length])
    power = power_of_length(length)
    keep = (1.0 - 1.0 / np.arange(1, 301)) ** (power + 1)
    exact = np.zeros(5)
    for beta, value in zip(keep, weights, strict=True):
        exact = beta * exact + (1 - beta) * value
    found = ops.convert_to_numpy(average.tracks[0][0])
    assert np.allclose(found, exact, atol=1e-4)
    telescoped = profile(300, 300, length) @ weights  # (1 - 1/t) ... (1 - 1/(tau + 1)) = tau / t
    assert np.abs(found - telescoped).max() < 1e-4


def test_first_update_copies_and_constant_weights_stay():
    average, _ = follow(np.full((7, 5), 3.25, np.float32), [0.1])
    assert np.array_equal(ops.convert_to_numpy(average.tracks[0][0]), np.full(5, 3.25))


def test_exchange_twice_is_nothing():
    average, variable = follow(walk(20), [0.1, 0.2])
    before = ops.convert_to_numpy(variable).copy(), ops.convert_to_numpy(average.tracks[1][0]).copy()
    average.exchange([variable], track=1)
    assert np.array_equal(ops.convert_to_numpy(variable), before[1])
    assert np.array_equal(ops.convert_to_numpy(average.tracks[1][0]), before[0])
    average.exchange([variable], track=1)
    assert np.array_equal(ops.convert_to_numpy(variable), before[0])


def test_another_length_can_be_made_after_training():
    """Snapshots of two averages along a random walk give a third that was never stored (post-hoc averaging)."""
    weights = walk(2000)
    stored = (0.05, 0.15)
    times = np.arange(250, 2001, 250)
    snapshots = np.array([profile(2000, t, length) @ weights for t in times for length in stored])
    steps, lengths = np.repeat(times, 2), np.tile(stored, len(times))
    for wanted in (0.05, 0.08, 0.12):
        made = combine_averages(steps, lengths, 2000, wanted) @ snapshots
        direct = profile(2000, 2000, wanted) @ weights
        assert np.abs(made - direct).max() < 0.02 * weights.std()


def test_state_is_saved_and_restored(tmp_path):
    average, _ = follow(walk(20), [0.1, 0.2])
    store = {}
    average.save_own_variables(store)
    stored = {key: np.array(ops.convert_to_numpy(value)) for key, value in store.items()}
    fresh = WeightAverage([0.1, 0.2])
    fresh.load_own_variables(stored)
    assert fresh.started and float(ops.convert_to_numpy(fresh.count)) == 20
    for ours, theirs in zip(fresh.tracks, average.tracks, strict=True):
        assert np.array_equal(ops.convert_to_numpy(ours[0]), ops.convert_to_numpy(theirs[0]))
    fresh.load_own_variables({})
    assert not fresh.started


@pytest.mark.parametrize("length", [0.0, 0.3, -1.0])
def test_lengths_out_of_range_are_refused(length):
    with pytest.raises(ParameterError):
        WeightAverage([length])
