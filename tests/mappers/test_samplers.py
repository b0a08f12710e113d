"""Samplers with denoisers that are exact, so that the solution is known in closed form (float64 throughout)."""

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.mappers.samplers import euler, heun, noise_levels, score

MEAN, SPREAD = 0.7, 0.5  # y ~ N(MEAN, SPREAD^2)


def gaussian(x, sigma):
    """E[y | x] for y ~ N(MEAN, SPREAD^2), x = y + sigma n."""
    return (SPREAD**2 * x + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)


def solution(x, sigma_from, sigma_to):
    """The ODE carries Gaussian quantiles into each other."""
    return MEAN + (x - MEAN) * np.sqrt((SPREAD**2 + sigma_to**2) / (SPREAD**2 + sigma_from**2))


PEAKS, WIDTH, SHARE = np.array([-1.0, 2.0]), 0.3, np.array([0.3, 0.7])


def responsibilities(x, sigma):
    total = WIDTH**2 + sigma**2
    log = np.log(SHARE) - 0.5 * (x[..., None] - PEAKS) ** 2 / total
    weights = np.exp(log - log.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def mixture(x, sigma):
    """E[y | x] for two peaks."""
    each = (WIDTH**2 * x[..., None] + sigma**2 * PEAKS) / (WIDTH**2 + sigma**2)
    return (responsibilities(x, sigma) * each).sum(-1)


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2)])
def test_order_of_convergence(sampler, order):
    x = np.linspace(-80, 80, 9)
    steps = np.array([64, 128, 256, 512])
    errors = []
    for n in steps:
        sigmas = noise_levels(n, 0.02, 80.0)[:-1]  # the last step, to 0, is of another kind
        errors.append(np.abs(sampler(gaussian, x, sigmas) - solution(x, 80.0, 0.02)).max())
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


def test_heun_calls_the_denoiser_twice_per_step_but_for_the_last():
    calls = []
    heun(lambda x, sigma: calls.append(sigma) or gaussian(x, sigma), np.zeros(1), noise_levels(18))
    assert len(calls) == 2 * 18 - 1 and min(calls) == pytest.approx(0.002)


def test_gaussian_marginal_after_the_default_number_of_steps():
    x = MEAN + 80.0 * np.random.default_rng(0).normal(size=200_000)
    y = heun(gaussian, x, noise_levels(18))
    assert y.mean() == pytest.approx(MEAN, abs=0.02)
    assert y.std() == pytest.approx(SPREAD, rel=0.01)


@pytest.mark.parametrize("churn", [0.0, 20.0])
def test_two_peaks_get_their_shares(churn):
    rng = np.random.default_rng(1)
    n = 40_000
    x = 80.0 * rng.normal(size=n)
    y = heun(mixture, x, noise_levels(32), churn=churn, draw=lambda step: rng.normal(size=n))
    high = y > 0.5
    assert high.mean() == pytest.approx(SHARE[1], abs=0.015)
    for peak, part in zip(PEAKS, (y[~high], y[high]), strict=True):
        assert part.mean() == pytest.approx(peak, abs=0.02)
        assert part.std() == pytest.approx(WIDTH, rel=0.05)


def test_score_is_the_gradient_of_the_log_density():
    x, sigma, step = np.linspace(-4, 5, 41), 0.8, 1e-4

    def log_density(x):
        total = WIDTH**2 + sigma**2
        return np.log((SHARE * np.exp(-0.5 * (x[:, None] - PEAKS) ** 2 / total)).sum(-1))

    gradient = (log_density(x + step) - log_density(x - step)) / (2 * step)
    assert np.allclose(score(mixture(x, sigma), x, sigma), gradient, atol=1e-6)


def test_noise_levels_fall_from_first_to_last_and_end_at_zero():
    sigmas = noise_levels(18, 0.002, 80.0, 7.0)
    assert len(sigmas) == 19 and sigmas[0] == pytest.approx(80.0) and sigmas[-1] == 0.0
    assert sigmas[-2] == pytest.approx(0.002) and np.all(np.diff(sigmas) < 0)
    assert np.allclose(np.diff(sigmas[:-1] ** (1 / 7)), np.diff(sigmas[:-1] ** (1 / 7))[0])


def test_errors_of_use():
    for wrong in (dict(steps=0), dict(steps=4, sigma_min=90.0), dict(steps=4, rho=-1.0), dict(steps=4, sigma_min=0.0)):
        with pytest.raises(ParameterError):
            noise_levels(**wrong)
    with pytest.raises(ParameterError, match="churn"):
        heun(gaussian, np.zeros(2), noise_levels(4), churn=1.0)
