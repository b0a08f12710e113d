"""Token by token: causality, probabilities that add up, cached sampling, and two stages in one training."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import TokenTransformer
from skazoo.mappers.backend import compiled
from skazoo.mappers.noise import RowNoise
from skazoo.mappers.token_transformer import choose


def disturbed(scale=0.3, **more):
    """A mapper with any weights, so that nothing vanishes by its initial value."""
    arguments = dict(levels=(2,), autoencoder_width=4, autoencoder_multipliers=(1,), width=16, layers=2, heads=2)
    arguments |= dict(image_size=4, transforms={"x": Affine(), "y": Affine()}) | more
    mapper, rng = TokenTransformer("x", "y", **arguments), np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + scale * rng.normal(size=variable.shape))
    return mapper


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("levels, sides", [((2,), (4, 4)), ((3,), (4, 6)), ((2, 2), (2, 6))])
def test_probabilities_of_all_token_maps_add_up_to_one(levels, sides):
    mapper = disturbed(levels=levels)
    rows, columns = (side // 2 for side in sides)
    tokens = np.array(list(itertools.product(range(int(np.prod(levels))), repeat=rows * columns)))
    source = np.repeat(normal(1, *sides, 1), len(tokens), 0)
    found = mapper.token_log_prob(tokens.reshape(-1, rows, columns), source)
    assert np.exp(found).sum() == pytest.approx(1.0, abs=1e-5)


def test_a_token_sees_those_before_it_none_after_and_all_of_the_source():
    mapper, source = disturbed(levels=(5,)), normal(1, 4, 6, 1)
    numbers = np.random.default_rng(2).integers(0, 5, (1, 6)).astype(np.int32)
    before = ops.convert_to_numpy(mapper.token_logits(numbers, source))[0]
    for j in range(6):
        changed = numbers.copy()
        changed[0, j] = (changed[0, j] + 1) % 5
        after = ops.convert_to_numpy(mapper.token_logits(changed, source))[0]
        assert np.array_equal(before[: j + 1], after[: j + 1])
        assert np.all(np.abs(after - before).max(1)[j + 1 :] > 1e-6)
        moved = source.copy()
        moved[0, 2 * (j // 3), 2 * (j % 3)] += 1.0
        assert np.all(np.abs(ops.convert_to_numpy(mapper.token_logits(numbers, moved))[0] - before).max(1) > 1e-6)


@pytest.mark.parametrize("top_p", [1.0, 0.7])
def test_cached_sampling_is_the_full_network_token_by_token(top_p):
    mapper, source = disturbed(levels=(3, 3)), normal(2, 6, 4, 1)
    noise = RowNoise(7, [0, 1], [0, 0])
    uniform = noise.uniform((6,))
    numbers = np.zeros((2, 6), np.int32)
    for i in range(6):
        logits = ops.convert_to_numpy(mapper.token_logits(numbers, source))[:, i]
        numbers[:, i] = ops.convert_to_numpy(choose(logits, uniform[:, i], 0.9, None if top_p == 1.0 else top_p))
    expected = ops.convert_to_numpy(mapper._maps(numbers.reshape(2, 3, 2)))
    assert np.allclose(mapper.draw(source, noise, temperature=0.9, top_p=top_p), expected, atol=1e-5)
    assert numbers.std() > 0


def test_drawn_tokens_have_the_probabilities_that_they_are_given():
    """All 16 maps of 2 x 2 tokens of two kinds, by one draw each of 4000 rows with the same source."""
    mapper, n = disturbed(levels=(2,)), 4000
    source = normal(1, 4, 4, 1)
    draw = compiled(lambda *inputs: mapper._one_by_one(*inputs, 1.0, None), mapper)
    uniform = RowNoise(5, np.arange(n), np.zeros(n, int)).uniform((4,))
    tokens = ops.convert_to_numpy(draw(source.repeat(n, 0), uniform)).reshape(n, 4)
    every = np.array(list(itertools.product(range(2), repeat=4)))
    expected = np.exp(mapper.token_log_prob(every.reshape(-1, 2, 2), source.repeat(16, 0)))
    found = np.bincount(tokens @ [8, 4, 2, 1], minlength=16) / n
    assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected / n) + 5e-4) and expected.std() > 0.01


def test_choice_follows_the_probabilities_and_the_nucleus():
    n, probability = 50_000, np.array([0.05, 0.5, 0.15, 0.3])
    logits = np.repeat(np.log(probability)[None], n, 0).astype(np.float32)
    uniform = np.random.default_rng(4).random(n, np.float32)

    def shares(*arguments):
        return np.bincount(ops.convert_to_numpy(choose(logits, uniform, *arguments)), minlength=4) / n

    error = 5 * np.sqrt(0.25 / n)
    assert np.allclose(shares(1.0), probability, atol=error)
    cold = probability**2 / np.sum(probability**2)
    assert np.allclose(shares(0.5), cold, atol=error)
    assert np.allclose(shares(1.0, 0.75), [0.0, 0.625, 0.0, 0.375], atol=error)
    assert np.allclose(shares(1.0, 0.4), [0.0, 1.0, 0.0, 0.0])
    ends = np.array([0.0, 1.0 - 2**-24], np.float32)
    for top_p, expected in ((0.75, [1, 3]), (0.4, [1, 1])):  # never one without probability
        assert ops.convert_to_numpy(choose(logits[:2], ends, 1.0, top_p)).tolist() == expected


@pytest.mark.parametrize("quantiser", ["fsq", "vq"])
def test_tokens_go_round(quantiser):
    mapper, maps = disturbed(quantiser=quantiser, codes=12, levels=(4, 3)), normal(3, 4, 4, 1)
    if quantiser == "vq":
        mapper.quantiser.codebook.assign(normal(12, 8))
    tokens = mapper.to_tokens(maps)
    assert tokens.shape == (3, 2, 2) and len(np.unique(tokens)) > 1
    vectors, numbers, _ = mapper.quantiser(mapper.encoder(maps))
    assert np.array_equal(ops.convert_to_numpy(numbers), tokens)
    assert np.allclose(mapper.from_tokens(tokens), ops.convert_to_numpy(mapper.decoder(vectors)), atol=1e-5)
    for bad in (tokens + 12, tokens - 12, tokens + 0.5, tokens[0], tokens[:0]):
        with pytest.raises(ParameterError, match="from 0 to 11"):
            mapper.from_tokens(bad)
        with pytest.raises(ParameterError, match="from 0 to 11"):
            mapper.token_log_prob(bad, maps)
    for bad in (tokens[:2], tokens.reshape(3, 1, 4)):
        with pytest.raises(ParameterError, match="shape"):
            mapper.token_log_prob(bad, maps)


@pytest.mark.parametrize("quantiser", ["fsq", "vq"])
def test_the_stages_do_not_reach_each_others_weights(quantiser):
    """What the autoencoder becomes does not depend on the transformer, nor that on the source's truth of the other."""

    def trained(**more):
        arguments = dict(image_size=4, levels=(3, 3), codes=8, autoencoder_width=4, autoencoder_multipliers=(1,))
        arguments |= dict(heads=2, layers=1, transforms={"x": Affine(), "y": Affine()}, quantiser=quantiser)
        mapper = TokenTransformer("x", "y", **arguments, **more)
        mapper.compile(keras.optimizers.Adam(1e-2), average=(), run_eagerly=keras.backend.backend() == "tensorflow")
        mapper.fit(normal(8, 4, 4, 1), normal(8, 4, 4, 1, seed=2), batch_size=8, epochs=2, shuffle=False, verbose=0)
        parts = [*mapper.encoder.variables, *mapper.decoder.variables, *mapper.quantiser.variables]
        return [ops.convert_to_numpy(variable) for variable in parts]

    for a, b in zip(trained(width=8), trained(width=16), strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_it_learns_a_map_that_its_tokens_can_hold():
    """Patches of two values, chosen by the source with 90 %: that is what samples must show."""
    rng = np.random.default_rng(5)

    def pairs(n):
        choice = rng.choice([-1.0, 1.0], (n, 2, 2, 1))
        target = np.where(rng.random((n, 2, 2, 1)) < 0.9, choice, -choice)
        return (each.repeat(2, 1).repeat(2, 2).astype(np.float32) for each in (choice, target))

    mapper = TokenTransformer(
        "x", "y", image_size=4, levels=(3,), autoencoder_width=4, autoencoder_multipliers=(1,), width=8, layers=1,
        heads=2, transforms={"x": Affine(), "y": Affine()},
    )  # fmt: skip
    mapper.compile(learning_rate=2e-2, average=())
    history = mapper.fit(*pairs(512), batch_size=32, epochs=4, shuffle=False, verbose=0).history
    entropy = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert history["reconstruction"][-1] < 0.01
    source, target = pairs(512)
    nats = -mapper.token_log_prob(mapper.to_tokens(target), source).mean() / 4
    assert nats == pytest.approx(entropy, abs=0.05)
    agreement = np.mean(np.sign(mapper.sample(source, 2)) == source)
    assert agreement == pytest.approx(0.9, abs=0.03)


def test_a_likelihood_of_maps_is_refused():
    with pytest.raises(ParameterError, match="log_prob"):
        disturbed().log_prob(normal(1, 4, 4, 1), normal(1, 4, 4, 1))
