"""The bound of a Gaussian, whose denoiser and likelihood are known."""

import numpy as np
import pytest

from skazoo.mappers.noise import RowNoise
from skazoo.mappers.ode_likelihood import log_normal
from skazoo.mappers.variational_bound import evidence_lower_bound

SPREAD, SIGMA_MAX = 0.5, 80.0


def gap(factor=1.0, steps=32, sigma_min=0.01):
    """Nats a dimension between exact ln p and the bound, on the same maps; `factor` spoils the denoiser's spread."""
    y = SPREAD * np.random.default_rng(0).normal(size=(64, 400))
    spread = factor * SPREAD

    def denoise(x, sigma):
        return spread**2 / (spread**2 + sigma[:, None] ** 2) * x

    sigmas = np.geomspace(SIGMA_MAX, sigma_min, steps + 1)
    bound = evidence_lower_bound(denoise, y, sigmas, RowNoise(0, range(64), [0] * 64))
    return np.mean(log_normal(y, 0.0, SPREAD) - bound) / 400


def expected(factor=1.0, sigma_min=0.01):
    """The same on average: E|y - D|^2 is a^2 sigma^2 + (1 - a)^2 SPREAD^2 with D = a x; a fine sum for the integral."""
    sigma = np.geomspace(sigma_min, SIGMA_MAX, 20_001)
    a = (factor * SPREAD) ** 2 / ((factor * SPREAD) ** 2 + sigma**2)
    integral = np.trapezoid(a**2 + (1 - a) ** 2 * SPREAD**2 / sigma**2, np.log(sigma))
    loss = integral + 0.5 * SPREAD**2 / SIGMA_MAX**2 + 0.5 * np.log(2 * np.pi * sigma_min**2) + 0.5
    return loss - 0.5 * np.log(2 * np.pi * np.e * SPREAD**2)


def test_bound_is_tight_for_the_exact_denoiser_and_loose_for_others():
    gaps = [expected(sigma_min=sigma_min) for sigma_min in (0.1, 0.03, 0.01)]
    assert gaps[0] > gaps[1] > gaps[2] > 0.0 and gaps[2] < 1e-3
    for factor in (0.7, 1.0, 1.5):
        assert gap(factor) == pytest.approx(expected(factor), abs=0.01)  # 25,600 pixels
    assert expected(0.7) > 0.02 and expected(1.5) > 0.02


def test_number_of_steps_changes_only_the_noise():
    assert gap(steps=8) == pytest.approx(expected(), abs=0.06)
    assert gap(steps=128) == pytest.approx(expected(), abs=0.01)
