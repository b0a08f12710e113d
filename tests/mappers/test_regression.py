"""The discriminative baseline: its density, its samples, and what it learns of a known problem."""

import numpy as np
import pytest
from keras import ops
from scipy.stats import lognorm, norm

from skazoo.datasets.transforms import Affine, Chain, Log10
from skazoo.mappers import Regression

PLAIN = {"a": Affine(), "b": Affine()}


def regression(**more):
    return Regression("a", "b", image_size=8, width=8, multipliers=(1,), transforms=PLAIN, **more)


@pytest.fixture
def disturbed():
    """Any weights: the density must be right whatever they are."""
    mapper, rng = regression(), np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.1 * rng.normal(size=variable.shape))
    return mapper


def test_log_prob_is_the_sum_of_the_pixels_gaussians(disturbed):
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(2, 3, 8, 8, 1)).astype(np.float32)
    mean, spread = np.split(ops.convert_to_numpy(disturbed.moments(source)), 2, axis=-1)
    expected = norm.logpdf(target, mean, np.exp(0.5 * spread)).sum((1, 2, 3))
    assert np.allclose(disturbed.log_prob(target, source), expected, rtol=1e-5)
    loss = ops.convert_to_numpy(disturbed.network_loss(target, source, False))
    assert np.allclose(loss, -expected / 64, rtol=1e-5)


def test_samples_have_the_predicted_moments(disturbed):
    source = np.random.default_rng(2).normal(size=(1, 8, 8, 1)).astype(np.float32)
    mean, spread = np.split(ops.convert_to_numpy(disturbed.moments(source)), 2, axis=-1)
    assert np.allclose(disturbed.sample(source, 2, temperature=0.0), mean, atol=1e-6)
    drawn = disturbed.sample(source, 4000)
    deviation = np.exp(0.5 * spread)
    assert np.abs((drawn.mean(0) - mean) / deviation).max() < 5 / 4000**0.5
    assert np.abs(drawn.std(0) / deviation - 1).max() < 5 / 8000**0.5


def test_it_learns_mean_and_spread_that_depend_on_the_source():
    """y = sin(2 x) + |x| / 2 noise, pixel by pixel: the loss at the truth is known."""
    rng = np.random.default_rng(3)
    source = rng.uniform(-1, 1, (512, 8, 8, 1)).astype(np.float32)
    deviation = 0.1 + 0.5 * np.abs(source)
    target = (np.sin(2 * source) + deviation * rng.normal(size=source.shape)).astype(np.float32)
    mapper = regression()
    mapper.compile(learning_rate=1e-2, average=())
    mapper.fit(source, target, batch_size=32, epochs=20, verbose=0)
    best = norm.logpdf(target, np.sin(2 * source), deviation).mean()
    found = mapper.log_prob(target, source).mean() / 64
    assert best - 0.03 < found < best + 0.03


def test_the_likelihood_is_in_physical_units_whatever_the_transform():
    """One lognormal density, told in three network spaces: the same nats, those of SciPy."""
    median, width = 3e6, 0.8  # Msun / kpc2, and in natural logarithms
    target = np.random.default_rng(4).lognormal(np.log(median), width, (4, 8, 8, 1)).astype(np.float32)
    expected = lognorm.logpdf(target, width, scale=median).sum((1, 2, 3))
    told = []
    for shift, scale in ((0.0, 1.0), (5.0, 0.7), (-2.0, 3.0)):
        transforms = {"a": Affine(), "b": Chain([Log10(1e-3), Affine(shift, scale)])}
        mapper = Regression("a", "b", image_size=8, width=8, multipliers=(1,), transforms=transforms)
        mean, deviation = (np.log10(median) - shift) / scale, width / np.log(10) / scale
        last = [each for each in mapper.network.trainable_variables if each.shape == (2,)][-1]
        logs = 8.0 * np.arctanh(2 * np.log(deviation) / 8.0)  # `moments` bounds the logarithm of the variance so
        last.assign([mean, logs])
        told.append(mapper.log_prob(target, np.zeros_like(target)))
    assert np.allclose(told, expected, rtol=1e-5)
