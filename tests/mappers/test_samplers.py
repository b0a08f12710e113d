"""Samplers with denoisers that are exact, so that the solution is known in closed form (float64 throughout)."""

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.mappers.noise_levels import central_levels, edm_levels, wide_levels
from skazoo.mappers.samplers import SAMPLERS, ancestral, ddim, dpm_solver, heun, multistep, score
from skazoo.metrics.standards import GaussianField

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


@pytest.mark.parametrize(
    ("sampler", "order", "levels", "steps"),
    [
        (ddim, 1, edm_levels, (128, 256, 512, 1024)),
        (heun, 2, edm_levels, (64, 128, 256, 512)),
        (dpm_solver, 2, edm_levels, (64, 128, 256, 512)),
        (lambda d, x, s: multistep(d, x, s, order=1), 1, central_levels, (128, 256, 512, 1024)),
        (lambda d, x, s: multistep(d, x, s, order=2), 2, central_levels, (64, 128, 256, 512)),
        (lambda d, x, s: multistep(d, x, s, order=3), 3, central_levels, (64, 128, 256, 512)),
    ],
    ids=["ddim", "heun", "dpm_solver", "multistep-1", "multistep-2", "multistep-3"],
)
def test_order_of_convergence(sampler, order, levels, steps):
    x = np.linspace(-80, 80, 9)
    errors = []
    for n in steps:
        centre = {"centre": 1.0} if levels is central_levels else {}  # asymptotic from 64 steps on
        sigmas = levels(n, 0.02, 80.0, **centre)[:-1]  # the last step, to 0, is of another kind
        errors.append(np.abs(sampler(gaussian, x, sigmas) - solution(x, 80.0, 0.02)).max())
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


def test_heun_calls_the_denoiser_twice_per_step_but_for_the_last():
    calls = []
    heun(lambda x, sigma: calls.append(sigma) or gaussian(x, sigma), np.zeros(1), edm_levels(18))
    assert len(calls) == 2 * 18 - 1 and min(calls) == pytest.approx(0.002)


# pixels have deviation 1 in network space; the mean of a map of 64 x 64 of them may reach 30 on the noise's scale
SPREADS = {0.03: 0.01, 0.1: 0.01, 0.3: 0.01, 1.0: 0.005, 3.0: 0.005, 10.0: 0.005, 30.0: 0.02}


@pytest.mark.parametrize(("spread", "tolerance"), SPREADS.items())
def test_the_default_sampler_gets_the_spread_of_gaussian_maps_right(spread, tolerance):
    """The ODE is linear here, so that one trajectory tells the standard deviation of all."""
    calls = []

    def denoise(x, sigma):
        calls.append(sigma)
        return spread**2 / (spread**2 + sigma**2) * x

    integrate, levels = SAMPLERS["multistep"]
    sigmas = levels(24)
    assert integrate(denoise, sigmas[0], sigmas) == pytest.approx(spread, rel=tolerance)
    assert len(calls) == 24


def test_marginal_of_noise_that_ignores_the_mean():
    x = 80.0 * np.random.default_rng(0).normal(size=100_000)
    y = multistep(gaussian, x, wide_levels(24, sigma_max=80.0))
    assert y.mean() == pytest.approx(MEAN, abs=0.01)
    assert y.std() == pytest.approx(SPREAD, rel=0.01)


@pytest.mark.parametrize("churn", [0.0, 20.0])
def test_two_peaks_get_their_shares(churn):
    rng = np.random.default_rng(1)
    n = 40_000
    x = 80.0 * rng.normal(size=n)
    y = heun(mixture, x, edm_levels(64), churn=churn, draw=lambda step: rng.normal(size=n))
    check_peaks(y)
    if not churn:
        check_peaks(multistep(mixture, x, wide_levels(24, sigma_max=80.0)))


def check_peaks(y):
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


def test_ddim_without_noise_is_eulers_method():
    sigmas, x = edm_levels(9, 0.02, 80.0), np.linspace(-80, 80, 5)
    euler = x
    for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        euler = euler + (after - now) * (euler - gaussian(euler, now)) / now
    assert np.allclose(ddim(gaussian, x, sigmas), euler, rtol=1e-12)


def test_ancestral_is_the_textbook_of_ddpm():
    """arXiv:2006.11239, eq. 7 and algorithm 2, in its own letters, on its own scale."""
    beta = np.linspace(1e-4, 0.02, 1000)[::50]
    bar = np.cumprod(1 - beta)
    sigmas = np.append(np.sqrt(1 / bar - 1)[::-1], 0.0)
    rng = np.random.default_rng(0)
    noise, x = rng.normal(size=(20, 7)), sigmas[0] * rng.normal(size=7)
    z = x * np.sqrt(bar[-1])
    for step, t in enumerate(range(19, 0, -1)):
        y = gaussian(z / np.sqrt(bar[t]), np.sqrt(1 / bar[t] - 1))
        mean = (
            np.sqrt(bar[t - 1]) * beta[t] / (1 - bar[t]) * y
            + np.sqrt(1 - beta[t]) * (1 - bar[t - 1]) / (1 - bar[t]) * z
        )
        z = mean + np.sqrt((1 - bar[t - 1]) / (1 - bar[t]) * beta[t]) * noise[step]
    found = ancestral(gaussian, x, sigmas[:-1], lambda step: noise[step])
    assert np.allclose(found * np.sqrt(bar[0]), z, atol=1e-12)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_variance_of_stochastic_samplers_converges(eta):
    """Exactly, without random numbers: every step is linear, x_after = a x_now + fresh noise."""
    errors = []
    for steps in (64, 128, 256, 512):
        sigmas, variance = central_levels(steps, 0.002, 80.0), 80.0**2 + SPREAD**2
        for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
            pair = [now, after]
            push = ddim(lambda x, s: SPREAD**2 / (SPREAD**2 + s**2) * x, 1.0, pair, eta, lambda step: 0.0)
            fresh = ddim(lambda x, s: 0.0 * x, 0.0, pair, eta, lambda step: 1.0) if after else 0.0
            variance = push**2 * variance + fresh**2
        errors.append(abs(variance / SPREAD**2 - 1))
    assert errors[-1] < 0.03 and np.all(np.array(errors[1:]) < 0.7 * np.array(errors[:-1]))


def test_eight_narrow_calls_give_the_spectrum_of_sixty_four():
    """The exact denoiser of the Gaussian field with known posterior: every Fourier mode is a Gaussian of its own."""
    variance = GaussianField(size=32).variance

    def power(steps):
        integrate, levels = SAMPLERS["narrow"]
        sigmas = levels(steps)
        return integrate(lambda x, s: variance / (variance + s**2) * x, sigmas[0] + 0 * variance, sigmas) ** 2

    assert np.abs(power(8) / power(64) - 1).max() < 0.05
    assert np.abs(power(64) / variance - 1).max() < 0.003


def test_errors_of_use():
    with pytest.raises(ParameterError, match="eta"):
        ddim(gaussian, np.zeros(2), edm_levels(4), eta=1.0)
    with pytest.raises(ParameterError, match="churn"):
        heun(gaussian, np.zeros(2), edm_levels(4), churn=1.0)
