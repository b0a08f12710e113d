import numpy as np
import pytest
from scipy import stats

from skazoo.errors import ParameterError
from skazoo.metrics import coverage, pit, rank_histogram, spread_skill, tarp
from skazoo.metrics.calibration import ranks
from skazoo.metrics.pixel_scores import block_means
from skazoo.metrics.standards import GaussianField


@pytest.fixture(scope="module")
def posterior():
    """Block means of the exact posterior of a Gaussian field, and of one 20 % too narrow; 500 cases."""
    found = {}
    for width in (1.0, 0.8):
        problem = GaussianField(size=16, width=width)
        source, target = problem.draw(500, seed=3)
        samples = problem.sample(source, 50, seed=4)[..., 0]
        coarse = np.stack([block_means(one) for one in samples])
        found[width] = coarse, block_means(target[..., 0]), block_means(source[..., 0])
    return found


def test_spread_skill_is_one_for_any_number_of_samples_of_the_right_distribution():
    rng = np.random.default_rng(0)
    for count in (2, 5, 40):
        centre = rng.normal(size=40_000)
        samples, truth = centre + rng.normal(size=(count, 40_000)), centre + rng.normal(size=40_000)
        assert spread_skill(samples, truth) == pytest.approx(1.0, abs=0.02)
        assert spread_skill(0.8 * (samples - centre) + centre, truth) < 0.85
    assert spread_skill(samples.reshape(40, 200, 200), truth.reshape(200, 200), axis=0).shape == (200,)


def test_spread_of_one_sample_is_undefined():
    assert np.isnan(spread_skill(np.zeros((1, 5)), np.ones(5)))
    assert np.isnan(spread_skill(np.zeros((3, 5)), np.zeros(5)))


def test_rank_histogram_is_flat_also_with_ties():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(10, 22_000))
    for draws in (values, np.maximum(values, 0.3)):
        counts = rank_histogram(draws[1:], draws[0])
        assert counts.shape == (10,) and counts.sum() == 22_000
        assert stats.chisquare(counts).pvalue > 0.01
    narrow = rank_histogram(0.7 * values[1:], values[0])
    assert narrow[0] > 1.5 * narrow[5] and stats.chisquare(narrow).pvalue < 1e-10


def test_coverage_is_nominal_at_few_samples_and_sees_a_narrow_posterior():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(8, 60_000))
    found = coverage(values[1:], values[0], (0.5, 0.68, 0.95))
    np.testing.assert_allclose(found, (0.5, 0.68, 0.95), atol=0.007)
    assert coverage(0.7 * values[1:], values[0], 0.68)[0] < 0.6
    assert coverage(values[1:].reshape(7, 300, 200), values[0].reshape(300, 200), axis=1).shape == (2, 300)


def test_pit_is_uniform_and_repeatable():
    values = np.random.default_rng(3).normal(size=(6, 5000))
    place = pit(values[1:], values[0], seed=7)
    assert stats.kstest(place, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(place, pit(values[1:], values[0], seed=7))
    assert not np.array_equal(place, pit(values[1:], values[0], seed=8))


@pytest.mark.parametrize("reference", ["source", "held-out sample"])
def test_tarp_is_diagonal_for_the_exact_posterior_and_not_for_a_narrow_one(posterior, reference):
    areas = {}
    for width, (samples, truth, source) in posterior.items():
        points, drawn = (source, samples) if reference == "source" else (samples[-1], samples[:-1])
        areas[width] = tarp(drawn, truth, points)
    assert areas[1.0].area < 0.03 and areas[1.0].area < areas[1.0].area_null95
    assert areas[0.8].area > areas[0.8].area_null95
    assert areas[0.8].cases == 500 and areas[0.8].expected_coverage[-1] == 1.0


def test_tarp_with_references_from_the_source_finds_a_sampler_that_ignores_it():
    rng = np.random.default_rng(4)
    source = rng.normal(size=(500, 4))
    truth = source + 0.5 * rng.normal(size=source.shape)
    prior = np.sqrt(1.25) * rng.normal(size=(50, *source.shape))
    assert tarp(prior, truth, source).area > 0.1
    free = tarp(prior, truth, rng.normal(size=source.shape))
    assert free.area < 0.05  # which is why references must depend on the source


def test_tarp_agrees_with_the_authors_package(posterior):
    package = pytest.importorskip("tarp")
    samples, truth, source = posterior[0.8]
    found = tarp(samples, truth, source, scale=False)
    expected, alpha = package.get_tarp_coverage(samples, truth, references=source, norm=False, num_alpha_bins=50)
    fractions = found.ranks / len(samples)
    counts, edges = np.histogram(fractions, bins=50)
    np.testing.assert_allclose(alpha, edges, rtol=1e-12)
    np.testing.assert_allclose(expected[1:], np.cumsum(counts) / 500, rtol=1e-12)


def test_nan_has_no_rank():
    samples = np.zeros((4, 3))
    samples[0, 0] = np.nan
    with pytest.raises(ParameterError, match="NaN"):
        ranks(samples, np.zeros(3))
    with pytest.raises(ParameterError, match="not finite"):
        tarp(samples[..., None], np.zeros((3, 1)), np.zeros((3, 1)))


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match="levels"):
        coverage(np.zeros((4, 3)), np.zeros(3), levels=(68, 95))
    with pytest.raises(ParameterError, match="references"):
        tarp(np.zeros((4, 3, 2)), np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ParameterError, match="references"):
        tarp(np.zeros((4, 3)), np.zeros(3), np.zeros(3))
