"""Adversarial losses, their gradients and penalties, with networks that are known."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.mappers.adversarial import LOSSES, PENALTIES, duel, gradient_penalty, slope
from skazoo.mappers.backend import frozen, gradient
from skazoo.networks import patch_discriminator

LN2 = np.log(2.0)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def both(name, r, f):
    return [ops.convert_to_numpy(term) for term in LOSSES[name](ops.array(r), ops.array(f))]


def linear(w):
    """One logit w . x for each map."""
    return lambda maps: ops.sum(maps * ops.array(w), axis=(1, 2, 3), keepdims=True)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


# -------------------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        ("minimax", -LN2, 2 * LN2),
        ("non_saturating", LN2, 2 * LN2),
        ("lsgan", 1.0, 1.0),
        ("hinge", 0.0, 2.0),
        ("wgan_gp", 0.0, 0.0),
        ("relativistic", LN2, LN2),
    ],
)
def test_values_at_an_undecided_discriminator(name, generator, discriminator):
    made, judge = both(name, np.zeros(3, np.float32), np.zeros(3, np.float32))
    assert np.allclose(made, generator, atol=1e-7) and np.allclose(judge, discriminator, atol=1e-7)


def test_minimax_is_the_formula_of_the_slide_mended():
    r, f = numbers(50), numbers(50, seed=1)
    made, judge = both("minimax", r, f)
    assert np.allclose(-judge, np.log(sigmoid(r)) + np.log(1 - sigmoid(f)), atol=1e-5)
    assert np.allclose(made, np.log(1 - sigmoid(f)), atol=1e-5)
    other, same = both("non_saturating", r, f)
    assert np.array_equal(same, judge)
    assert np.allclose(other, -np.log(sigmoid(f)), atol=1e-5)


def test_relativistic_counts_differences_only():
    r, f = numbers(50), numbers(50, seed=1)
    made, judge = both("relativistic", r, f)
    shifted = both("relativistic", r + 3, f + 3)
    assert np.allclose(made, shifted[0], atol=1e-5) and np.allclose(judge, shifted[1], atol=1e-5)
    assert np.allclose(made - judge, r - f, atol=1e-5)  # softplus(x) - softplus(-x) = x


def test_the_best_discriminator_against_discrete_distributions():
    """For p and q on four points, the minimum over logits is log(p / q), with value 2 ln 2 - 2 JS (arXiv:1406.2661)."""
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.1, 0.3, 0.2])
    logits = ops.array(np.log(p / q).astype(np.float32))

    def value(logits):
        at_true = LOSSES["minimax"](logits, ops.zeros_like(logits))[1] - LN2
        at_made = LOSSES["minimax"](ops.zeros_like(logits), logits)[1] - LN2
        return ops.sum(at_true * ops.array(p, "float32") + at_made * ops.array(q, "float32")), ()

    slopes, _ = gradient(value, logits)
    assert np.abs(ops.convert_to_numpy(slopes)).max() < 1e-6
    middle = (p + q) / 2
    shannon = 0.5 * np.sum(p * np.log(p / middle)) + 0.5 * np.sum(q * np.log(q / middle))
    assert float(ops.convert_to_numpy(value(logits)[0])) == pytest.approx(2 * LN2 - 2 * shannon, abs=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_no_overflow_far_out(name):
    far = np.array([-1e4, 1e4], np.float32)
    assert all(np.all(np.isfinite(term)) for term in both(name, far, -far))


# ----------------------------------------------------------------------------------------------------- penalties


def test_slope_of_a_linear_discriminator_is_its_norm():
    w = numbers(6, 5, 2)
    squared, logits = slope(linear(w), ops.array(numbers(3, 6, 5, 2, seed=1)))
    assert np.allclose(ops.convert_to_numpy(squared), np.sum(w**2), rtol=1e-5)
    assert ops.shape(logits) == (3, 1, 1, 1)


def test_slope_of_separate_patches_is_their_mean():
    w = numbers(4, 4, 1)
    layer = keras.layers.Conv2D(1, 4, 4, use_bias=False)
    layer.build((None, 8, 8, 1))
    layer.kernel.assign(w[..., None])
    squared, logits = slope(layer, ops.array(numbers(2, 8, 8, 1, seed=1)))
    assert ops.shape(logits) == (2, 2, 2, 1)
    assert np.allclose(ops.convert_to_numpy(squared), np.sum(w**2), rtol=1e-5)


def test_slope_of_a_network_against_finite_differences():
    network = patch_discriminator(1, width=8, multipliers=(1, 2), seed=3)
    maps, step = numbers(2, 8, 8, 1), 1e-4  # small, because the leaky ReLU has kinks
    steps = step * np.eye(64, dtype=np.float32).reshape(64, 8, 8, 1)
    squared = ops.convert_to_numpy(slope(network, ops.array(maps))[0])
    for found, one in zip(squared, maps, strict=True):
        up, down = (ops.convert_to_numpy(network(ops.array(one + sign * steps))).astype(float) for sign in (1, -1))
        slopes = (up - down).sum(axis=(1, 2, 3)) / (2 * step)
        assert found == pytest.approx(np.sum(slopes**2) / 16, rel=1e-2)


def test_gradient_penalty_vanishes_at_unit_slope_only():
    w = numbers(4, 4, 1)
    w /= np.linalg.norm(w)
    true, made = ops.array(numbers(5, 4, 4, 1, seed=1)), ops.array(numbers(5, 4, 4, 1, seed=2))
    for factor in (1.0, 3.0):
        found = ops.convert_to_numpy(gradient_penalty(linear(factor * w), true, made, seed=0))
        assert np.allclose(found, (factor - 1) ** 2, atol=1e-5)


def test_duel_adds_r1_and_r2():
    """For D(x) = w . x the penalty is penalty / 2 (|w|^2 + |w|^2)."""
    network = patch_discriminator(1, width=4, multipliers=(1,), seed=1)
    true, made = ops.array(numbers(3, 8, 8, 1)), ops.array(numbers(3, 8, 8, 1, seed=1))
    plain, penalised = (
        duel(network, true, made, made, loss="relativistic", penalty=penalty, seed=0) for penalty in (0.0, 0.6)
    )
    extra = 0.3 * (slope(network, true)[0] + slope(network, made)[0])
    assert np.allclose(ops.convert_to_numpy(penalised[1] - plain[1]), ops.convert_to_numpy(extra), rtol=1e-4)
    assert np.allclose(ops.convert_to_numpy(penalised[0]), ops.convert_to_numpy(plain[0]), rtol=1e-6)


# ------------------------------------------------------------------------------------------- gradients kept apart


def weight_gradients(loss, variables):
    """d loss / d each variable, as arrays; zeros where there is none."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss()
        found = tape.gradient(value, [variable.value for variable in variables])
    elif backend == "jax":
        import jax

        def stateless(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return loss()

        found = jax.grad(stateless)([variable.value for variable in variables])
    else:
        for variable in variables:
            variable.value.grad = None
        value = loss()
        if value.requires_grad:
            value.backward()
        found = [variable.value.grad for variable in variables]
    pairs = zip(found, variables, strict=True)
    return [np.zeros(v.shape) if each is None else ops.convert_to_numpy(each).copy() for each, v in pairs]


@pytest.mark.parametrize(("name", "penalty"), [*((name, 0.0) for name in LOSSES), ("relativistic", 1.0)])
def test_each_player_gets_exactly_its_own_gradient(name, penalty):
    """The sum's gradient is, bit by bit, that of the player's own loss, and nothing of the other's."""
    judge = patch_discriminator(1, 1, width=4, multipliers=(1, 2), seed=5)
    made = keras.layers.Conv2D(1, 3, padding="same")
    made.build((None, 8, 8, 1))
    source, target = (ops.array(numbers(4, 8, 8, 1, seed=seed)) for seed in (1, 2))
    ours, theirs = made.trainable_variables, judge.trainable_variables

    def terms():
        fake = made(source)
        return duel(judge, target, fake, fake, (source,), loss=name, penalty=penalty, seed=0)

    def total():
        generator, discriminator = terms()
        return ops.mean(generator + discriminator)

    def generator_alone():
        r, f = judge([source, target]), judge([source, made(source)])
        return ops.mean(LOSSES[name](r, f)[0])

    joint = weight_gradients(total, ours + theirs)
    of_judge = weight_gradients(lambda: ops.mean(terms()[1]), ours + theirs)
    of_maker = weight_gradients(lambda: ops.mean(terms()[0]), ours + theirs)
    for i in range(len(ours) + len(theirs)):
        if i < len(ours):
            assert np.all(of_judge[i] == 0.0)
            assert np.abs(joint[i] - of_maker[i]).max() == 0.0 and np.abs(joint[i]).max() > 0
        else:
            assert np.all(of_maker[i] == 0.0)
            assert np.abs(joint[i] - of_judge[i]).max() == 0.0
    unfrozen = weight_gradients(generator_alone, ours + theirs)  # what the freezing is for
    for mine, reference in zip(joint, unfrozen[: len(ours)], strict=False):
        assert np.allclose(mine, reference, rtol=1e-4, atol=1e-6)
    assert max(np.abs(each).max() for each in unfrozen[len(ours) :]) > 1e-3


def test_frozen_lets_states_pass():
    """A batch normalisation inside still follows its data, and its trained weights have no gradient."""
    network = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(momentum=0.0)])
    x = ops.array(numbers(64, 3) + 5.0)

    def loss():
        with frozen(network):
            return ops.sum(network(x, training=True) ** 2)

    assert all(np.all(each == 0) for each in weight_gradients(loss, network.trainable_variables))
    if keras.backend.backend() == "jax":
        with frozen(network):
            network(x, training=True)
    assert np.allclose(ops.convert_to_numpy(network.layers[0].moving_mean), ops.convert_to_numpy(x).mean(0), atol=1e-4)


def test_frozen_sees_the_values_of_an_enclosing_scope():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    kernel = network.trainable_variables[0]
    with keras.StatelessScope(state_mapping=[(kernel, ops.ones((2, 1)))]):
        with frozen(network):
            found = network(ops.array([[1.0, 2.0]]))
    assert float(ops.convert_to_numpy(found)[0, 0]) == 3.0


def test_default_penalties_name_losses():
    assert set(PENALTIES) <= set(LOSSES)
