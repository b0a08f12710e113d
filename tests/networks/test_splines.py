"""Rational-quadratic splines against finite differences."""

import numpy as np
from keras import ops

from skazoo.networks import rational_quadratic


def spline(x, raw, **arguments):
    found = rational_quadratic(ops.convert_to_tensor(x), ops.convert_to_tensor(raw), **arguments)
    return [ops.convert_to_numpy(each) for each in (found if isinstance(found, tuple) else [found])]


def test_zero_parameters_are_the_identity():
    x = np.linspace(-6, 6, 101).astype(np.float32)
    y, log_slope = spline(x, np.zeros((101, 23), np.float32))
    assert np.allclose(y, x, atol=1e-5) and np.allclose(log_slope, 0, atol=1e-5)


def test_slope_monotony_ends_and_inverse():
    rng = np.random.default_rng(0)
    x = np.linspace(-5, 5, 4001).astype(np.float32)
    for _ in range(3):
        raw = np.tile(1.5 * rng.normal(size=14), (len(x), 1)).astype(np.float32)
        y, log_slope = spline(x, raw, bound=3.0)
        assert np.all(np.diff(y) > 0)
        assert np.array_equal(y[np.abs(x) > 3], x[np.abs(x) > 3])
        # the integral of the slope is the rise (knots have no second derivative, so no pointwise differences)
        rise = np.concatenate([[0], np.cumsum(0.5 * (np.exp(log_slope[1:]) + np.exp(log_slope[:-1])) * np.diff(x))])
        assert np.allclose(y - y[0], rise, atol=2e-3)
        assert np.allclose(spline(y, raw, bound=3.0, inverse=True)[0], x, atol=1e-4)
