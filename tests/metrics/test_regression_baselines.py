import numpy as np
import pytest

from skazoo.metrics import HaloRelation, QuantileRegression, coverage
from skazoo.metrics.regression_baselines import fitted, relation


def round_maps(mass, width, size=16):
    place = np.arange(size) - (size - 1) / 2
    shape = np.exp(-np.hypot(place[:, None], place[None, :]) / width)
    return (10**mass)[:, None, None, None] * (shape / shape.sum())[None, :, :, None]


def test_the_relation_is_found_again_and_painted():
    mass = np.random.default_rng(0).uniform(9, 12, 200)
    law = (8.0, 0.6, -0.8)
    total = relation(mass - np.median(mass), *law)
    np.testing.assert_allclose(
        relation(mass - np.median(mass), *fitted(mass - np.median(mass), total)), total, atol=0.01
    )
    source, target = round_maps(mass, 4.0).astype("f4"), round_maps(total, 2.0).astype("f4")
    drawn = HaloRelation().fit([(source[:150], target[:150])]).sample(source[150:])[0]
    np.testing.assert_allclose(np.log10(drawn.sum(axis=(1, 2))), np.log10(target[150:].sum(axis=(1, 2))), atol=0.02)
    np.testing.assert_allclose(drawn, np.rot90(drawn, axes=(1, 2)), rtol=1e-4)


def test_empty_targets_give_an_empty_relation():
    source = round_maps(np.linspace(9, 11, 6), 4.0).astype("f4")
    assert not HaloRelation().fit([(source, 0 * source)]).sample(source).any()


def noisy_pairs(count, seed):
    """A target whose log10 scatters by 0.2 dex where the source is faint and 0.5 where it is bright."""
    rng = np.random.default_rng(seed)
    place = np.arange(16) - 7.5
    source = 10 ** (7.5 - 0.15 * np.hypot(place[:, None], place[None, :]) + 0.3 * rng.normal(size=(count, 16, 16)))
    log = np.log10(source)
    target = log - 3.0 + np.where(log > 7, 0.5, 0.2) * rng.normal(size=source.shape)
    return source[..., None].astype("f4"), (10**target)[..., None].astype("f4")


def test_quantiles_are_calibrated_pixel_by_pixel():
    model = QuantileRegression().fit([noisy_pairs(80, 0)])
    source, target = noisy_pairs(20, 1)
    samples = np.log10(np.maximum(model.sample(source, 40, seed=2), 1e-3))
    for bright in (False, True):
        chosen = (np.log10(source) > 7.1) if bright else (np.log10(source) < 6.9)
        found = coverage(samples[:, chosen], np.log10(target)[chosen])
        np.testing.assert_allclose(found, [0.68, 0.95], atol=0.035)
        assert samples[:, chosen].std(axis=0).mean() == pytest.approx(0.5 if bright else 0.2, abs=0.04)


def test_a_row_gives_the_same_samples_in_any_batch():
    model = QuantileRegression().fit([noisy_pairs(10, 0)])
    source, _ = noisy_pairs(4, 1)
    whole = model.sample(source, 3, seed=5)
    np.testing.assert_array_equal(whole[:, 2:], model.sample(source[2:], 3, seed=5, rows=[2, 3]))
    assert not np.array_equal(whole[0], whole[1])
