"""The bound against an exactly solvable case, free bits, and the road through the latents."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine, Asinh, Chain
from skazoo.errors import ParameterError
from skazoo.mappers import VAE
from skazoo.mappers.backend import gradient
from skazoo.mappers.latent_mixing import mixed
from skazoo.mappers.noise import RowNoise
from skazoo.networks.gaussian import divergence


def make(**more):
    arguments = dict(image_size=4, groups=(1, 1), latent_channels=3, stem=1, width=8, features=4)
    return VAE("x", "y", **(arguments | dict(transforms={"x": Affine(), "y": Affine()}) | more))


def disturbed(scale=0.1, **more):
    """A mapper with any weights, so that nothing vanishes by its initial value."""
    mapper, rng = make(**more), np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + scale * rng.normal(size=variable.shape))
    return mapper


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class LinearGaussian:
    """A VAE made linear: y = A z + b + noise of 4 pixels, z standard normal of 2 numbers: probabilistic PCA.

    Without the branches behind group norms every residual block passes its input on, so that the whole network is
    linear. The columns of A are orthogonal, hence the exact posterior is a diagonal Gaussian, which it can express.
    """

    variance = 0.25

    def __init__(self, seed=0, **more):
        self.mapper = make(image_size=2, groups=(1,), stem=2, latent_channels=2, width=8, features=8, seed=seed, **more)
        for variable in self.mapper.trainable_variables:
            if "group_normalization" in variable.path:
                variable.assign(np.zeros(variable.shape))
        rng = np.random.default_rng(seed)
        self.A = np.linalg.qr(rng.normal(size=(4, 2)))[0] * [1.5, 0.7]
        self.b = rng.normal(size=4)
        end = self.end_of(np.concatenate([np.zeros((1, 2)), np.eye(2)]))
        kernel, bias = (np.array(ops.convert_to_numpy(v)) for v in self.mapper.head.trainable_variables)
        kernel[:], bias[:] = 0.0, 0.0
        kernel = kernel.reshape(3, 3, 8, 4, 2)  # rows, columns, width, pixel, (mean, log-variance)
        through = np.linalg.pinv(end[1:] - end[0])  # (8, 2)
        kernel[1, 1, :, :, 0] = through @ self.A.T
        bias = bias.reshape(4, 2)
        bias[:, 0] = self.b - end[0] @ kernel[1, 1, :, :, 0]
        bias[:, 1] = 7.0 * np.arctanh(np.log(self.variance) / 7.0)
        for variable, value in zip(self.mapper.head.trainable_variables, (kernel, bias), strict=True):
            variable.assign(value.reshape(variable.shape))

    def end_of(self, z):
        """End of the path (n, 8) of latents (n, 2)."""
        source = np.zeros((len(z), 2, 2, 1), np.float32)
        noise = [z.reshape(-1, 1, 1, 2).astype(np.float32)]
        return (
            ops.convert_to_numpy(self.mapper.hierarchy.prior(self.mapper._look(source), noise))
            .reshape(len(z), 8)
            .astype(float)
        )

    def use_exact_posterior(self):
        """q(z | y) = N(M (y - b), diag(variance / (variance + |A_i|^2)))."""
        spread = self.variance / (self.variance + np.sum(self.A**2, axis=0))
        M = (spread / self.variance)[:, None] * self.A.T
        network = self.mapper.hierarchy.posteriors[0]
        probe = np.concatenate([np.zeros((1, 4)), np.eye(4)])
        kernel, bias = network.trainable_variables[-2:]
        assert tuple(kernel.shape) == (1, 1, 8, 4)
        kernel.assign(np.eye(8)[:, :4].reshape(kernel.shape))
        found = [self.head_of(probe)]
        kernel.assign(np.eye(8)[:, 4:].reshape(kernel.shape))
        features = np.concatenate([*found, self.head_of(probe)], axis=1)  # (5, 8) what the head sees
        weights = np.linalg.pinv(features[1:] - features[0]) @ M.T
        kernel.assign(np.concatenate([weights, np.zeros((8, 2))], axis=1).reshape(kernel.shape))
        raw = 7.0 * np.arctanh(np.log(spread) / 7.0)
        bias.assign(np.concatenate([-M @ self.b - features[0] @ weights, raw]))

    def head_of(self, y):
        """The four numbers of the posterior's head for maps (n, 4), whose bias is zero."""
        y = y.reshape(-1, 2, 2, 1).astype(np.float32)
        source = np.zeros_like(y)
        noise, seen = [np.zeros((len(y), 1, 1, 2), np.float32)], []
        network = self.mapper.hierarchy.posteriors[0]
        self.mapper.hierarchy.posteriors[0] = lambda inputs, training: seen.append(network(inputs)) or seen[-1]
        self.mapper._posterior(y, source, noise, False)
        self.mapper.hierarchy.posteriors[0] = network
        return ops.convert_to_numpy(seen[0]).reshape(len(y), 4).astype(float)

    def log_prob(self, y):
        """Exact ln N(y; b, A A^T + variance)."""
        covariance = self.A @ self.A.T + self.variance * np.eye(4)
        residual = y.reshape(-1, 4) - self.b
        square = np.sum(residual @ np.linalg.inv(covariance) * residual, axis=1)
        return -0.5 * (square + np.linalg.slogdet(covariance)[1] + 4 * np.log(2 * np.pi))

    def draw(self, n, seed):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=(n, 2)) @ self.A.T + self.b + self.variance**0.5 * rng.normal(size=(n, 4))
        return y.reshape(n, 2, 2, 1).astype(np.float32)


def test_with_the_exact_posterior_the_bound_is_the_likelihood_in_physical_units():
    """x = 2 sinh(1.5 y + 0.5): ln p(x) = ln p(y) - ln(dx / dy), dx / dy = 1.5 sqrt(x^2 + 4)."""
    model = LinearGaussian(transforms={"x": Affine(), "y": Chain([Asinh(2.0), Affine(0.5, 1.5)])})
    model.use_exact_posterior()
    y = model.draw(20, seed=1)
    x = 2.0 * np.sinh(1.5 * y.astype(float) + 0.5)
    expected = model.log_prob(y) - np.log(1.5 * np.sqrt(x**2 + 4.0)).sum((1, 2, 3))
    for seed in range(2):  # whatever the noise: all weights are equal
        found = model.mapper.log_prob(x, np.zeros_like(y), seed=seed)
        assert np.allclose(found, expected, atol=1e-3)


def test_the_bound_lacks_the_divergence_from_the_exact_posterior_and_rises_with_draws_to_the_likelihood():
    model = LinearGaussian(seed=1)  # its posterior is the prior
    y, n = model.draw(4, seed=2), 240
    spread = model.variance / (model.variance + np.sum(model.A**2, axis=0))
    means = (y.reshape(4, 4) - model.b) @ model.A * spread / model.variance
    gap = 0.5 * np.sum((1.0 + means**2) / spread - 1.0 + np.log(spread), axis=1)
    exact, rows = model.log_prob(y), np.repeat(y, n, 0)
    single = model.mapper.log_prob(rows, np.zeros_like(rows)).reshape(4, n)
    assert np.all(np.abs(single.mean(1) - (exact - gap)) < 5 * single.std(1) / np.sqrt(n))
    rows, bounds = np.repeat(y, 16, 0), [single.mean()]
    for draws in (4, 32, 256):
        bounds.append(model.mapper.log_prob(rows, np.zeros_like(rows), importance=draws, seed=7).mean())
    assert np.all(np.diff(bounds) > 0) and bounds[0] < exact.mean() - 5.0 and bounds[1] < exact.mean() - 0.2
    assert bounds[-1] == pytest.approx(exact.mean(), abs=0.05)


def test_probabilities_of_all_maps_add_up_to_one():
    """All 16 maps of 2 x 2 pixels and two levels, each 6 units wide, by the mean weight of many latents."""
    affine = {"x": Affine(), "y": Affine(shift=1.0, scale=3.0)}
    mapper = disturbed(0.1, levels=2, low=-2.0, high=2.0, mixtures=2, latent_channels=2, transforms=affine)
    maps = 1.0 + 3.0 * np.array(list(itertools.product([-1.0, 1.0], repeat=4))).reshape(16, 2, 2, 1)
    maps, source = maps.repeat(4, 0), normal(1, 2, 2, 1).repeat(64, 0)
    density = np.exp(mapper.log_prob(maps, source, importance=50).astype(float)).reshape(16, 4)
    error = np.sqrt(np.sum(density.var(1, ddof=1) / 4)) * 6.0**4
    assert density.mean(1).sum() * 6.0**4 == pytest.approx(1.0, abs=3 * error) and error < 0.03
    bound = np.mean([mapper.log_prob(maps, source, seed=seed) for seed in range(1, 9)], axis=0).reshape(16, 4).mean(1)
    assert np.exp(bound.astype(float)).sum() * 6.0**4 < 0.9


def test_a_bound_depends_on_seed_and_row_alone(monkeypatch):
    """Not on the passes, nor on other rows; with maps of another size than trained on."""
    mapper, target, source = disturbed(groups=(1,)), normal(3, 8, 4, 1), normal(3, 8, 4, 1, seed=2)
    first, again, other = (mapper.log_prob(target, source, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and np.all(np.abs(first - other) > 1e-3)
    monkeypatch.setattr("skazoo.mappers.vae.CHUNK", 2)
    assert np.allclose(mapper.log_prob(target, source, seed=1), first, atol=1e-3)
    target[1], source[1] = 5.0, -5.0
    assert np.allclose(mapper.log_prob(target, source, seed=1)[[0, 2]], first[[0, 2]], atol=1e-3)
    assert np.allclose(mapper.log_prob(target[:1], source[:1], seed=1), first[:1], atol=1e-3)


def test_loss_is_the_mean_of_the_sampled_weights():
    """Divergences in closed form against ratios of densities, at random weights and the same noise."""
    mapper, n = disturbed(0.2), 200
    target, source = (np.repeat(normal(2, 4, 4, 1, seed=seed), n, 0) for seed in (1, 2))
    shapes = mapper.latent_shapes(4, 4)
    noise = [keras.random.normal((2 * n, *shape), seed=mapper.seed + i) for i, shape in enumerate(shapes)]
    bound = -16 * ops.convert_to_numpy(mapper.network_loss(target, source, False))
    apart = (ops.convert_to_numpy(mapper.log_weight(target, source, *noise)) - bound).reshape(2, n)
    assert np.all(np.abs(apart.mean(1)) < 5 * apart.std(1) / np.sqrt(n))
    divergences = [float(metric.result()) for metric in mapper.divergences.values()]
    assert min(divergences) > 0.05 and 16 * sum(divergences) > 10 * apart.std() / np.sqrt(n)


def test_samples_have_the_density_that_the_bound_bounds():
    model = LinearGaussian(seed=2)
    n = 4000
    noise = RowNoise(3, np.arange(n), np.zeros(n, int))
    source = np.zeros((n, 2, 2, 1), np.float32)
    y = model.mapper.draw(source, noise).reshape(n, 4)
    assert np.allclose(y.mean(0), model.b, atol=5 * 1.6 / np.sqrt(n))
    assert np.allclose(np.cov(y.T), model.A @ model.A.T + model.variance * np.eye(4), atol=0.2)
    colder = model.mapper.draw(source, noise, temperature=0.3).reshape(n, 4)  # every deviation, so all of y - b
    assert np.allclose(colder - model.b, 0.3 * (y - model.b), atol=1e-4)
    model.mapper.pixel_temperature = 0.1
    model.mapper._graphs.clear()
    pixels = (y - model.mapper.draw(source, noise).reshape(n, 4)) / 0.9  # the latents are the same, and go
    assert np.allclose(np.cov(pixels.T), model.variance * np.eye(4), atol=7 * model.variance / np.sqrt(n))


def test_free_bits_do_not_push_a_divergence_below_them():
    target, source = normal(4, 4, 4, 1), normal(4, 4, 4, 1, seed=2)

    def after(**more):
        """The posterior's weights after one step on the divergence alone."""
        mapper = disturbed(0.02, beta=1e6, groups=(1,), **more)
        before = [ops.convert_to_numpy(each).copy() for each in mapper.hierarchy.posteriors[-1].trainable_variables]
        mapper.compile(keras.optimizers.SGD(1e-9), average=(), run_eagerly=keras.backend.backend() == "tensorflow")
        mapper.fit(source, target, batch_size=4, epochs=1, verbose=0)
        now = [ops.convert_to_numpy(each) for each in mapper.hierarchy.posteriors[-1].trainable_variables]
        return max(np.abs(a - b).max() for a, b in zip(before, now, strict=True))

    assert after() > 1e-6
    assert after(free_bits=10.0) < 1e-7  # what is left is the reconstruction's
    x = np.array([0.5, 3.0], np.float32)
    found, _ = gradient(lambda m: (ops.maximum(divergence(m, 0.0, 0.0, 0.0), 0.2), ()), x)
    assert np.allclose(ops.convert_to_numpy(found), [0.0, 3.0])


def test_warm_up_lets_coarse_latents_learn_first():
    mapper = make(warmup=4, beta=2.0, beta_start=32.0, groups=(0, 1, 1))
    found = np.array([[float(each) for each in mapper._weights(True).values()] for _ in range(6)])
    assert np.allclose(found[:, 0], [16, 8, 4, 2, 2, 2])
    assert np.allclose(found[:, 1], found[:, 0] * 0.25 ** np.array([0.75, 0.5, 0.25, 0, 0, 0]))
    assert mapper._weights(False) == {1: 2.0, 2: 2.0}


@pytest.mark.parametrize("more", [{"groups": (1, 2)}, {"groups": (0, 0, 1), "levels": 4}])
def test_latents_go_round_and_between(more):
    mapper, source = disturbed(0.3, **more), normal(2, 8, 4, 1)
    target, other = normal(2, 8, 4, 1, seed=2), normal(2, 8, 4, 1, seed=3)
    latents = mapper.to_latent(target, source)
    assert [z.shape[1:] for z in latents] == mapper.latent_shapes(8, 4)
    # the latents are the noise that draws the same maps
    mean = mapper.from_latent(latents, source)
    zeros = [np.zeros_like(z) for z in latents]
    parameters, _ = mapper._posterior(target, source, zeros, False)
    assert np.allclose(mean, ops.convert_to_numpy(mapper.pixels.mean(parameters)), atol=1e-4)
    way = mapper.interpolate(target, other, source, steps=3)
    assert way.shape == (3, 2, 8, 4, 1) and np.allclose(way[0], mean, atol=1e-4)
    assert np.allclose(way[2], mapper.from_latent(mapper.to_latent(other, source), source), atol=1e-4)
    with pytest.raises(ParameterError, match="to_latent"):
        mapper.from_latent(latents[::-1] + latents[:1], source)
    with pytest.raises(ParameterError, match="do not pair"):
        mapper.to_latent(target, source[:1])


def test_an_arc_keeps_the_length():
    a, b = normal(3, 2, 2, 5), normal(3, 2, 2, 5, seed=2)
    for share in (0.0, 0.3, 1.0):
        length = np.linalg.norm(mixed(a, b, share).reshape(3, -1), axis=1)
        ends = [np.linalg.norm(x.reshape(3, -1), axis=1) for x in (a, b)]
        assert np.allclose(length, (1 - share) * ends[0] + share * ends[1], rtol=1e-5)
    assert np.allclose(mixed(a, a, 0.4), a, atol=1e-5) and np.allclose(mixed(a, b, 1.0), b, atol=1e-5)


def test_bound_of_a_quantised_map_is_that_of_its_level():
    """With levels, the density is the mass of a level over its step: flat within it."""
    mapper, source = disturbed(levels=8, low=-2.0, high=2.0), normal(3, 4, 4, 1)
    centres = mapper.pixels.ladder.centre(mapper.pixels.ladder.number(normal(3, 4, 4, 1, seed=2)))
    parameters, _ = mapper._posterior(
        centres, source, [np.zeros((3, *s), np.float32) for s in mapper.latent_shapes(4, 4)], False
    )
    inside = centres + 0.2 * (np.random.default_rng(3).random(centres.shape, np.float32) - 0.5)
    found = [ops.convert_to_numpy(mapper.pixels.log_prob(parameters, y)) for y in (centres, inside)]
    assert np.allclose(*found, atol=1e-5)


def test_numbers_that_make_no_vae_are_refused():
    for more in (
        {"groups": (0, 0)},
        {"groups": ()},
        {"beta": 0.0},
        {"free_bits": -1.0},
        {"image_size": 5},
    ):
        with pytest.raises(ParameterError):
            make(**more)


def test_empty_sources_do_not_spoil_the_gradients():
    """A group norm makes any gradient that passes through constants 300 times larger, and there are many."""
    mapper, rng = make(groups=(1,)), np.random.default_rng(0)
    for variable in mapper.trainable_variables:  # any kernels, but biases of zero as at the start
        if len(variable.shape) > 1:
            variable.assign(ops.convert_to_numpy(variable) + 0.1 * rng.normal(size=variable.shape))
    target, noise = normal(4, 4, 4, 1), [normal(4, *shape, seed=3) for shape in mapper.latent_shapes(4, 4)]
    sizes = []
    for source in (np.zeros_like(target), normal(4, 4, 4, 1, seed=2)):
        found, _ = gradient(lambda source: (mapper.log_weight(target, source, *noise), ()), source)
        sizes.append(np.abs(ops.convert_to_numpy(found)).max())
    assert sizes[0] < 30 * sizes[1]
