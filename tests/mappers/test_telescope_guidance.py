"""Guidance by the telescope: exact for Gaussian fields, true to the data for others, and tied to the dataset."""

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
    assert chi_square.mean() == pytest.approx(1.0, abs=0.25)
    spread = drawn[..., 0].std(0)
    z = (y - drawn[..., 0].mean(0)) / spread
    assert 0.6 < z.std() < 1.5


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """(view, batch of examples) of the toy universe as AA2 sees it."""
    from skazoo.datasets.generate import Galaxy, View, make_example

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKAZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        view = View(npix=32, array="ska-mid-aa2", taper_arcsec=20.0, fields=("hi", "brightness_temperature"))
        made = [make_example(Galaxy("toy", seed).particles(), Galaxy("toy", seed), 0, view) for seed in range(4)]
        yield (
            view,
            {name: np.stack([one[name] for one in made]) for name in made[0] if name not in ("id", "simulation")},
        )


def test_the_true_sky_of_an_example_has_chi_square_1(toy):
    """The operator, the units and the noise are those that made the dataset."""
    view, batch = toy
    for field in ("hi", "brightness_temperature"):
        guide = guidance_for(view, batch, field)
        truth = batch[field][None, ..., None]
        chi_square = guide.reduced_chi_square(truth)
        assert chi_square.shape == (1, 4)
        # about 160 degrees of freedom each: sqrt(2 / 640) = 0.056 for the mean
        assert chi_square.mean() == pytest.approx(1.0, abs=0.12)
        assert np.all(guide.reduced_chi_square(1.2 * truth)[0, [0, 3]] > chi_square[0, [0, 3]])
    ratio = batch["brightness_temperature"][batch["hi"] > 0] / batch["hi"][batch["hi"] > 0]
    assert guidance_for(view, batch).factor == pytest.approx(1e-3 * np.median(ratio), rel=1e-5)


def test_noise_is_the_telescopes(toy):
    """Draws of the observation's own noise: unit chi^2, and the covariance that is claimed."""
    from skazoo.datasets.generate import mock_observation

    view, batch = toy
    observation = mock_observation(view, 0.0)
    noise = ImageNoise(observation)
    generator = np.random.default_rng(0)
    draws = np.stack([observation.response.noise(generator) for _ in range(200)]) / observation.response.noise_rms
    probe = np.random.default_rng(1).normal(size=(1, 32, 32)).astype(np.float32)
    expected = ops.convert_to_numpy(noise.correlation(ops.convert_to_tensor(probe)))[0]
    variance = float(np.sum(probe[0] * expected))
    found = np.einsum("nij,ij->n", draws, probe[0])
    assert found.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / 200))
    chi_square = reduced_chi_square(draws * 3.0, np.zeros_like(draws), 3.0, noise)
    assert chi_square.mean() == pytest.approx(1.0, abs=0.03)
    assert chi_square.std() == pytest.approx(np.sqrt(2 / 159), rel=0.2)


def test_conjugate_gradients_solve(toy):
    from skazoo.datasets.generate import mock_observation

    noise = ImageNoise(mock_observation(toy[0], 0.0), jitter=0.1)
    rhs = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32))
    z = conjugate_gradients(noise.covariance, rhs, noise.precision, 40)
    np.testing.assert_allclose(ops.convert_to_numpy(noise.covariance(z)), ops.convert_to_numpy(rhs), atol=2e-3)
    zero = conjugate_gradients(noise.covariance, ops.zeros_like(rhs), noise.precision, 5)
    assert np.all(ops.convert_to_numpy(zero) == 0)


def test_a_mapper_is_guided_to_the_data(toy):
    """Through `Mapper.sample`, with its transforms: an untrained network, and yet the samples fit the image."""
    view, batch = toy
    guide = guidance_for(view, batch)
    mapper = Diffusion("dark_matter", "hi", 32, width=8, multipliers=(1,), stem=2)
    source = np.ones((4, 32, 32, 1), np.float32)
    free = guide.reduced_chi_square(mapper.sample(source, 2, steps=24))
    held = guide.reduced_chi_square(mapper.sample(source, 2, steps=24, guide=guide))
    assert free[:, :2].min() > 20 and np.all(held[:, :3] < 0.6 * free[:, :3])
    # with steps and passes galaxy 1 converges to 7, where an untrained prior, which expects no bright disc, holds it
    assert held[:, [0, 2, 3]].max() < 3 and held[:, 1].max() < 8
    alone = mapper.sample(source[[2]], 2, rows=[2], steps=24, guide=guide)
    np.testing.assert_allclose(guide.reduced_chi_square(np.repeat(alone, 4, 1))[:, 2], held[:, 2], rtol=0.02)


def test_spectrum_of_maps():
    rng = np.random.default_rng(0)
    power = map_power(3.0 + draw(spectrum(FREQUENCY), rng, 400))
    inner = (FREQUENCY > 0.03) & (FREQUENCY < 0.5)
    np.testing.assert_allclose(power(FREQUENCY)[inner], spectrum(FREQUENCY)[inner], rtol=0.3)
    assert power(FREQUENCY).mean() == pytest.approx(1.0, rel=0.1)


def test_refused(toy):
    view, batch = toy
    with pytest.raises(ParameterError, match="redshifts"):
        guidance_for(view, {**batch, "redshift": np.array([0, 0, 0.1, 0])})
    with pytest.raises(ParameterError, match="field"):
        guidance_for(view, batch, "gas")
    with pytest.raises(ParameterError, match="noise_rms"):
        TelescopeGuidance(Periodic(), np.zeros((N, N)), 0.0)
    guide = TelescopeGuidance(Periodic(), np.zeros((2, N, N)), 1.0)
    with pytest.raises(ParameterError, match="row 5"):
        guide.wrap(None, ("hi",), ChannelTransform([Affine()]), [0, 5])
    with pytest.raises(ParameterError, match="samples must be"):
        guide.reduced_chi_square(np.zeros((2, N, N, 1)))
    assert WhiteNoise().covariance(1.0) == 1.0
