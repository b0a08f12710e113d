"""The bound of a Gaussian's exact denoiser."""

import numpy as np
import pytest

from skazoo.mappers.noise_levels import central_levels
from skazoo.mappers.ode_likelihood import log_normal
from skazoo.mappers.variational_bound import evidence_lower_bound

SPREAD = 0.5


def gap(steps):
    """Nats a dimension between exact ln p and its bound, on the same maps."""
    rng = np.random.default_rng(0)
    y = SPREAD * rng.normal(size=(64, 400))
    sigmas = central_levels(steps + 1, 0.002, 80.0)[:-1]

    def denoise(x, sigma):
        return SPREAD**2 / (SPREAD**2 + sigma**2) * x

    noise = np.random.default_rng(1)
    bound = evidence_lower_bound(denoise, y, sigmas, lambda step: noise.normal(size=y.shape))
    return np.mean(log_normal(y, 0.0, SPREAD) - bound) / 400


def exact_gap(steps):
    """The same in closed form: |y - D|^2 is the posterior variance on average."""
    sigmas = central_levels(steps + 1, 0.002, 80.0)[:-1]
    error = SPREAD**2 * sigmas[:-1] ** 2 / (SPREAD**2 + sigmas[:-1] ** 2)
    loss = np.sum(0.5 * (sigmas[1:] ** -2 - sigmas[:-1] ** -2) * error) + 0.5 * SPREAD**2 / sigmas[0] ** 2
    return loss + 0.5 * np.log(2 * np.pi * sigmas[-1] ** 2) + 0.5 - 0.5 * np.log(2 * np.pi * np.e * SPREAD**2)


def test_below_the_likelihood_and_closing_in():
    gaps = [gap(steps) for steps in (16, 64, 256)]
    assert np.allclose(gaps, [exact_gap(steps) for steps in (16, 64, 256)], rtol=0.1, atol=0.02)
    assert gaps[0] > gaps[1] > gaps[2] > 0.0
    exact = [exact_gap(steps) for steps in (64, 256, 1024, 4096)]
    assert np.all(np.array(exact) > 0) and exact[-1] < 2e-3
    assert exact[-2] / exact[-1] == pytest.approx(4.0, rel=0.1)  # falls as 1 / steps
