"""Identities of the noise schedules."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.noise_levels import (
    central_levels,
    cosine_sigma,
    cosine_time,
    edm_levels,
    linear_sigma,
    linear_time,
    normal_quantile,
    stratified_shares,
    variance_preserving,
    wide_levels,
)

TIMES = np.linspace(0.01, 0.99, 50)


@pytest.mark.parametrize(("forward", "back"), [(cosine_sigma, cosine_time), (linear_sigma, linear_time)])
def test_variance_preserving_schedules(forward, back):
    time = ops.cast(TIMES, "float64")
    sigma = ops.convert_to_numpy(forward(time))
    assert np.all(np.diff(sigma) > 0)  # the signal-to-noise ratio 1 / sigma^2 falls
    assert np.allclose(ops.convert_to_numpy(back(ops.convert_to_tensor(sigma, "float64"))), TIMES, rtol=1e-6)
    alpha, s = variance_preserving(sigma)
    assert np.allclose(alpha**2 + s**2, 1.0, atol=1e-12) and np.allclose(s / alpha, sigma, rtol=1e-12)


def test_schedules_are_those_of_the_papers():
    alpha, _ = variance_preserving(ops.convert_to_numpy(cosine_sigma(ops.cast(TIMES, "float64"))))
    assert np.allclose(alpha, np.cos(np.pi / 2 * TIMES))
    bar = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))  # DDPM's product over a thousand steps
    steps = np.array([100, 300, 600, 900])
    found = 1 / (1 + ops.convert_to_numpy(linear_sigma(ops.cast(steps / 1000, "float64"))) ** 2)
    assert np.allclose(np.log(bar[steps - 1]), np.log(found), rtol=0.01)


def test_forward_marginals_agree_on_both_scales():
    """z = alpha x: mean alpha y, deviation s."""
    rng = np.random.default_rng(0)
    y, sigma = 0.7, 1.3
    alpha, s = variance_preserving(sigma)
    z = alpha * (y + sigma * rng.normal(size=100_000))
    assert z.mean() == pytest.approx(alpha * y, abs=0.01) and z.std() == pytest.approx(s, rel=0.01)


@pytest.mark.parametrize("levels", [edm_levels, central_levels, wide_levels])
def test_noise_levels_fall_from_first_to_last_and_end_at_zero(levels):
    sigmas = levels(18, 0.002, 80.0)
    assert len(sigmas) == 19 and sigmas[0] == pytest.approx(80.0) and sigmas[-1] == 0.0
    assert sigmas[-2] == pytest.approx(0.002) and np.all(np.diff(sigmas) < 0)


def test_spacing_of_noise_levels():
    roots = edm_levels(18, rho=5.0)[:-1] ** 0.2
    assert np.allclose(np.diff(roots), np.diff(roots)[0])
    ratios = np.diff(np.log(central_levels(40, centre=0.5)[:-1]))
    assert central_levels(40, centre=0.5)[np.argmin(-ratios)] == pytest.approx(0.5, rel=0.2)
    assert central_levels(8)[-2] == pytest.approx(0.01) and central_levels(100)[-2] == pytest.approx(0.002)


def test_stratified_numbers():
    share = ops.convert_to_numpy(stratified_shares(64, seed=3))
    assert np.array_equal(np.floor(share * 64), np.arange(64))
    middles = ops.convert_to_numpy(stratified_shares(64))
    assert np.allclose(middles, (np.arange(64) + 0.5) / 64)
    from scipy.stats import norm

    assert np.allclose(ops.convert_to_numpy(normal_quantile(ops.array(middles))), norm.ppf(middles), atol=1e-4)


def test_errors_of_use():
    for wrong in (dict(steps=0), dict(steps=4, sigma_min=90.0), dict(steps=4, sigma_min=0.0)):
        for levels in (edm_levels, central_levels):
            with pytest.raises(ParameterError):
                levels(**wrong)
    with pytest.raises(ParameterError, match="rho"):
        edm_levels(4, rho=-1.0)
