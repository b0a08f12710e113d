"""The pool of earlier maps, by its statistics."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.replay import ReplayBuffer


def stream(size, batches, rows, seed=0):
    """Number every map that goes in; (numbers in, numbers out) of each batch, and the pool."""
    pool, generator = ReplayBuffer(size), keras.random.SeedGenerator(seed)
    pool.follow((1, 1, 1))
    fed, got = [], []
    for batch in range(batches):
        new = np.arange(batch * rows, (batch + 1) * rows, dtype=np.float32) + 1
        fed.append(new)
        got.append(ops.convert_to_numpy(pool.exchange(ops.array(new.reshape(-1, 1, 1, 1)), generator)).ravel())
    return np.array(fed), np.array(got), pool


def test_filling_returns_what_goes_in():
    fed, got, pool = stream(10, 3, 4)
    assert np.array_equal(fed[:2], got[:2])
    assert np.array_equal(got[2], fed[2])  # the third batch fills it up
    assert np.array_equal(ops.convert_to_numpy(pool.pool).ravel(), np.arange(1, 11))
    assert float(ops.convert_to_numpy(pool.count)) == 10


def test_half_are_new_and_the_rest_from_the_pool():
    fed, got, pool = stream(20, 150, 10)
    fed, got = fed[2:], got[2:]
    new = fed == got
    assert new.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(new.size))
    assert np.all(got[~new] < fed[~new])
    old = got[~new]
    assert len(np.unique(old)) == len(old)  # what comes out is gone
    left = ops.convert_to_numpy(pool.pool).ravel()
    assert len(np.unique(left)) == 20 and not np.intersect1d(left, old).size
    age = fed[~new] - old  # each stay ends with probability 1/2 . 1/20 a map
    assert age.mean() == pytest.approx(40, rel=0.15)


def test_seed_decides():
    first, again, other = (stream(6, 30, 4, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_batches_larger_than_the_pool():
    fed, got, pool = stream(3, 50, 8)
    assert np.all(got > 0) and np.all(got <= fed)
    assert np.all(np.isin(ops.convert_to_numpy(pool.pool), fed))


def test_other_sizes_are_refused():
    pool = ReplayBuffer(4)
    pool.follow((8, 8, 1))
    with pytest.raises(ParameterError, match="image_size"):
        pool.exchange(ops.zeros((2, 16, 16, 1)), keras.random.SeedGenerator(0))
