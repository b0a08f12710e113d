"""Diagonal Gaussians given by mean and log-variance; float32 throughout."""

from __future__ import annotations

import math

from keras import ops

__all__ = ["divergence", "log_density", "soft_clipped"]

LARGEST = 7.0  # of a |log-variance|: deviations between 0.03 and 33


def soft_clipped(log_variance, bound: float = LARGEST):
    """`log_variance` kept within +-bound by a hyperbolic tangent, so that neither variance nor precision overflows."""
    return bound * ops.tanh(log_variance / bound)


def log_density(x, mean, log_variance):
    """ln N(x; mean, exp(log_variance)) of every number."""
    return -0.5 * (ops.square(x - mean) * ops.exp(-log_variance) + log_variance + math.log(2 * math.pi))


def divergence(mean, log_variance, prior_mean, prior_log_variance):
    """KL(q | p) of every number, in nats, q with (mean, log_variance) and p with (prior_mean, prior_log_variance)."""
    change = log_variance - prior_log_variance
    shift = ops.square(mean - prior_mean) * ops.exp(-prior_log_variance)
    return 0.5 * (ops.expm1(change) - change + shift)
