import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import manifold


def test_equal_distributions_have_the_expected_values():
    rng = np.random.default_rng(0)
    found = manifold(rng.normal(size=(1500, 4)), rng.normal(size=(1500, 4)), k=5)
    assert found.density == pytest.approx(1, abs=0.05)
    assert found.coverage == pytest.approx(1 - 0.5**5, abs=0.02)
    assert found.precision > 0.9 and found.recall > 0.9


def test_a_lost_mode_costs_recall_and_coverage_and_outliers_cost_precision():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(600, 2))
    real[300:] += 20
    half = rng.normal(size=(600, 2))
    lost = manifold(real, half)
    assert lost.precision > 0.95 and lost.recall < 0.6 and lost.coverage < 0.55
    far = manifold(real, np.concatenate([real[:300] + 0.01, half[:300] - 40]))
    assert far.precision == pytest.approx(0.5, abs=0.02) and far.density < 0.6


def test_brute_force_of_a_few_points():
    real, samples = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [10.0], [10.5]])
    found = manifold(real, samples, k=1, scale=False)  # balls of 1, 1, 2 and of 9.5, 0.5, 0.5
    assert found.precision == pytest.approx(1 / 3) and found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(2 / 3) and found.recall == 1.0


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match="neighbours"):
        manifold(np.zeros((5, 2)), np.zeros((9, 2)))
    with pytest.raises(ParameterError, match="not finite"):
        manifold(np.full((9, 2), np.nan), np.zeros((9, 2)))
