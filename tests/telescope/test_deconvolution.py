"""CLEAN and the Wiener filter against skies that are known."""

import sys

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ObservationError, OutputError, ParameterError
from skazoo.telescope import clean, wiener
from skazoo.telescope.linear_inverse import fitted_prior


@pytest.fixture(scope="module")
def points():
    sky = np.zeros((48, 48))
    for row, column, flux in ((24, 24, 1.0), (12, 33, 0.6), (30, 10, 0.4)):
        sky[row, column] = flux
    return sky * u.Jy / u.pix


def test_clean_finds_points(small, points):
    seen = small.observe(points, seed=None)
    found = clean(seen, gain=0.2, threshold=1e-4)
    assert np.abs(found.residual.data).max() <= 1e-4 * 1.001
    assert found.model.data.sum() == pytest.approx(2.0, rel=0.01)
    assert found.model.data[24, 24] == pytest.approx(1.0, abs=0.02)
    assert found.model.data[12, 33] == pytest.approx(0.6, abs=0.02)
    assert found.model.unit == u.Jy / u.pix and found.restored.unit == u.Jy / u.beam


def test_what_clean_takes_away_is_the_psf_of_its_model(small, blobs):
    """dirty = PSF * model + residual, exactly."""
    seen = small.observe(blobs, seed=1)
    found = clean(seen, iterations=500)
    assert 0 < found.iterations <= 500
    again = small.observe(found.model.data * u.Jy / u.pix, seed=None).dirty.data + found.residual.data
    np.testing.assert_allclose(again, seen.dirty.data, atol=1e-5 * np.abs(seen.dirty.data).max())


def test_restored_image_is_closer_to_the_sky_than_the_dirty_one(small, blobs):
    seen = small.with_hours(10_000).observe(blobs, seed=2)
    found = clean(seen)
    kernel = seen.beam.kernel(48, small.pixel_scale)
    truth = np.fft.ifft2(np.fft.fft2(seen.sky) * np.fft.fft2(np.fft.ifftshift(kernel))).real
    errors = [np.linalg.norm(x - truth) for x in (seen.dirty.data, found.restored.data)]
    assert errors[1] < 0.3 * errors[0]


def test_a_mask_is_kept(small, points):
    mask = np.zeros((48, 48), bool)
    mask[20:29, 20:29] = True
    found = clean(small.observe(points, seed=None), threshold=0.01, mask=mask)
    assert not found.model.data[~mask].any() and found.model.data[24, 24] > 0.9


def test_wiener_is_the_best_linear_estimate(small):
    """On Gaussian skies of known power its mean square error is what theory says, and below its neighbours'."""

    def power(frequency):
        return 1e-9 / (1 + (frequency * 16) ** 2) ** 2

    rng = np.random.default_rng(7)
    plane = power(np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96)[None]))
    errors = {name: [] for name in ("right", "louder", "quieter", "dirty")}
    for seed in range(15):
        sky = np.fft.ifft2(np.fft.fft2(rng.standard_normal((96, 96))) * np.sqrt(plane)).real[:48, :48]
        seen = small.observe(sky * u.Jy / u.pix, seed=seed)
        for name, factor in (("right", 1), ("louder", 30), ("quieter", 1 / 30)):
            estimate = wiener(seen, prior=lambda k, factor=factor: factor * power(k)).data
            errors[name].append(np.mean((estimate - sky) ** 2))
        dirty = seen.dirty.data * (np.sum(seen.dirty.data * sky) / np.sum(seen.dirty.data**2))
        errors["dirty"].append(np.mean((dirty - sky) ** 2))
    mean = {name: np.mean(values) for name, values in errors.items()}
    assert mean["right"] < min(mean["louder"], mean["quieter"], mean["dirty"])
    assert mean["right"] < 0.95 * mean["dirty"]  # which was scaled to fit with the truth at hand
    assert mean["right"] < plane.mean()


def test_wiener_of_the_adjoint_problem_by_matrices(small):
    """Against the same formula with explicit matrices, on a corner of a smaller problem."""
    tiny = type(small).from_config({**small.config, "npix": 12, "weighting_fov": 384.0})
    seen = tiny.observe(np.random.default_rng(1).random((12, 12)) * 1e-4 * u.Jy / u.pix, seed=0)
    prior = lambda k: 1e-8 / (1 + 100 * k**2)  # noqa: E731
    basis = np.eye(144).reshape(144, 12, 12)
    a = np.array([tiny.response.convolve(e).ravel() for e in basis], np.float64).T

    def toeplitz(spectrum):
        covariance = np.fft.irfft2(spectrum, s=(24, 24))
        row, column = np.divmod(np.arange(144), 12)
        return covariance[(row[:, None] - row) % 24, (column[:, None] - column) % 24]

    k = np.hypot(np.fft.fftfreq(24)[:, None], np.fft.rfftfreq(24)[None])
    s = toeplitz(prior(k))
    n = toeplitz(tiny.response.noise_power.astype(np.float64) * 576 * tiny.noise_scale**2)
    n += np.eye(144) * n[0, 0] * 1e-2
    data = seen.dirty.data.ravel().astype(np.float64)
    expected = s @ a.T @ np.linalg.solve(a @ s @ a.T + n, data)
    ours = wiener(seen, prior=prior, tolerance=1e-8, iterations=5000).data.ravel()
    assert np.linalg.norm(ours - expected) < 1e-3 * np.linalg.norm(expected)


def test_wiener_estimates_its_prior(small, blobs):
    seen = small.with_hours(1).observe(blobs, seed=3)
    estimate = wiener(seen)
    assert estimate.unit == u.Jy / u.pix
    correlations = [np.corrcoef(x.ravel(), seen.sky.ravel())[0, 1] for x in (estimate.data, seen.dirty.data)]
    assert correlations[0] > max(0.85, correlations[1])
    with pytest.raises(ObservationError, match="nothing in the image stands above the noise"):
        wiener(small.with_hours(1e-4).observe(blobs, seed=3))


def test_refused(small, blobs, points):
    seen, silent = small.observe(blobs, seed=0), small.observe(points, seed=None)
    with pytest.raises(ParameterError, match="threshold must be given"):
        clean(silent)
    with pytest.raises(ParameterError, match=r"gain must be in \(0, 1\]"):
        clean(seen, gain=1.5)
    with pytest.raises(ParameterError, match="mask must have shape"):
        clean(seen, mask=np.ones((3, 3)))
    with pytest.raises(ParameterError, match="needs an image with noise"):
        wiener(silent)
    with pytest.raises(ParameterError, match="prior must give a finite power"):
        wiener(seen, prior=lambda k: -k)


def test_the_fitted_prior_is_that_of_the_sky(small, blobs):
    """A bright middle in an empty frame: the level is that of the frame, and the estimate beats a scaled dirty map."""
    seen = small.with_hours(10).observe(blobs, seed=3)
    prior = fitted_prior(seen)
    frequency = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(48))
    power = np.abs(np.fft.fft2(seen.sky)) ** 2 / seen.sky.size
    for ring in (2, 4, 6):
        true = power[np.abs(frequency * 48 - ring) < 0.5].mean()
        assert true / 4 < prior(np.array(ring / 48)) < true * 4
    estimate = wiener(seen).data
    scaled = seen.dirty.data * (np.sum(seen.dirty.data * seen.sky) / np.sum(seen.dirty.data**2))
    assert np.mean((estimate - seen.sky) ** 2) < 0.8 * np.mean((scaled - seen.sky) ** 2)


@pytest.mark.parametrize("method", ["radler", "radler-multiscale"])
def test_radler(small, blobs, method):
    pytest.importorskip("radler", reason='radler is the extra skazoo[clean]: pip install "skazoo[clean]"')
    seen = small.with_hours(10_000).observe(blobs, seed=2)
    found = clean(seen, method=method)
    again = small.observe(found.model.data * u.Jy / u.pix, seed=None).dirty.data + found.residual.data
    np.testing.assert_allclose(again, seen.dirty.data, atol=1e-5 * np.abs(seen.dirty.data).max())
    assert found.iterations > 10
    truth = np.fft.ifft2(
        np.fft.fft2(seen.sky) * np.fft.fft2(np.fft.ifftshift(seen.beam.kernel(48, small.pixel_scale)))
    ).real
    assert np.linalg.norm(found.restored.data - truth) < 0.05 * np.linalg.norm(truth)
    with pytest.raises(ParameterError, match='mask is for method "hogbom"'):
        clean(seen, method=method, mask=np.ones((48, 48), bool))


def test_radler_is_an_extra(small, blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "radler", None)
    with pytest.raises(OutputError, match=r'pip install "skazoo\[clean\]"'):
        clean(small.observe(blobs, seed=0), method="radler")
    with pytest.raises(ParameterError, match="unknown method 'wsclean'"):
        clean(small.observe(blobs, seed=0), method="wsclean")
