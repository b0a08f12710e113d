"""ln p of maps under a flow dx/dt = v(x, t) from data to a known density (instantaneous change of variables).

d ln p / dt = -div v along the flow (Chen et al. 2018, arXiv:1806.07366). The divergence is e^T (dv/dx) e averaged over
random signs e, which is right on average (Hutchinson 1990; Grathwohl et al. 2019, arXiv:1810.01367). Fresh signs at
every step average its noise down along the way. Networks run in float32, everything here is float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from keras import ops

from ..errors import check_positive
from .backend import gradient
from .noise import RowNoise
from .ode_solvers import runge_kutta

__all__ = ["flow_log_prob", "flow_of_denoiser", "in_chunks", "log_normal", "probed", "with_trace"]


def flow_log_prob(flow: Callable, x, times: np.ndarray, log_prior: Callable) -> np.ndarray:
    """ln p(x) of each image (n,), float64.

    Args:
        flow: (x (n, ...) float64, time) -> (velocity (n, ...), its divergence (n,)).
        x: (n, ...) maps at times[0].
        times: (steps + 1,) from the data to the known density; the method of Runge and Kutta, four calls a step.
        log_prior: x at times[-1] -> ln p there (n,).
    """
    x = np.asarray(x, np.float64)

    def velocity(state, time):
        speed, divergence = flow(state[:, :-1].reshape(x.shape), time)
        return np.concatenate([np.reshape(speed, (len(x), -1)), np.reshape(divergence, (-1, 1))], axis=1)

    start = np.concatenate([x.reshape(len(x), -1), np.zeros((len(x), 1))], axis=1)
    end = runge_kutta(velocity, start, times)
    return log_prior(end[:, :-1].reshape(x.shape)) + end[:, -1]


def flow_of_denoiser(denoise: Callable) -> Callable:
    """The straight flow z(t) = t y + (1 - t) n = t x of a denoiser, for `flow_log_prob`; sigma = (1 - t) / t.

    `denoise`: (x, sigma) -> (D, trace of dD/dx (n,)). On this path a Gaussian's ODE is smooth at all levels.
    """

    def flow(z, time):
        value, trace = denoise(z / time, (1.0 - time) / time)
        return (value - z) / (1.0 - time), (trace / time - z[0].size) / (1.0 - time)

    return flow


def log_normal(x: np.ndarray, mean=0.0, std: float = 1.0) -> np.ndarray:
    """ln N(x; mean, std^2) of each image (n,)."""
    residual = ((x - mean) / std).reshape(len(x), -1)
    return -0.5 * np.sum(residual**2, axis=1) - residual.shape[1] * (0.5 * np.log(2 * np.pi) + np.log(std))


def with_trace(function: Callable, x, signs):
    """function(x) and, for each image, the estimate e^T J e of the trace of its Jacobian: (n, ...), (n,).

    `signs` e, like `x`, are random signs. A forward and a backward pass.
    """

    def along(x):
        value = function(x)
        return value * signs, value

    slope, value = gradient(along, x)
    return value, ops.sum(slope * signs, axis=tuple(range(1, len(x.shape))))


def probed(traced: Callable, noise: RowNoise, probes: int) -> Callable:
    """(x (n, ...), level, source) -> (value, trace), numpy, of a graph `traced` of `with_trace`.

    The trace is the mean over `probes` estimates, with new signs at each call. `level` is a number.
    """
    check_positive("probes", probes)
    streams = itertools.count()

    def function(x, level, source):
        arguments = x.astype(np.float32), np.full(len(x), level, np.float32), source
        found = []
        for _ in range(probes):
            signs = np.where(noise.uniform(x.shape[1:], stream=next(streams)) < 0.5, -1.0, 1.0).astype(np.float32)
            found.append([ops.convert_to_numpy(each) for each in traced(*arguments, signs)])
        return found[0][0], np.mean([trace for _, trace in found], axis=0, dtype=np.float64)

    return function


def in_chunks(function: Callable, target, source, seed: int, chunk: int) -> np.ndarray:
    """function(target, source, noise) of `chunk` images at a time, as one array (n, ...).

    Image number i has the random stream i, whatever the chunk. The last pass is filled up: one graph serves all.
    """
    target, source = ops.convert_to_numpy(target), ops.convert_to_numpy(source)
    n, parts = len(target), []
    chunk = min(chunk, n)
    for start in range(0, n, chunk):
        rows = np.minimum(np.arange(start, start + chunk), n - 1)
        parts.append(function(target[rows], source[rows], RowNoise(seed, rows, np.zeros(chunk, int))))
    return np.concatenate(parts)[:n]
