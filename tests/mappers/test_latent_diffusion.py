"""Two stages in one: separate gradients, a latent of unit variance, true spectra, and state that travels."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine, Chain, Log10
from skazoo.errors import ParameterError
from skazoo.mappers import LatentDiffusion
from skazoo.mappers.latent_diffusion import RunningMoments
from skazoo.mappers.noise import RowNoise
from skazoo.presets import from_pretrained

PLAIN = {"a": Affine(), "b": Affine()}


def tiny(**more):
    arguments = {"transforms": PLAIN, "width": 16, "multipliers": (1,), "autoencoder_width": 8, **more}
    return LatentDiffusion("a", "b", arguments.pop("image_size", 16), **arguments)


def shaken(mapper):
    rng = np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.05 * rng.normal(size=variable.shape).astype(np.float32))
    return mapper


def test_the_latent_is_small():
    mapper = tiny(image_size=64)
    mean, log_variance = mapper.latent(np.zeros((1, 64, 64, 1), np.float32))
    assert mean.shape == log_variance.shape == (1, 16, 16, 4) and mapper.stride == 4
    assert 64 * 64 / np.prod(mean.shape[1:]) == 4
    assert tiny(latent_channels=2).latent_channels / 16 == 1 / 8


def test_running_moments():
    """The mean of all batches at first; inverse of each other; exact for batches that drift."""
    moments, rng = RunningMoments(3), np.random.default_rng(0)
    batches = [2.0 * i + (1 + i) * rng.normal(size=(8, 4, 4, 3)).astype(np.float32) for i in range(4)]
    for batch in batches:
        moments.update(batch)
    whole = np.stack(batches).reshape(-1, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(moments.mean.value), whole.mean(0), rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(moments.square.value), whole.var(0), rtol=1e-5)
    standard = ops.convert_to_numpy(moments.standardise(np.stack(batches).reshape(-1, 4, 4, 3)))
    np.testing.assert_allclose(standard.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std((0, 1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(moments.restore(moments.standardise(whole))), whole, atol=1e-5)
    for _ in range(2000):
        moments.update(batches[0])
    np.testing.assert_allclose(ops.convert_to_numpy(moments.mean.value), batches[0].mean((0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(ops.convert_to_numpy(moments.square.value), batches[0].var((0, 1, 2)), rtol=1e-3)


def test_neither_stage_moves_the_other():
    """With the diffusion's weights set differently, the autoencoder takes the same step."""

    def step(change):
        mapper = shaken(tiny())
        if change:
            for variable in mapper.diffusion.trainable_variables:
                variable.assign(2.0 * ops.convert_to_numpy(variable))
        eager = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {}  # saves compiling
        mapper.compile(keras.optimizers.SGD(0.1), average=(), jit_compile=False, **eager)
        x = np.random.default_rng(1).normal(size=(4, 16, 16, 1)).astype(np.float32)
        mapper.fit(x, x, batch_size=4, shuffle=False, verbose=0)
        return [ops.convert_to_numpy(v) for net in (mapper.encoder, mapper.decoder) for v in net.trainable_variables]

    for one, other in zip(step(False), step(True), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-7)


def test_the_divergence_is_that_of_gaussians():
    """The loss without diffusion: squared error + kl KL(q || N(0, 1)) per pixel, here by Monte Carlo."""
    mapper = shaken(tiny(kl=0.5))
    mapper.diffusion.network_loss = lambda latent, source, training: 0.0
    x = np.random.default_rng(1).normal(size=(1, 16, 16, 1)).astype(np.float32)
    mean, log_variance = (ops.convert_to_numpy(each).astype(float) for each in mapper.latent(x))
    xi = np.random.default_rng(2).normal(size=(20_000, 1))
    z, q = mean.ravel() + np.exp(0.5 * log_variance.ravel()) * xi, -0.5 * (xi**2 + log_variance.ravel())
    divergence = np.mean(np.sum(q + 0.5 * z**2, axis=1)) / 256
    loss = float(mapper.network_loss(x, x, False)[0])
    error = float(ops.convert_to_numpy(mapper.reconstruction.result()))
    assert loss - error == pytest.approx(0.5 * divergence, rel=0.02)


def test_decoded_by_tiles():
    """The decoder is put on tiles in step with the denoiser: one tile changes nothing, several fit together."""
    mapper = shaken(tiny())
    source = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    whole = mapper.sample(source, 1, steps=4)
    np.testing.assert_allclose(mapper.sample(source, 1, steps=4, tile=16, overlap=8), whole, rtol=1e-3, atol=1e-3)
    large = mapper.sample(np.tile(source, (1, 2, 3, 1)), 1, steps=4, tile=16, overlap=8)
    assert large.shape == (1, 2, 32, 48, 1) and np.all(np.isfinite(large))
    with pytest.raises(ParameterError, match="multiple of 4"):
        mapper.sample(source, 1, steps=2, tile=14, overlap=4)


def test_state_travels_with_the_preset(tmp_path):
    mapper = shaken(tiny())
    mapper.moments.update(3.0 + np.random.default_rng(0).normal(size=(4, 4, 4, 4)).astype(np.float32))
    loaded = from_pretrained(mapper.save_pretrained(tmp_path / "preset"))
    for ours, theirs in zip(mapper.moments.variables, loaded.moments.variables, strict=True):
        assert np.array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))
    assert float(ops.convert_to_numpy(loaded.moments.count)) == 1.0
    noise = RowNoise(0, [0], [0])
    source = np.ones((1, 16, 16, 1), np.float32)
    assert np.array_equal(mapper.draw(source, noise, steps=2), loaded.draw(source, noise, steps=2))


def lognormal(n, size, seed=0):
    """Pairs like the toy universe's: red Gaussian fields in the logarithm, target a steeper one with scatter."""
    rng = np.random.default_rng(seed)
    k = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)) + 1 / size
    power = k**-3.0
    power /= power.mean()

    def field():
        return np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, size, size))) * np.sqrt(power)).real

    cause = field()
    source, target = 10 ** (7 + 0.6 * cause), 10 ** (4 + 1.1 * (0.8 * cause + 0.6 * field()))
    return source[..., None].astype(np.float32), target[..., None].astype(np.float32)


def spectrum(maps):
    size = maps.shape[1]
    power = np.mean(np.abs(np.fft.fft2(maps)) ** 2, axis=0)
    ring = np.rint(np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size) * size]))).astype(int)
    return np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())


@pytest.mark.slow
@pytest.mark.parametrize("channels", [4, 2])
def test_reconstructed_spectrum(channels):
    """Within 10 % to half Nyquist, on maps that were not trained on, 4 and 8 times smaller; and so are samples."""
    transforms = {"dark_matter": Chain([Log10(1e2), Affine(7.0, 0.6)]), "hi": Chain([Log10(1e-2), Affine(4.0, 1.1)])}
    mapper = LatentDiffusion(
        image_size=32, latent_channels=channels, autoencoder_width=16, width=32, transforms=transforms
    )
    mapper.compile(learning_rate=2e-3)
    history = mapper.fit(*lognormal(1024, 32), batch_size=16, epochs=12, verbose=0).history
    source, target = lognormal(64, 32, seed=1)
    with mapper.averaged_weights():
        y = mapper.encode(target, "target")
        back = mapper.decode(mapper.moments.standardise(mapper.latent(y)[0]))
    ratio = spectrum(ops.convert_to_numpy(back)[..., 0]) / spectrum(ops.convert_to_numpy(y)[..., 0])
    drawn = mapper.sample(source, 1)[0]
    sampled = spectrum(ops.convert_to_numpy(mapper.encode(drawn, "target"))[..., 0]) / spectrum(
        ops.convert_to_numpy(y)[..., 0]
    )
    print(
        channels, "reconstruction", ratio[:9].round(3), "samples", sampled[:9].round(3), history["reconstruction"][-1]
    )
    assert np.abs(ratio[1:9] - 1).max() < 0.1  # ring 16 is Nyquist
    assert np.abs(sampled[2:9] - 1).max() < 0.35
