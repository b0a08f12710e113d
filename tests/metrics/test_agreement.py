"""Against independent implementations that are installed for tests only: tarp, statmorph, scikit-image."""

import warnings

import numpy as np
import pytest

from skazoo.metrics import asymmetry, gini, m20, ms_ssim, ssim, tarp


def test_tarp_of_its_authors():
    theirs = pytest.importorskip("tarp")
    rng = np.random.default_rng(0)
    samples, truth = rng.normal(size=(50, 200, 4)), rng.normal(size=(200, 4))
    references = rng.uniform(-1, 2, size=(200, 4))
    for scale in (True, False):
        expected, levels = theirs.get_tarp_coverage(
            samples,
            truth,
            references=references.copy(),
            metric="euclidean",
            norm=scale,
            bootstrap=False,
            num_alpha_bins=50,
        )
        ours = tarp(samples, truth, rescaled(references, truth) if scale else references, scale=scale)
        near = np.sum(np.linalg.norm(samples - truth, axis=-1) < np.inf, axis=0)
        assert near.shape == (200,)
        # theirs bins f = rank / M; ours spreads a rank over its bin: equal to one rank
        np.testing.assert_allclose(ours.expected_coverage, expected, atol=1.5 / 50)
        np.testing.assert_allclose(ours.levels, levels)


def rescaled(references, truth):
    """References that are given on the unit cube of the truths, in the truths' units."""
    low, high = truth.min(axis=0), truth.max(axis=0)
    return low + references * (high - low)


def test_scikit_image_at_each_scale():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(64, 64)).cumsum(axis=0).cumsum(axis=1) / 20
    image = truth + 0.3 * rng.normal(size=truth.shape)
    options = {"data_range": 8.0, "gaussian_weights": True, "use_sample_covariance": False}
    assert ssim(image, truth, 8.0) == pytest.approx(metrics.structural_similarity(image, truth, **options), abs=1e-6)
    assert ms_ssim(truth, truth, 8.0) == pytest.approx(1)
    assert 0 < ms_ssim(image, truth, 8.0) < 1
    assert ms_ssim(-truth, truth, 8.0) < ms_ssim(image, truth, 8.0)
    small = truth[:16, :16], image[:16, :16]  # one scale: SSIM itself
    assert ms_ssim(small[1], small[0], 8.0) == pytest.approx(ssim(small[1], small[0], 8.0))


def spiral(size=121):
    """A disc with arms and clumps, falling to nothing well inside the frame."""
    y, x = (np.indices((size, size)) - (size - 1) / 2) / 10
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    disc = np.exp(-radius) * (1 + 0.6 * np.cos(2 * angle - 3 * radius) + 0.3 * np.cos(angle + radius))
    return disc + 0.15 * np.exp(-0.5 * ((x - 1.5) ** 2 + (y + 1) ** 2) / 0.02)


def test_statmorph_on_a_disc_with_arms():
    statmorph = pytest.importorskip("statmorph")
    image = spiral()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segments = np.ones(image.shape, int)
        theirs = statmorph.SourceMorphology(image, segments, skybox_size=8, gain=1e6)
        inside = theirs._segmap_gini
        yc, xc = theirs._asymmetry_center[::-1]
    ours = gini(np.where(inside, image, 0)[None])[0]
    ordered = np.sort(image[inside])
    count = len(ordered)
    direct = np.sum((2 * np.arange(1, count + 1) - count - 1) * ordered) / (ordered.mean() * count * (count - 1))
    assert theirs.gini == pytest.approx(direct, rel=0.01) and 0 < ours < 1
    masked = np.where(inside, image, 0.0)
    assert m20(masked)[0] == pytest.approx(theirs.m20, rel=0.01)
    assert (xc, yc) is not None and asymmetry(image)[0] > 0
