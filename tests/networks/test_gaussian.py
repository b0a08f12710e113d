"""Diagonal Gaussians: density, divergence, and variances that stay within bounds."""

import numpy as np
from keras import ops
from scipy import stats

from skazoo.networks.gaussian import divergence, log_density, soft_clipped


def test_density_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, mean, log_variance = rng.normal(size=(3, 50)).astype(np.float32)
    expected = stats.norm.logpdf(x, mean, np.exp(0.5 * log_variance))
    assert np.allclose(ops.convert_to_numpy(log_density(x, mean, log_variance)), expected, atol=1e-5)


def test_divergence_is_the_mean_difference_of_densities():
    """Monte Carlo, five standard errors."""
    rng, n = np.random.default_rng(1), 200_000
    mean, log_variance, prior_mean, prior_log_variance = rng.normal(size=(4, 6)).astype(np.float32)
    x = mean + np.exp(0.5 * log_variance) * rng.normal(size=(n, 6)).astype(np.float32)
    ratio = log_density(x, mean, log_variance) - log_density(x, prior_mean, prior_log_variance)
    ratio = ops.convert_to_numpy(ratio).astype(np.float64)
    found = ops.convert_to_numpy(divergence(mean, log_variance, prior_mean, prior_log_variance))
    assert np.all(np.abs(found - ratio.mean(0)) < 5 * ratio.std(0) / np.sqrt(n))
    assert np.all(found > 0)


def test_no_divergence_of_equals_even_far_out():
    same = np.array([-7.0, 0.0, 7.0], np.float32)
    assert np.array_equal(ops.convert_to_numpy(divergence(same, same, same, same)), np.zeros(3))


def test_log_variances_stay_within_their_bound():
    wild = np.array([-1e9, -1.0, 0.0, 0.01, 1e9], np.float32)
    tame = ops.convert_to_numpy(soft_clipped(wild))
    assert np.all(np.abs(tame) <= 7.0) and np.allclose(tame[1:4], wild[1:4], rtol=0.01)
