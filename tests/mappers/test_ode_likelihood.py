"""Likelihoods along flows that are known, and the estimate of the trace."""

import numpy as np
import pytest
from keras import ops

from skazoo.mappers.noise import RowNoise
from skazoo.mappers.noise_levels import central_levels
from skazoo.mappers.ode_likelihood import (
    flow_log_prob,
    flow_of_denoiser,
    in_chunks,
    log_normal,
    probed,
    with_trace,
)

DIMENSIONS = 400


@pytest.mark.parametrize("spread", [0.03, 0.3, 1.0, 3.0])
def test_gaussians_by_their_denoiser_and_by_their_velocity(spread):
    x = 0.2 + spread * np.random.default_rng(0).normal(size=(2, DIMENSIONS))
    exact = log_normal(x, 0.2, spread)

    def denoise(x, sigma):
        slope = spread**2 / (spread**2 + sigma**2)
        return 0.2 + slope * (x - 0.2), np.full(len(x), DIMENSIONS * slope)

    sigmas = central_levels(17, 0.002, 80.0)[-2::-1]
    far, near = 1 / (1 + sigmas[-1]), 1 / (1 + sigmas[0])
    found = flow_log_prob(
        flow_of_denoiser(denoise), near * x, 1 / (1 + sigmas), lambda z: log_normal(z, 0.0, far * sigmas[-1])
    )
    assert np.allclose(
        (found + DIMENSIONS * np.log(near)) / DIMENSIONS, exact / DIMENSIONS, atol=3e-3 if spread < 0.1 else 1e-3
    )

    def flow(z, t):
        slope = (t * spread**2 - (1 - t)) / (t**2 * spread**2 + (1 - t) ** 2)
        return 0.2 + slope * (z - 0.2 * t), np.full(len(z), DIMENSIONS * slope)

    times = np.append(1 / (1 + central_levels(16)[:0:-1]), 0.0)
    found = flow_log_prob(flow, x, times, log_normal)
    assert np.allclose(found / DIMENSIONS, exact / DIMENSIONS, atol=1e-3)


def test_trace_is_right_on_average():
    """A function that mixes pixels: x -> tanh(A x); the trace of its Jacobian is sum of A_ii (1 - tanh^2)."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6, 6)).astype(np.float32)
    x = rng.normal(size=(3, 6)).astype(np.float32)

    def function(x):
        return ops.tanh(x @ ops.array(matrix.T))

    def traced(x, level, source, signs):
        assert np.all(np.abs(signs) == 1.0)
        return with_trace(function, ops.array(x), ops.array(signs))

    exact = np.sum(np.diag(matrix) * (1 - np.tanh(x @ matrix.T) ** 2), axis=1)
    value, trace = probed(traced, RowNoise(0, range(3), [0] * 3), 400)(x, 1.0, None)
    assert np.allclose(value, np.tanh(x @ matrix.T), atol=1e-5)
    single = [probed(traced, RowNoise(seed, range(3), [0] * 3), 1)(x, 1.0, None)[1] for seed in range(50)]
    assert np.all(np.abs(trace - exact) < 4 * np.std(single, axis=0) / 20)
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 6)).reshape(6, -1).T.astype(np.float32)  # all 64: no noise left
    every = with_trace(function, ops.array(np.repeat(x[:1], 64, 0)), ops.array(signs))[1]
    assert np.mean(ops.convert_to_numpy(every)) == pytest.approx(exact[0], abs=1e-5)


def test_chunks_do_not_change_what_an_image_sees():
    target, source = np.arange(5.0), np.arange(5.0) + 10

    def function(target, source, noise):
        assert len(target) == 2
        return target + source + noise.normal(())

    found = in_chunks(function, target, source, 0, 2)
    assert np.allclose(found, in_chunks(lambda t, c, n: t + c + n.normal(()), target, source, 0, 5))
