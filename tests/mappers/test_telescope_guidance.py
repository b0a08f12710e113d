"""Guidance by the telescope: exact for Gaussian fields, consistent with the data for others, and tied to the dataset."""

import astropy.units as u
import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine, Chain, ChannelTransform, Log10
from skazoo.errors import ParameterError
from skazoo.mappers import Diffusion
from skazoo.mappers.image_noise import ImageNoise, WhiteNoise, conjugate_gradients, reduced_chi_square
from skazoo.mappers.samplers import SAMPLERS
from skazoo.mappers.telescope_guidance import TelescopeGuidance, guidance_for, map_power

N = 24
FREQUENCY = np.hypot(np.fft.fftfreq(N)[:, None], np.fft.fftfreq(N))
KERNEL = np.exp(-2 * (np.pi * 1.2 * FREQUENCY) ** 2)  # a Gaussian PSF of 1.2 pixels


def spectrum(k):
    """Power of the prior: red, unit variance on this grid."""
    power = (0.03 + FREQUENCY) ** -2.5
    return (0.03 + k) ** -2.5 / power.mean()


class Periodic:
    """Convolution with the PSF on a periodic grid: its own adjoint."""

    def __call__(self, sky):
        x = ops.transpose(sky, (0, 3, 1, 2))
        real, imaginary = ops.fft2((x, ops.zeros_like(x)))
        kernel = ops.convert_to_tensor(KERNEL.astype(np.float32))
        return ops.transpose(ops.ifft2((real * kernel, imaginary * kernel))[0], (0, 2, 3, 1))

    adjoint = __call__


def gaussian_denoiser(x, sigma):
    """E[y | x] of the prior."""
    power = spectrum(FREQUENCY)[None, :, :, None]
    x = ops.convert_to_numpy(x)
    found = np.fft.ifft2(np.fft.fft2(x, axes=(1, 2)) * power / (power + sigma**2), axes=(1, 2)).real
    return found.astype(np.float32)


def guided(guide, noise, transform, steps=40):
    integrate, levels = SAMPLERS["multistep"]
    sigmas = levels(steps, 0.002, 200.0)
    denoise = guide.wrap(gaussian_denoiser, ("hi",), ChannelTransform([transform]), np.zeros(len(noise), int))
    start = ops.convert_to_tensor((noise * sigmas[0]).astype(np.float32))
    return ops.convert_to_numpy(integrate(denoise, start, sigmas))


def draw(power, rng, count=1):
    white = rng.normal(size=(count, N, N))
    return np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power)).real


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_gaussian_posterior_is_exact(strength):
    """Mean and variance of every Fourier mode; samples are linear in the noise, so nothing is left to chance."""
    rng = np.random.default_rng(0)
    shift, scale, factor, rms = 0.4, 2.0, 3.0, 0.5
    y = draw(spectrum(FREQUENCY), rng)[0]
    dirty = np.fft.ifft2(np.fft.fft2(factor * (shift + scale * y)) * KERNEL).real + rms * rng.normal(size=(N, N))
    guide = TelescopeGuidance(
        Periodic(), dirty, rms, factor=factor, power=spectrum, strength=strength, iterations=40, passes=1
    )
    impulse = np.zeros((2, N, N, 1))
    impulse[1, 0, 0] = 1.0  # all modes at once, each by one
    centre, moved = guided(guide, impulse, Affine(shift, scale))[..., 0].astype(float)
    prior, through = spectrum(FREQUENCY), factor * scale * KERNEL
    noise = rms**2 / strength
    expected = prior * through / (through**2 * prior + noise) * np.fft.fft2(dirty - factor * shift)
    variance = prior * noise / (through**2 * prior + noise)
    mean = np.fft.ifft2(expected).real
    assert np.sqrt(np.mean((centre - mean) ** 2)) < 2e-3 * mean.std()
    found = np.abs(np.fft.fft2(moved - centre)) ** 2
    # what is left is the start at sigma = 200, not infinity, and the steps
    np.testing.assert_allclose(found, variance, rtol=0.02)
    assert found.mean() == pytest.approx(variance.mean(), rel=5e-3)


def test_a_bright_lognormal_sky_is_followed():
    """Behind a logarithm it is an approximation; the samples fit the data and the truth lies among them."""
    rng = np.random.default_rng(1)
    transform = Chain([Log10(1e-3), Affine(0.0, 0.5)])
    y = draw(spectrum(FREQUENCY), rng)[0]
    sky, rms = 10 ** (0.5 * y), 0.3
    dirty = np.fft.ifft2(np.fft.fft2(sky) * KERNEL).real + rms * rng.normal(size=(N, N))
    guide = TelescopeGuidance(Periodic(), dirty, rms, power=spectrum)
    drawn = guided(guide, rng.normal(size=(16, N, N, 1)), transform)
    physical = ops.convert_to_numpy(transform.inverse(drawn))[:, None]
    chi_square = guide.reduced_chi_square(physical)[:, 0]
    print(chi_square)
    assert chi_square.mean() == pytest.approx(1.0, abs=0.25)
    spread = drawn[..., 0].std(0)
    z = (y - drawn[..., 0].mean(0)) / spread
    print(z.std(), np.abs(y - drawn[..., 0].mean(0)).mean(), y.std(), spread.mean())
    assert 0.6 < z.std() < 1.5
