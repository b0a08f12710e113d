import numpy as np
import pytest

from skazoo.errors import DatasetError, ParameterError
from skazoo.metrics.baselines import (
    HistogramMatching,
    MeanProfile,
    NearestNeighbour,
    Rescale,
    fit_baselines,
)


def pairs(count=24, size=16, seed=0):
    """Round sources of several masses; the target is 0.1 of the source, and twice that in the second channel."""
    rng = np.random.default_rng(seed)
    place = np.arange(size) - (size - 1) / 2
    radius = np.hypot(place[:, None], place[None, :])
    source = 10 ** rng.uniform(6, 8, (count, 1, 1)) * np.exp(-radius / rng.uniform(2, 5, (count, 1, 1)))
    return source[..., None].astype("f4"), np.stack([0.1 * source, 0.2 * source], axis=-1).astype("f4")


@pytest.mark.parametrize("kind", [Rescale, MeanProfile, NearestNeighbour])
def test_a_baseline_predicts_what_it_has_seen(kind):
    source, target = pairs()
    baseline = kind(("dark_matter",), ("hi", "gas")).fit([(source[:10], target[:10]), (source[10:], target[10:])])
    samples = baseline.sample(source, num_samples=3, seed=1)
    assert samples.shape == (3, *target.shape) and samples.dtype == np.float32
    np.testing.assert_array_equal(samples[0], samples[2])
    ratio = samples[0].sum(axis=(1, 2)) / target.sum(axis=(1, 2))
    assert np.abs(np.log10(ratio)).max() < (1e-5 if kind is not MeanProfile else 0.5)


def test_the_nearest_neighbour_is_a_training_target():
    source, target = pairs()
    baseline = NearestNeighbour("dark_matter", ("hi", "gas")).fit([(source, target)])
    new, _ = pairs(4, seed=9)
    for image in baseline.sample(new)[0]:
        assert any(np.array_equal(image, one) for one in target)


def test_histogram_matching_finds_a_monotone_relation_without_pairs():
    """Also where a third of the sky is empty in both: these pixels stay as they are."""
    rng = np.random.default_rng(0)
    source = rng.lognormal(size=(40, 16, 16, 1)).astype("f4") * (rng.random((40, 16, 16, 1)) > 0.3)
    target = np.concatenate([source**2, 3 * source], axis=-1)
    shuffled = target[rng.permutation(40)][:, ::-1]
    found = HistogramMatching(target=("hi", "gas")).fit([(source, shuffled)]).sample(source)[0]
    common = (source > 0) & (source < np.quantile(source, 0.99))
    np.testing.assert_allclose(found[..., 0][common[..., 0]], target[..., 0][common[..., 0]], rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(found[..., 1][common[..., 0]], target[..., 1][common[..., 0]], rtol=0.02, atol=1e-3)
    assert np.all(found[source[..., 0] == 0] == 0)


def test_the_mean_profile_is_round():
    source, target = pairs()
    noisy = target * np.random.default_rng(0).lognormal(0, 1, target.shape).astype("f4")
    image = MeanProfile(target=("hi", "gas"), bins=2).fit([(source, noisy)]).sample(source[:1])[0, 0, ..., 0]
    np.testing.assert_allclose(image, np.rot90(image), rtol=1e-5)


def test_an_endless_dataset_is_read_to_the_limit():
    def endless():
        while True:
            yield pairs(8)

    found = fit_baselines(endless(), ("dark_matter",), ("hi", "gas"), limit=20)
    assert list(found) == [
        "rescale",
        "histogram matching",
        "mean profile",
        "nearest neighbour",
        "HI-halo relation",
        "quantile regression",
    ]
    assert len(found["nearest neighbour"].targets) == 20


def test_mistakes_are_named():
    source, target = pairs(4)
    with pytest.raises(ParameterError, match="not fitted"):
        Rescale().sample(source)
    with pytest.raises(DatasetError, match="pairs is empty"):
        Rescale().fit([])
    with pytest.raises(DatasetError, match="targets of shape"):
        Rescale().fit([(source, target)])
    with pytest.raises(DatasetError, match="source must have shape"):
        Rescale(("a", "b")).fit([(source, target)])
    with pytest.raises(DatasetError, match="not finite"):
        Rescale(target=("hi", "gas")).fit([(source, np.full_like(target, np.nan))])
    with pytest.raises(DatasetError, match="positive"):
        Rescale(target=("hi", "gas")).fit([(0 * source, target)])
