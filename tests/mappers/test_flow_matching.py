"""The mathematics of flow matching, with networks that are known."""

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import FlowMatching

PLAIN = {"a": Affine(), "b": Affine()}


def tiny(**arguments):
    return FlowMatching(
        "a", "b", 16, **{"transforms": PLAIN, "width": 8, "multipliers": (1, 2), "stem": 2, **arguments}
    )


class Exact:
    """Stands in the mapper's place of `velocity`: the optimum for y ~ N(slope * source, spread^2)."""

    def __init__(self, slope, spread, bridge=False, start_noise=1.0):
        self.slope, self.spread, self.bridge, self.start = slope, spread, bridge, start_noise

    def __call__(self, x, time, source, training=False):
        t = ops.reshape(time, (-1, 1, 1, 1))
        mean, begin = self.slope * source, source if self.bridge else 0.0 * source
        variance = t**2 * self.spread**2 + (1 - t) ** 2 * self.start**2
        covariance = t * self.spread**2 - (1 - t) * self.start**2  # of x_1 - x_0 with x_t
        return mean - begin + covariance / variance * (x - t * mean - (1 - t) * begin)


def exact(slope=2.0, spread=0.3, **arguments):
    mapper = tiny(**arguments)
    mapper.velocity = Exact(slope, spread, mapper.bridge, mapper.start_noise)
    from skazoo.mappers.backend import compiled

    mapper._graph = compiled(mapper.velocity, mapper)
    mapper._traced = compiled(mapper._velocity_with_trace, mapper)
    return mapper


KINDS = [{}, {"bridge": True, "start_noise": 0.6}]


def test_loss_before_training_is_the_spread_of_the_velocity():
    y = np.random.default_rng(0).normal(size=(64, 16, 16, 1)).astype(np.float32)
    loss = ops.convert_to_numpy(tiny().network_loss(ops.array(y), ops.array(y), training=True))
    assert loss.shape == (64,) and loss.mean() == pytest.approx(2.0, abs=0.06)
    loss = ops.convert_to_numpy(tiny(**KINDS[1]).network_loss(ops.array(y), ops.array(y), training=True))
    assert loss.mean() == pytest.approx(0.6**2, abs=0.02)  # the source is the target already


@pytest.mark.parametrize("arguments", KINDS)
def test_optimal_velocity_has_the_lowest_loss(arguments):
    mapper = exact(time_mean=0.3, time_std=0.9, **arguments)
    rng = np.random.default_rng(0)
    c = rng.normal(size=(128, 16, 16, 1)).astype(np.float32)
    y = 2.0 * c + 0.3 * rng.normal(size=c.shape).astype(np.float32)
    seen = []
    inner = mapper.velocity
    mapper.velocity = lambda x, time, source, training: seen.append((x, time)) or inner(x, time, source)
    loss = ops.convert_to_numpy(mapper.network_loss(ops.array(y), ops.array(c), training=True))
    x, t = (ops.convert_to_numpy(each).astype(float) for each in seen[0])
    from scipy.stats import norm

    share = norm.cdf((np.log(t / (1 - t)) - 0.3) / 0.9)
    assert np.abs(share * 128 - 0.5 - np.arange(128)).max() < 0.51  # stratified
    s0 = mapper.start_noise
    variance = t**2 * 0.09 + (1 - t) ** 2 * s0**2
    remaining = 0.09 + s0**2 - (t * 0.09 - (1 - t) * s0**2) ** 2 / variance
    assert np.mean(loss / remaining) == pytest.approx(1.0, abs=0.02)
    begin = c if mapper.bridge else 0.0 * c
    wide = t[:, None, None, None]
    residual = x - wide * 2.0 * c - (1 - wide) * begin  # forward marginals
    assert np.mean(residual**2 / variance[:, None, None, None]) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("sampler", ["midpoint", "heun", "runge_kutta", "adaptive"])
@pytest.mark.parametrize("arguments", KINDS)
def test_samples_have_the_right_distribution(arguments, sampler):
    source = np.stack([np.zeros((16, 16, 1)), np.ones((16, 16, 1))]).astype(np.float32)
    samples = exact(**arguments).sample(source, 24, sampler=sampler)
    for row in range(2):
        assert samples[:, row].mean() == pytest.approx(2.0 * row, abs=0.02)
        assert samples[:, row].std() == pytest.approx(0.3, rel=0.04)


def test_the_spread_of_what_the_source_leaves_open_is_right():
    """The mean of a map of 64 x 64 pixels is a mode as wide as this beside the noise."""
    samples = exact(slope=0.0, spread=30.0).sample(np.zeros((1, 16, 16, 1), np.float32), 24)
    assert samples.std() == pytest.approx(30.0, rel=0.03)


@pytest.mark.parametrize("arguments", KINDS)
def test_likelihood(arguments):
    mapper = exact(transforms={"a": Affine(), "b": Affine(5.0, 10.0)}, **arguments)
    rng = np.random.default_rng(0)
    c = rng.normal(size=(3, 16, 16, 1)).astype(np.float32)
    residual = rng.normal(size=c.shape)
    y = (5 + 10 * (2.0 * c + 0.3 * residual)).astype(np.float32)
    expected = -0.5 * np.mean(residual**2, axis=(1, 2, 3)) - np.log(np.sqrt(2 * np.pi) * 3.0)
    assert np.abs(mapper.log_prob(y, c) / 256 - expected).max() < 1e-3
    assert np.allclose(mapper.log_prob(y, c, chunk=2), mapper.log_prob(y, c), atol=1e-2)


@pytest.mark.parametrize("arguments", KINDS)
def test_denoiser_and_wrapping(arguments):
    mapper = exact(**arguments)
    rng = np.random.default_rng(0)
    c = rng.normal(size=(5, 16, 16, 1)).astype(np.float32)
    sigma = np.geomspace(0.01, 20, 5).astype(np.float32)
    s = sigma[:, None, None, None]
    x = (2.0 * c + np.hypot(0.3, s) * rng.normal(size=c.shape)).astype(np.float32)
    found = ops.convert_to_numpy(mapper.denoise(ops.array(x), ops.array(sigma), ops.array(c)))
    assert np.allclose(found, 2.0 * c + 0.09 / (0.09 + s**2) * (x - 2.0 * c), atol=1e-4)
    plain = mapper.sample(c[:2], 2)
    assert np.allclose(mapper.sample(c[:2], 2, wrap=lambda denoise: denoise), plain, atol=0.02)
    shifted = mapper.sample(c[:2], 2, wrap=lambda denoise: lambda x, sigma: denoise(x - 1.0, sigma) + 1.0)
    assert np.allclose(shifted - plain, 1.0, atol=0.1)


def test_guidance():
    mapper = exact(slope=1.0, source_dropout=0.1)
    source = np.ones((1, 16, 16, 1), np.float32)
    assert np.array_equal(mapper.sample(source, 2, guidance=1.0), mapper.sample(source, 2))
    with pytest.warns(UserWarning, match="calibration"):
        assert mapper.sample(source, 2, guidance=2.0).mean() == pytest.approx(2.0, abs=0.05)


def test_refusals():
    source = np.zeros((1, 16, 16, 1), np.float32)
    for call, message in [
        (lambda: tiny(start_noise=0.0), "start_noise"),
        (lambda: FlowMatching(("a", "b"), "b", 16, transforms=PLAIN, bridge=True), "bridge"),
        (lambda: tiny(bridge=True, source_dropout=0.1), "source_dropout"),
        (lambda: tiny().sample(source, sampler="euler"), "sampler"),
        (lambda: tiny().sample(source, sampler="adaptive", wrap=lambda d: d), "wrap"),
        (lambda: tiny().sample(source, guidance=2.0), "source_dropout"),
    ]:
        with pytest.raises(ParameterError, match=message):
            call()
