"""The measurement equation against its own sum, its adjoint, and OSKAR."""

import astropy.units as u
import numpy as np
import pytest
from astropy.constants import c

from skazoo.errors import ParameterError
from skazoo.telescope import Array, hour_angles, image, point_spread_function, predict, uvw
from skazoo.telescope.imaging import w_term_matters, w_turns

FREQUENCY = 1.35277e9


def direct(sky, pixel, uvw, frequency, w_term=True):
    """The sum, term by term."""
    npix = len(sky)
    axis = (np.arange(npix) - npix // 2) * pixel
    m, l = np.meshgrid(axis, axis, indexing="ij")
    drop = np.sqrt(1 - l**2 - m**2) - 1 if w_term else np.zeros_like(l)
    k = uvw.reshape(-1, 3) * frequency / c.value
    return np.array([np.sum(sky * np.exp(-2j * np.pi * (a * l + b * m + w * drop))) for a, b, w in k])


@pytest.fixture(scope="module")
def baselines():
    """400 baselines of AA4 that pixels of 2 arcsec can sample, w up to 10 km."""
    rng = np.random.default_rng(1)
    array = Array.load("ska-mid-aa4")
    every = uvw(array, -5 * u.deg, hour_angles(8 * u.h, 2 * u.h)).reshape(-1, 3)
    short = np.hypot(every[:, 0], every[:, 1]) * FREQUENCY / c.value < 0.5 / (2 * u.arcsec).to_value(u.rad)
    return rng.choice(every[short], 400)


@pytest.fixture(scope="module")
def sky():
    return np.random.default_rng(2).standard_normal((40, 40))


@pytest.mark.parametrize("w_term", [True, False])
@pytest.mark.parametrize("npix", [40, 33])
@pytest.mark.parametrize("kind, accuracy", [(np.float64, 1e-6), (np.float32, 1e-5)])
def test_predict_is_the_sum(baselines, sky, npix, w_term, kind, accuracy):
    sky = sky[:npix, :npix].astype(kind)
    pixel = (2 * u.arcsec).to_value(u.rad)
    exact = direct(sky.astype(np.float64), pixel, baselines, FREQUENCY, w_term)
    ours = predict(sky, pixel, baselines, FREQUENCY * u.Hz, w_term=w_term)
    assert ours.dtype == (np.complex64 if kind is np.float32 else np.complex128)
    assert np.linalg.norm(ours - exact) <= accuracy * np.linalg.norm(exact)


def test_a_wide_field_needs_w(baselines, sky):
    """Over 40 pixels of a minute of arc the w term turns the phases; "auto" takes it along."""
    wide, pixel = 60 * u.arcsec, (60 * u.arcsec).to_value(u.rad)
    exact = direct(sky, pixel, baselines, FREQUENCY)
    assert w_term_matters(baselines, FREQUENCY, 40, wide)
    assert np.linalg.norm(predict(sky, wide, baselines, FREQUENCY) - exact) < 1e-6 * np.linalg.norm(exact)
    assert np.linalg.norm(predict(sky, wide, baselines, FREQUENCY, w_term=False) - exact) > 0.1 * np.linalg.norm(exact)


def test_a_tiny_field_does_not(baselines, sky):
    tiny = 0.05 * u.arcsec
    assert w_turns(baselines, FREQUENCY, 40, tiny) < 1e-3
    assert not w_term_matters(baselines, FREQUENCY, 40, tiny)
    exact = direct(sky, tiny.to_value(u.rad), baselines, FREQUENCY)
    assert np.linalg.norm(predict(sky, tiny, baselines, FREQUENCY) - exact) < 1e-5 * np.linalg.norm(exact)


@pytest.mark.parametrize("w_term", [True, False])
def test_image_is_the_adjoint(baselines, sky, w_term):
    """Re <predict(x), W y> / sum W = <x, image(y, W)>."""
    rng = np.random.default_rng(3)
    y = rng.standard_normal(400) + 1j * rng.standard_normal(400)
    weights = rng.random(400)
    pixel = 2 * u.arcsec
    left = np.vdot(y * weights, predict(sky, pixel, baselines, FREQUENCY, w_term=w_term)).real / weights.sum()
    right = np.sum(sky * image(y, baselines, FREQUENCY, 40, pixel, weights, w_term=w_term))
    assert left == pytest.approx(right, rel=1e-8)


def test_a_point_of_1_jy_peaks_at_1(baselines):
    for npix in (40, 41):
        sky = np.zeros((npix, npix))
        sky[npix // 2, npix // 2] = 1
        dirty = image(predict(sky, 2 * u.arcsec, baselines, FREQUENCY), baselines, FREQUENCY, npix, 2 * u.arcsec)
        assert dirty[npix // 2, npix // 2] == pytest.approx(1, abs=1e-6)
        assert np.unravel_index(dirty.argmax(), dirty.shape) == (npix // 2, npix // 2)


def test_a_moved_source_turns_the_phase(baselines):
    """A source one pixel to the east (l > 0) gives exp(-2 pi i u d)."""
    sky = np.zeros((32, 32))
    sky[16, 17] = 1
    pixel = (2 * u.arcsec).to_value(u.rad)
    phase = -2 * np.pi * baselines[:, 0] * FREQUENCY / c.value * pixel
    np.testing.assert_allclose(predict(sky, pixel, baselines, FREQUENCY, False), np.exp(1j * phase), atol=1e-7)


def test_psf_is_the_image_of_a_point(baselines):
    psf = point_spread_function(baselines, FREQUENCY, 24, 2 * u.arcsec)
    assert psf.shape == (48, 48) and psf[24, 24] == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(psf[1:, 1:], psf[1:, 1:][::-1, ::-1], atol=1e-8)
    point = np.zeros((48, 48))
    point[24, 24] = 1
    vis = predict(point, 2 * u.arcsec, baselines, FREQUENCY, w_term=False)
    np.testing.assert_allclose(psf, image(vis, baselines, FREQUENCY, 48, 2 * u.arcsec, w_term=False), atol=1e-8)


@pytest.mark.real
def test_visibilities_agree_with_oskar(ska_data):
    theirs = np.load(ska_data / "oskar_mid_reference.npz")
    sky = np.zeros((int(theirs["npix"]),) * 2)
    for (l, m), jansky in zip(theirs["source_pixel"], theirs["source_jy"], strict=True):
        sky[m, l] += jansky
    expected = theirs["visibilities"][:, 0]
    ours = predict(sky, float(theirs["pixel_arcsec"]) * u.arcsec, -theirs["uvw_m"], theirs["frequency_hz"][0])
    assert ours.shape == expected.shape
    assert np.linalg.norm(ours - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (dict(image=np.zeros((4, 5))), "square"),
        (dict(image=np.full((4, 4), np.nan)), "finite"),
        (dict(uvw=np.zeros((3, 2))), r"\(\.\.\., 3\)"),
        (dict(pixel_scale=0), "pixel_scale"),
        (dict(frequency=-1), "frequency"),
        (dict(w_term="maybe"), "w_term"),
    ],
)
def test_bad_input_to_predict(arguments, says):
    given = dict(image=np.zeros((4, 4)), pixel_scale=1e-5, uvw=np.ones((3, 3)), frequency=1e9, **{})
    with pytest.raises(ParameterError, match=says):
        predict(**{**given, **arguments})


@pytest.mark.parametrize(
    "arguments, says",
    [
        (dict(vis=np.ones(4, complex)), "vis has shape"),
        (dict(weights=np.zeros(3)), "weights must be"),
        (dict(weights=-np.ones(3)), "weights must be"),
        (dict(weights=np.ones(2)), "weights have shape"),
        (dict(npix=0), "npix"),
    ],
)
def test_bad_input_to_image(arguments, says):
    given = dict(vis=np.ones(3, complex), uvw=np.ones((3, 3)), frequency=1e9, npix=4, pixel_scale=1e-5)
    with pytest.raises(ParameterError, match=says):
        image(**{**given, **arguments})
