"""The likelihood of flows, and Glow, where the answer is known."""

import math

import numpy as np
import pytest
from keras import ops
from scipy.integrate import quad
from scipy.stats import norm

from skazoo.datasets.transforms import Affine, Asinh, Chain, Log10
from skazoo.errors import ParameterError
from skazoo.mappers import Glow
from skazoo.mappers.mapper import Mapper

PLAIN = {"a": Affine(), "b": Affine(2.0, 3.0)}


def tiny(size=4, **arguments):
    arguments = {"transforms": PLAIN, "levels": 2, "steps": 1, "width": 8, "features": 4, **arguments}
    return Glow("a", "b", size, **arguments)


def disturbed(mapper, amount=0.2, seed=0):
    rng = np.random.default_rng(seed)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + amount * rng.normal(size=variable.shape).astype(np.float32))
    return mapper


def test_samples_and_likelihood_of_a_linear_flow():
    """Couplings at their silent start leave a linear map x = A z + b: a normal density of known covariance."""
    mapper = tiny()
    rng = np.random.default_rng(0)
    for step in mapper.flow.steps:
        for variable in (v for v in step.variables if v.name in ("packed", "log_scale", "shift")):
            variable.assign(ops.convert_to_numpy(variable) + 0.3 * rng.normal(size=variable.shape).astype(np.float32))
    n, source = 3000, np.zeros((1, 4, 4, 1), np.float32)
    basis = np.concatenate([np.zeros((1, 16)), np.eye(16)]).reshape(17, 4, 4, 1).astype(np.float32)
    offset, *columns = mapper.from_latent(basis, source.repeat(17, 0)).reshape(17, 16).astype(float)
    matrix = np.array(columns).T - offset[:, None]
    covariance = matrix @ matrix.T

    samples = mapper.sample(source, n, chunk=n)[:, 0]
    surprise = -mapper.log_prob(samples, source.repeat(n, 0)).astype(float)
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    assert abs(surprise.mean() - entropy) < 3 * math.sqrt(16 / 2 / n)  # the variance of ln p of 16 normal numbers is 8
    residual = samples.reshape(n, 16) - offset
    exact = 0.5 * np.sum(residual * np.linalg.solve(covariance, residual.T).T, 1)
    assert np.allclose(surprise, exact + entropy - 8, atol=2e-3)
    spread = np.sqrt(np.diag(covariance))
    error = (residual.T @ residual / n - covariance) / np.outer(spread, spread)
    assert np.abs(error).max() < 5 * math.sqrt(2 / n)


def test_latents_go_round_and_depend_on_the_source():
    mapper = disturbed(tiny(8, coupling="spline"), 0.1)
    rng = np.random.default_rng(1)
    target, source = (2 + 3 * rng.normal(size=(3, 8, 8, 1)).astype(np.float32) for _ in range(2))
    z = mapper.to_latent(target, source)
    assert z.shape == target.shape and np.allclose(mapper.from_latent(z, source), target, atol=3e-4)
    assert np.abs(z - mapper.to_latent(target, source + 1.0)).max() > 1e-2
    # the density is that of z, times the two determinants
    _, log_det = mapper.forward(mapper.encode(target, "target"), mapper.encode(source, "source"))
    expected = norm.logpdf(z).sum((1, 2, 3)) + ops.convert_to_numpy(log_det) - 64 * math.log(3.0)
    assert np.allclose(mapper.log_prob(target, source), expected, rtol=1e-5)
    with pytest.raises(ParameterError, match="z must have"):
        mapper.from_latent(z[:, :4], source)


def test_temperature_scales_the_noise():
    mapper, source = tiny(), np.zeros((1, 4, 4, 1), np.float32)
    zero, half, one = (mapper.sample(source, 4, temperature=t) for t in (0.0, 0.5, 1.0))
    assert np.allclose(zero, zero[:1], atol=1e-6) and np.allclose(half - zero, 0.5 * (one - zero), atol=1e-4)
    with pytest.raises(ParameterError, match="temperature"):
        mapper.sample(source, 1, temperature=-1.0)


def test_noise_is_taken_out_of_samples():
    """Of a flow at its silent start, y = A z + b, Tweedie's step subtracts noise^2 (A A^T)^-1 (y - b)."""
    mapper, source = tiny(noise=0.3), np.zeros((17, 4, 4, 1), np.float32)
    basis = np.concatenate([np.zeros((1, 16)), np.eye(16)]).reshape(17, 4, 4, 1).astype(np.float32)
    moved = mapper.from_latent(basis, source).reshape(17, 16) / 3  # the target's transform divides by 3
    a = (moved[1:] - moved[0]).T
    noisy, clean = (mapper.sample(source[:1], 32, denoise=on).reshape(32, 16) / 3 for on in (False, True))
    expected = noisy - 0.3**2 * np.linalg.solve(a @ a.T, (noisy - moved[0]).T).T
    assert np.allclose(clean, expected, atol=1e-4) and np.abs(clean - noisy).max() > 0.05


def test_empty_pixels_are_known_before_noise_is_added():
    """A little noise changes the loss of an empty map by a little; unseen at the floor, it would lose the bound."""
    empty, source = np.zeros((16, 4, 4, 1), np.float32), np.zeros((16, 4, 4, 1), np.float32)
    found = []
    for noise in (0.0, 1e-3):
        mapper = tiny(noise=noise, transforms={"a": Affine(), "b": Chain([Log10(1.0), Affine()])})
        assert mapper.likelihood == "bound"
        loss = mapper.network_loss(mapper.encode(empty, "target"), ops.array(source), training=False)
        found.append(ops.convert_to_numpy(loss))
    assert np.allclose(*found, atol=5e-3)


def test_first_training_batch_starts_every_normalisation():
    mapper = tiny(8, steps=2)
    target = 5 + 2 * np.random.default_rng(0).normal(size=(8, 8, 8, 1)).astype(np.float32)
    mapper.compile(learning_rate=0.0)
    mapper.fit(target, target, batch_size=8, epochs=1, verbose=0)
    norms = [step for step in mapper.flow.steps if type(step).__name__ == "ActNorm"]
    assert all(float(ops.convert_to_numpy(step.started)) == 1 for step in norms)
    z = mapper.flow.steps[0].forward(mapper.flow.pack(mapper.encode(target, "target")))[0]
    assert np.allclose(ops.convert_to_numpy(z).std((0, 1, 2)), 1, atol=1e-3)
    before = [ops.convert_to_numpy(step.mean) for step in norms]
    mapper.fit(10 * target, 10 * target, batch_size=8, epochs=1, verbose=0)
    assert all(np.array_equal(a, ops.convert_to_numpy(step.mean)) for a, step in zip(before, norms, strict=True))


class Lognormal(Mapper):
    """ln x ~ N(3, 0.8^2) in every pixel, as a network would have to say it in the space of each transform."""

    likelihood = "exact"

    def network_log_prob(self, target, source):
        y = ops.convert_to_numpy(target).astype(float)
        transform = self.target_transform.transforms[0].transforms
        scale = transform[1].scale
        y = y * scale + transform[1].shift
        if isinstance(transform[0], Log10):
            density = norm.pdf(y * math.log(10), 3, 0.8) * math.log(10) * scale
        else:
            x = transform[0].scale * np.sinh(y)
            density = norm.pdf(np.log(x), 3, 0.8) / x * transform[0].scale * np.cosh(y) * scale
        return ops.convert_to_tensor(np.log(density).sum((1, 2, 3)).astype(np.float32))


def test_physical_likelihood_does_not_depend_on_the_transform():
    x = np.exp(3 + 0.8 * np.random.default_rng(0).normal(size=(5, 4, 4, 1))).astype(np.float32)
    expected = (norm.logpdf(np.log(x.astype(float)), 3, 0.8) - np.log(x)).sum((1, 2, 3))
    for first in (Log10(1e-3), Asinh(5.0)):
        for second in (Affine(), Affine(0.7, 0.2)):
            mapper = Lognormal("a", "b", 4, transforms={"a": Affine(), "b": Chain([first, second])})
            assert np.allclose(mapper.log_prob(x, x), expected, rtol=1e-4)


def test_likelihood_at_the_floor_is_a_bound_of_the_probability():
    """With z = y the flow says that a pixel is empty with probability Phi(floor)."""
    mapper = tiny(16, transforms={"a": Affine(), "b": Chain([Log10(1.0), Affine(0.5, 1.0)])}, dequantise=0.6)
    assert mapper.likelihood == "bound" and tiny().likelihood == "exact"
    mapper.forward = lambda target, source, training=False: (target, ops.zeros_like(target[:, 0, 0, 0]))
    empty = np.zeros((64, 16, 16, 1), np.float32)
    found = mapper.log_prob(empty, empty).sum() / empty.size
    floor, width = -0.5, 0.6

    def gap(n):
        return (norm.logpdf(floor - width * n) - norm.logpdf(n) - math.log(2) + math.log(width)) * 2 * norm.pdf(n)

    assert found == pytest.approx(quad(gap, 0, 8)[0], abs=0.02)
    assert found < norm.logcdf(floor)
    bright = np.full((1, 16, 16, 1), 50.0, np.float32)
    expected = norm.logpdf(math.log10(50) - 0.5) - math.log(50 * math.log(10))
    assert mapper.log_prob(bright, bright)[0] / 256 == pytest.approx(expected, rel=1e-5)


def test_what_is_below_the_floor_is_empty():
    mapper = tiny(16, transforms={"a": Affine(), "b": Chain([Log10(1.0), Affine(0.5, 1.0)])})
    samples = mapper.sample(np.zeros((1, 16, 16, 1), np.float32), 4)
    assert 0.1 < np.mean(samples == 0.0) < 0.6 and np.all(samples >= 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(coupling="cubic"), "transform"),
        (dict(levels=3), "image_size"),
        (dict(dequantise=-1.0), "dequantise"),
        (dict(width=0), "width"),
    ],
)
def test_constructor_refusals(arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny(**arguments)
