import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import crps
from skazoo.metrics.standards import GaussianField, score


def test_floors_are_those_of_the_reference_table():
    for options, entropy, rmse in (
        ({"size": 32}, -0.0934, 0.2607),
        ({"size": 64}, -0.4046, 0.1942),
        ({"size": 32, "slope": 2.0}, 0.6581, 0.5195),
        ({"size": 32, "noise": 0.3}, 0.0232, 0.3199),
    ):
        problem = GaussianField(**options)
        assert problem.entropy == pytest.approx(entropy, abs=1e-4)
        assert problem.rmse == pytest.approx(rmse, abs=1e-4)


def test_draws_have_the_spectrum_and_the_likelihood_that_are_promised():
    problem = GaussianField(size=16)
    source, target = problem.draw(2000, seed=0)
    assert target.var() == pytest.approx(1.0, rel=0.05)
    modes = np.mean(np.abs(np.fft.fft2(target[..., 0], norm="ortho")) ** 2, axis=0)
    np.testing.assert_allclose(modes, problem.power, rtol=0.2)
    nll = -problem.log_prob(target, source) / 256
    assert nll.mean() == pytest.approx(problem.entropy, abs=4 * nll.std() / np.sqrt(2000))
    error = np.sqrt(np.mean((problem.posterior_mean(source) - target) ** 2))
    assert error == pytest.approx(problem.rmse, rel=0.02)


def test_log_prob_is_that_of_the_full_covariance():
    problem = GaussianField(size=4, noise=0.3)
    source, target = problem.draw(3, seed=1)
    basis = np.eye(16).reshape(16, 4, 4)
    covariance = np.fft.ifft2(np.fft.fft2(basis) * problem.variance).real.reshape(16, 16)
    residual = (target - problem.posterior_mean(source)).reshape(3, 16)
    expected = -0.5 * np.einsum("ni,ij,nj->n", residual, np.linalg.inv(covariance), residual)
    expected -= 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    np.testing.assert_allclose(problem.log_prob(target, source), expected, rtol=1e-6)


def test_the_lognormal_density_is_the_gaussian_one_with_the_jacobian():
    gaussian, positive = GaussianField(size=8), GaussianField(size=8, lognormal=True, amplitude=1.5)
    source, target = gaussian.draw(4, seed=2)
    found = positive.log_prob(np.exp(1.5 * target.astype(np.float64)), source)
    jacobian = np.sum(1.5 * target + np.log(1.5), axis=(1, 2, 3))
    np.testing.assert_allclose(found, gaussian.log_prob(target, source) - jacobian, rtol=1e-5)
    assert positive.entropy == pytest.approx(gaussian.entropy + np.log(1.5))
    samples = positive.sample(source, 4000, seed=3)
    np.testing.assert_allclose(samples.mean(axis=0), positive.posterior_mean(source), rtol=0.15)


def test_crps_of_the_exact_posterior_is_the_gaussian_closed_form():
    problem = GaussianField(size=16)
    source, target = problem.draw(300, seed=4)
    found = crps(problem.sample(source, 20, seed=5), target).mean()
    assert found == pytest.approx(problem.rmse / np.sqrt(np.pi), rel=0.03)  # E CRPS of N(m, s) for truths from it


def test_scores_of_the_perfect_mapper_and_of_a_narrow_one():
    problem = GaussianField(size=16)
    perfect, narrow = (score(problem, GaussianField(size=16, width=w), n=100, num_samples=20) for w in (1.0, 0.8))
    assert abs(perfect["nll_gap"]) < 1e-6 and perfect["rmse_ratio"] == pytest.approx(1, abs=0.02)
    assert perfect["spread_ratio"] == pytest.approx(1, abs=0.02) and narrow["spread_ratio"] == pytest.approx(
        0.8, abs=0.02
    )
    assert perfect["sample_rmse_ratio"] == pytest.approx(1, abs=0.02)
    assert narrow["sample_rmse_ratio"] == pytest.approx(np.sqrt((1 + 0.64) / 2), abs=0.02)
    assert perfect["power_error"] < 0.1 < narrow["power_error"]


def test_same_seed_same_draw():
    problem = GaussianField(size=8)
    np.testing.assert_array_equal(problem.draw(2, 5)[1], problem.draw(2, 5)[1])
    source, _ = problem.draw(2, 5)
    np.testing.assert_array_equal(problem.sample(source, 2, 1), problem.sample(source, 2, 1))
    assert not np.array_equal(problem.sample(source, 2, 1), problem.sample(source, 2, 2))


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match="size"):
        GaussianField(size=2)
    with pytest.raises(ParameterError, match="noise"):
        GaussianField(noise=0.0)
    with pytest.raises(ParameterError, match="source must have shape"):
        GaussianField(size=8).sample(np.zeros((1, 4, 4, 1)))
    with pytest.raises(ParameterError, match="num_samples"):
        score(GaussianField(size=8), GaussianField(size=8), num_samples=1)
