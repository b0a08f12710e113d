"""The pixels' Gaussian, correlated in blocks, against its covariance written out."""

import numpy as np
import pytest
import scipy.fft
from keras import ops
from scipy.stats import multivariate_normal

from skazoo.networks.pixel_distributions import GaussianPixels


def parameters_of(block, channels, rows=8, columns=12, seed=0):
    count = 2 * channels + (channels if block > 1 else 0)
    return np.random.default_rng(seed).normal(size=(3, rows, columns, count)).astype(np.float32)


def covariance(parameters, block, channel, channels, corner):
    """Of one block: S C^T W^2 C S, in float64, with scipy's cosine transform."""
    here = np.s_[corner[0] : corner[0] + block, corner[1] : corner[1] + block]
    bound = lambda x: 7 * np.tanh(x / 7)  # noqa: E731
    deviation = np.exp(0.5 * bound(parameters[here][..., channels + channel].astype(float))).ravel()
    spectrum = np.exp(bound(parameters[here][..., 2 * channels + channel].astype(float))).ravel()
    one = np.eye(block * block).reshape(-1, block, block)
    cosines = scipy.fft.dctn(one, axes=(1, 2), norm="ortho").reshape(block * block, -1).T  # coefficient, pixel
    return deviation[:, None] * (cosines.T @ (spectrum[:, None] * cosines)) * deviation


@pytest.mark.parametrize("block, channels", [(2, 1), (4, 2)])
def test_the_density_is_that_of_the_covariance(block, channels):
    pixels, parameters = GaussianPixels(channels, block), parameters_of(block, channels)
    maps = np.random.default_rng(1).normal(size=(3, 8, 12, channels)).astype(np.float32)
    found = ops.convert_to_numpy(pixels.log_prob(parameters, maps))
    for image in range(3):
        expected = 0.0
        for i in range(0, 8, block):
            for j in range(0, 12, block):
                for c in range(channels):
                    here = np.s_[image, i : i + block, j : j + block, c]
                    expected += multivariate_normal(
                        parameters[here].ravel(), covariance(parameters[image], block, c, channels, (i, j))
                    ).logpdf(maps[here].ravel())
        assert found[image] == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("block, channels", [(2, 1), (4, 2)])
def test_what_is_drawn_has_that_covariance(block, channels):
    # linear in the noise: one unit of each number after the other gives a root of the covariance
    pixels, parameters = GaussianPixels(channels, block), parameters_of(block, channels, block, block)[:1]
    units = np.eye(block * block * channels, dtype=np.float32).reshape(-1, block, block, channels)
    draw = lambda noise, temperature: ops.convert_to_numpy(pixels.draw(parameters, noise, temperature))  # noqa: E731
    mean = ops.convert_to_numpy(pixels.mean(parameters))
    root = (draw(units, 0.5) - mean) / 0.5
    for c in range(channels):
        one = root[..., c].reshape(len(root), -1)
        np.testing.assert_allclose(one.T @ one, covariance(parameters[0], block, c, channels, (0, 0)), atol=2e-4)


@pytest.mark.parametrize("grain", [0.0, 1.0])
def test_flat_spectra_are_independent_pixels(grain):
    parameters = parameters_of(4, 2)
    parameters[..., 4:] *= 1.0 - grain
    maps = np.random.default_rng(1).normal(size=(3, 8, 12, 2)).astype(np.float32)
    blocks, alone = GaussianPixels(2, 4), GaussianPixels(2)
    np.testing.assert_allclose(
        ops.convert_to_numpy(blocks.log_prob(parameters, maps, grain)),
        ops.convert_to_numpy(alone.log_prob(parameters[..., :4], maps)),
        rtol=1e-5,
    )
