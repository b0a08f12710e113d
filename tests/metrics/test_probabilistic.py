import astropy.units as u
import numpy as np
import pytest
from scipy import stats

from skazoo.errors import ParameterError
from skazoo.metrics import crps, energy_score


def test_crps_agrees_with_scoringrules_and_the_definition():
    scoringrules = pytest.importorskip("scoringrules")
    rng = np.random.default_rng(0)
    samples, truth = rng.lognormal(size=(17, 4, 5)), rng.lognormal(size=(4, 5))
    found = crps(samples, truth)
    expected = scoringrules.crps_ensemble(truth, np.moveaxis(samples, 0, -1), estimator="fair")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    pairs = np.abs(samples[:, None] - samples[None]).sum(axis=(0, 1)) / (2 * 17 * 16)
    np.testing.assert_allclose(found, np.abs(samples - truth).mean(axis=0) - pairs, rtol=1e-10)


def test_energy_score_agrees_with_scoringrules():
    scoringrules = pytest.importorskip("scoringrules")
    rng = np.random.default_rng(1)
    samples, truth = rng.normal(size=(12, 6)), rng.normal(size=6)
    expected = scoringrules.es_ensemble(truth, samples, estimator="fair")
    assert energy_score(samples, truth) == pytest.approx(float(expected), rel=1e-6)
    assert energy_score(samples[:, :1], truth[:1]) == pytest.approx(float(crps(samples[:, 0], truth[0])))


@pytest.mark.parametrize("count", [2, 4, 50])
def test_crps_is_that_of_the_gaussian_whatever_the_number_of_samples(count):
    rng = np.random.default_rng(2)
    mean, sigma, cases = 1.0, 2.0, 200_000 // count
    truth = np.full(cases, 2.5)
    z = (2.5 - mean) / sigma
    closed = sigma * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    scores = crps(rng.normal(mean, sigma, (count, cases)), truth)
    assert scores.mean() == pytest.approx(closed, abs=4 * scores.std() / np.sqrt(cases))


def test_one_sample_gives_the_absolute_error():
    np.testing.assert_array_equal(crps(np.array([[1.0, 5.0]]), np.array([3.0, 4.0])), [2.0, 1.0])
    assert energy_score(np.array([[3.0, 4.0]]), np.zeros(2)) == 5.0


def test_a_sample_that_is_not_finite_gives_nan_there_and_only_there():
    samples = np.random.default_rng(0).normal(size=(8, 3))
    for bad in (np.nan, np.inf):
        samples[2, 1] = bad
        assert np.isnan(crps(samples, np.zeros(3))).tolist() == [False, True, False]


def test_units_convert_or_are_refused():
    samples, truth = np.array([[1.0], [3.0]]) * u.km, np.array([500.0]) * u.m
    assert crps(samples, truth).to_value(u.m)[0] == pytest.approx(1500 - 1000)
    with pytest.raises(ParameterError, match="only one of truth and samples"):
        crps(samples, truth.value)
    with pytest.raises(ParameterError, match="does not convert"):
        crps(samples, truth.value * u.s)


def test_shapes_that_do_not_go_together_are_refused():
    for samples in (np.zeros((4, 3)), np.zeros(5), np.zeros((2, 4, 5))):
        with pytest.raises(ParameterError, match="samples must have shape"):
            crps(samples, np.zeros((4,)))
    with pytest.raises(ParameterError, match="samples is empty"):
        crps(np.zeros((0, 4)), np.zeros(4))
