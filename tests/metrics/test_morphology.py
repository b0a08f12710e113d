import warnings

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import asymmetry, clumpiness, concentration, gini, half_mass_radius, m20, psnr, ssim


def disc(size=65, length=6.0):
    place = np.arange(size) - (size - 1) / 2
    return np.exp(-np.hypot(place[:, None], place[None, :]) / length)


def test_a_round_disc_is_symmetric_and_half_a_map_is_not():
    half = disc(64)
    half[:, :32] = 0
    assert asymmetry(disc())[0] == pytest.approx(0, abs=1e-12)
    assert asymmetry(half)[0] == pytest.approx(2)


def test_concentration_of_an_exponential_disc():
    assert concentration(disc(129))[0] == pytest.approx(5 * np.log10(2.994 / 0.824), rel=0.02)


def test_noise_is_clumpy_and_a_smooth_disc_is_not():
    noise = disc() * np.random.default_rng(0).lognormal(0, 1, (65, 65))
    s = clumpiness(np.stack([disc(), noise]))
    assert s[0] < 0.05 < 0.2 < s[1]


def test_gini_of_the_extremes():
    one = np.zeros((8, 8))
    one[3, 3] = 5.0
    np.testing.assert_allclose(gini(np.stack([np.full((8, 8), 2.0), one])), [0.0, 1.0], atol=1e-12)
    values = np.random.default_rng(0).random((8, 8))
    pairs = np.abs(values.ravel()[:, None] - values.ravel()[None]).sum() / (2 * values.mean() * 64 * 63)
    assert gini(values)[0] == pytest.approx(pairs)


def test_m20_is_lower_for_one_peak_than_for_two():
    two = np.roll(disc(), 20, axis=1) + np.roll(disc(), -20, axis=1)
    found = m20(np.stack([disc(), two]))
    assert found[0] < -1.5 < -1.0 < found[1] < 0


def test_shapes_do_not_depend_on_the_amplitude_and_are_undefined_for_empty_maps():
    maps = disc() * np.random.default_rng(1).lognormal(0, 0.5, (65, 65))
    for measure in (asymmetry, clumpiness, concentration, gini, m20):
        np.testing.assert_allclose(measure(1e7 * maps), measure(maps), rtol=1e-10)
        assert np.isnan(measure(np.zeros((1, 16, 16)))).all(), measure.__name__


def test_agreement_with_statmorph():
    statmorph = pytest.importorskip("statmorph")
    image = disc(129, 8.0) * np.random.default_rng(2).lognormal(0, 0.4, (129, 129))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an image without sky
        found = statmorph.SourceMorphology(image, np.ones(image.shape, int), 1, weightmap=np.full(image.shape, 1e-9))
        inside = found._segmap_gini
        fixed = found._asymmetry_function(np.array([64.0, 64.0]), image, "cas")
    assert gini(image[inside][None])[0] == pytest.approx(found.gini, rel=0.01)
    assert m20(np.where(inside, image, 0.0))[0] == pytest.approx(found.m20, rel=0.01)
    aperture = 1.5 * found._rpetro_circ_centroid / half_mass_radius(image, 1.0)[0]
    assert asymmetry(image, aperture)[0] == pytest.approx(fixed, rel=0.01)


def test_ssim_and_psnr_agree_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(40, 48))
    image = truth + 0.3 * rng.normal(size=truth.shape)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 6.0}
    assert ssim(image, truth, 6.0) == pytest.approx(metrics.structural_similarity(image, truth, **options), abs=1e-6)
    assert psnr(image, truth, 6.0) == pytest.approx(metrics.peak_signal_noise_ratio(truth, image, data_range=6.0))
    assert ssim(np.stack([image, truth]), np.stack([truth, truth]), 6.0)[1] == pytest.approx(1.0)
    assert np.isinf(psnr(truth, truth, 1.0))


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match="they must agree"):
        psnr(np.zeros((4, 4)), np.zeros((4, 5)), 1.0)
    with pytest.raises(ParameterError, match="data_range"):
        ssim(np.zeros((16, 16)), np.zeros((16, 16)), 0.0)
    with pytest.raises(ParameterError, match="more than 10 pixels"):
        ssim(np.zeros((8, 8)), np.zeros((8, 8)), 1.0)
