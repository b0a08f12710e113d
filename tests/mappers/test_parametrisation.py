"""Every prediction says the same; definitions against their formulas, in float64."""

import itertools

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.mappers.noise_levels import variance_preserving
from skazoo.mappers.parametrisation import PARAMETRISATIONS, convert, denoised, prediction

SIGMA = np.geomspace(0.002, 80.0, 25)
RNG = np.random.default_rng(0)
Y, N = RNG.normal(size=(2, 40, 25))
X = Y + SIGMA * N


def test_predictions_of_the_truth_are_their_definitions():
    alpha, s = variance_preserving(SIGMA)
    assert np.allclose(prediction("eps", Y, X, SIGMA), N, atol=1e-10)
    assert np.allclose(prediction("v", Y, X, SIGMA), alpha * N - s * Y, atol=1e-10)
    assert np.array_equal(prediction("x0", Y, X, SIGMA), Y)
    assert np.allclose(prediction("edm", Y, X, SIGMA), -prediction("v", Y, X, SIGMA), atol=1e-10)


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
@pytest.mark.parametrize(("old", "new"), list(itertools.product(PARAMETRISATIONS, repeat=2)))
def test_round_trips(old, new, sigma_data):
    there = convert(N, X, SIGMA, old, new, sigma_data)
    assert np.allclose(convert(there, X, SIGMA, new, old, sigma_data), N, atol=1e-6)
    assert np.allclose(denoised(new, there, X, SIGMA, sigma_data), denoised(old, N, X, SIGMA, sigma_data), atol=1e-6)


def test_unknown_kind():
    with pytest.raises(ParameterError, match="parametrisation"):
        denoised("score", 0.0, 0.0, 1.0)
