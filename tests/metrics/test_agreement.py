"""Against independent implementations that are installed for tests only: tarp, statmorph, scikit-image."""

import warnings

import numpy as np
import pytest

from skazoo.metrics import asymmetry, gini, half_mass_radius, m20, ms_ssim, ssim, tarp


def test_tarp_of_its_authors():
    theirs = pytest.importorskip("tarp")
    rng = np.random.default_rng(0)
    samples, truth = rng.normal(size=(50, 200, 4)), rng.normal(size=(200, 4))
    cube = rng.uniform(size=(200, 4))  # theirs are given on the unit cube of the truths where they are normalised
    low, high = truth.min(axis=0), truth.max(axis=0)
    for scale, given, ours in ((True, cube, low + cube * (high - low)), (False, cube, cube)):
        options = {"references": given.copy(), "norm": scale, "num_alpha_bins": 20}
        expected, edges = theirs.get_tarp_coverage(samples, truth, metric="euclidean", bootstrap=False, **options)
        share = tarp(samples, truth, ours, scale=scale).ranks / 50
        counts = np.histogram(share, edges)[0]  # their bins span the shares that occur
        np.testing.assert_allclose(expected, np.concatenate([[0], np.cumsum(counts) / 200]), atol=1e-12)


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


def arms(size=161):
    """A disc with three arms and an ellipse, which falls to nothing within the frame."""
    y, x = (np.indices((size, size)) - (size - 1) / 2) / 12
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    return np.exp(-radius) * (1 + 0.5 * np.cos(3 * angle - 2 * radius) + 0.3 * np.cos(2 * angle))


def test_statmorph_on_a_disc_with_arms():
    statmorph = pytest.importorskip("statmorph")
    image = arms()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = statmorph.SourceMorphology(image, np.ones(image.shape, int), 1, skybox_size=8, gain=1e6)
        inside, aperture = theirs._segmap_gini, 1.5 * theirs.rpetro_circ
        about_the_middle = theirs._asymmetry_function(np.array([80.0, 80.0]), image, "cas")
    # their own pixels, aperture and centre: only then is the formula what differs
    assert gini(image[inside][None, None])[0] == pytest.approx(theirs.gini, rel=1e-6)
    assert m20(np.where(inside, image, 0.0))[0] == pytest.approx(theirs.m20, rel=0.01)
    assert asymmetry(image, aperture / half_mass_radius(image, 1.0)[0])[0] == pytest.approx(about_the_middle, rel=0.01)
