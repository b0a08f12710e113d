"""Unpaired training there and back, with generators that are known."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from skazoo.datasets import unpaired
from skazoo.datasets.pixel_transforms import Affine, Asinh
from skazoo.errors import ParameterError
from skazoo.mappers import CycleGAN
from skazoo.mappers.beam import convolve_beam

from .tiny_cyclegan import maps, same, tiny

EAGER = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {}  # saves compiling for a step or two


def values(network):
    return [ops.convert_to_numpy(variable).copy() for variable in network.trainable_variables]


def test_identity_networks_lose_nothing():
    """Cycle and identity terms are exactly 0, so the weights of both do not matter."""
    losses = []
    for weight in (1.0, 1000.0):
        mapper = tiny(cycle_weight=weight)
        mapper.a2b = mapper.b2a = same
        losses.append(ops.convert_to_numpy(mapper.network_loss(ops.array(maps(seed=1)), ops.array(maps()), False)))
        assert float(mapper.cycle.result()) == 0.0 and float(mapper.identity.result()) == 0.0
    assert np.array_equal(*losses)


def test_terms_of_known_generators():
    """a2b doubles and b2a adds 1: |2 a + 1 - a| + |2 (b + 1) - b| and |2 b - b| + |a + 1 - a|."""
    mapper = tiny()
    mapper.a2b = lambda inputs, training=False: 2.0 * inputs[0]
    mapper.b2a = lambda inputs, training=False: inputs[0] + 1.0
    a, b = maps(), maps(seed=1)
    mapper.network_loss(ops.array(b), ops.array(a), training=False)
    assert float(mapper.cycle.result()) == pytest.approx(np.abs(a + 1).mean() + np.abs(b + 2).mean(), rel=1e-5)
    assert float(mapper.identity.result()) == pytest.approx(np.abs(b).mean() + 1.0, rel=1e-5)


def test_the_way_back_from_the_target_can_be_left_out():
    """a2b doubles and b2a adds 1: with the weights (3, 0) only |2 a + 1 - a| counts, three times."""
    losses = []
    for weights in ((3.0, 0.0), (0.0, 0.0)):
        mapper = tiny(cycle_weight=weights, identity_weight=0.0)
        mapper.a2b = lambda inputs, training=False: 2.0 * inputs[0]
        mapper.b2a = lambda inputs, training=False: inputs[0] + 1.0
        a, b = maps(), maps(seed=1)
        losses.append(ops.convert_to_numpy(mapper.network_loss(ops.array(b), ops.array(a), training=False)))
        expected = np.abs(a + 1).mean(axis=(1, 2, 3)) if weights[0] else 0.0
        assert float(mapper.cycle.result()) == pytest.approx(np.mean(expected), rel=1e-5)
    assert np.allclose(losses[0] - losses[1], 3 * np.abs(a + 1).mean(axis=(1, 2, 3)), rtol=1e-4)
    assert CycleGAN.from_config(mapper.get_config()).cycle_weight == (0.0, 0.0)


def test_targets_are_seen_through_the_beam():
    """In physical units, in training and in samples; sources are not."""
    mapper = tiny(transforms={"a": Affine(), "b": Asinh(0.1)}, beam=3.0, identity_weight=0.0, cycle_weight=(1.0, 0.0))
    source = maps(3)
    sharp = np.asarray(Asinh(0.1).inverse(source))  # nothing is added at the start
    seen = ops.convert_to_numpy(convolve_beam(ops.array(sharp), 3.0))
    assert np.allclose(mapper.sample(source, 1)[0], seen, rtol=1e-3, atol=1e-4)
    assert np.allclose(mapper.sample(sharp, 1, direction="b2a")[0], source, atol=1e-3)
    mapper.network_loss(ops.array(source), ops.array(source), False)
    there = np.asarray(Asinh(0.1).forward(seen))
    assert float(mapper.cycle.result()) == pytest.approx(np.abs(there - source).mean(), rel=1e-3)
    assert CycleGAN.from_config(mapper.get_config()).beam == 3.0


def test_targets_hold_thermal_noise():
    """Of the rms and the correlation asked for, another in each sample, on top of what the generator makes; sources
    hold none, and in training it counts as diversity."""
    mapper = tiny(noise=False, beam=3.0, thermal_noise=(0.1, 0.4), identity_weight=0.0, cycle_weight=0.0, replay=0)
    source = maps(2)
    bare = ops.convert_to_numpy(convolve_beam(ops.array(source), 3.0))  # nothing else is added at the start
    noise = mapper.sample(source, 60) - bare
    rms = noise[:, 0].std(axis=(1, 2, 3))
    assert 0.08 < rms.min() < 0.16 and 0.28 < rms.max() < 0.5
    assert np.mean(noise**2) == pytest.approx((0.4**2 - 0.1**2) / (2 * np.log(4.0)), rel=0.2)
    neighbours = np.mean(noise[:, :, 1:] * noise[:, :, :-1]) / np.mean(noise**2)
    assert neighbours == pytest.approx(2.0 ** (-4 / 3.0**2), abs=0.03)  # the square of the beam at half the distance
    assert np.array_equal(mapper.sample(source, 1, direction="b2a")[0], source)
    assert CycleGAN.from_config(mapper.get_config()).thermal_noise == (0.1, 0.4)
    losses = [
        np.mean(ops.convert_to_numpy(each.network_loss(ops.array(source), ops.array(source), False)))
        for each in (
            tiny(noise=False, thermal_noise=(0.2, 0.2), diversity=1.0, diversity_weight=weight)
            for weight in (0, (1, 0))
        )
    ]
    assert losses[1] - losses[0] == pytest.approx(1.0 - 2 * 0.2 / math.sqrt(math.pi), abs=0.02)


def test_residual_generators_add_to_their_input():
    """In network space; where the channels differ there is nothing to add to."""
    mapper, plain = (tiny(transforms={"a": Affine(), "b": Affine(5.0, 2.0)}, residual=each) for each in (True, False))
    source = maps(3)
    assert np.allclose(mapper.sample(source, 2), 2.0 * source + 5.0, atol=1e-4)  # nothing is added at the start
    assert np.allclose(CycleGAN.from_config(mapper.get_config()).sample(source, 1)[0], 2.0 * source + 5.0, atol=1e-4)
    mapper.a2b.set_weights(plain.a2b.get_weights())
    mapper.b2a.set_weights(plain.b2a.get_weights())
    assert np.allclose(mapper.sample(source, 2), plain.sample(source, 2) + 2.0 * source, atol=1e-4)
    back = (each.sample(source, 1, direction="b2a") for each in (mapper, plain))
    assert np.allclose(next(back), next(back) + (source - 5.0) / 2.0, atol=1e-4)
    assert tiny(target=("b", "c")).residual
    # an older preset, whose generators did not add, still means the same maps
    older = {name: value for name, value in plain.get_config().items() if name != "residual"}
    again = CycleGAN.from_config(older | {"cycle_weight": 10.0})
    assert again.get_config() == plain.get_config()
    assert np.array_equal(again.sample(source, 1), plain.sample(source, 1))


def test_identity_needs_equal_channels():
    mapper = tiny(target=("b", "c"))
    assert mapper.identity_weight == 5.0
    mapper.network_loss(ops.array(maps(channels=2)), ops.array(maps()), training=False)
    assert float(mapper.identity.result()) == 0.0


@pytest.mark.parametrize("rates", [(1e-2, 0.0), (0.0, 1e-2)])
def test_a_step_moves_only_the_players_that_learn(rates):
    mapper = tiny()
    mapper.compile(learning_rate=rates, average=(), **EAGER)
    networks = (mapper.a2b, mapper.b2a, mapper.judge_a, mapper.judge_b)
    before = [values(network) for network in networks]
    mapper.fit(maps(), maps(seed=1), batch_size=8, verbose=0)
    moved = [
        any(not np.array_equal(a, b) for a, b in zip(old, values(network), strict=True))
        for old, network in zip(before, networks, strict=True)
    ]
    assert moved == [rates[0] > 0] * 2 + [rates[1] > 0] * 2


def test_both_directions_in_their_units():
    mapper = tiny(target=("b", "c"), transforms={"a": Affine(0.0, 1.0), "b": Affine(5.0, 1.0), "c": Affine(50.0, 1.0)})
    source, target = maps(3), maps(3, channels=2)
    there = mapper.sample(source, 2)
    back = mapper.sample(target, 2, direction="b2a")
    assert there.shape == (2, 3, 16, 16, 2) and back.shape == (2, 3, 16, 16, 1)
    assert abs(there[..., 1].mean() - 50) < 5 and abs(back.mean()) < 5
    assert np.array_equal(mapper.backwards.sample(target, 2), back)
    assert (mapper.backwards.source, mapper.backwards.target) == (mapper.target, mapper.source)
    mean = mapper.posterior(target, 2, direction="b2a").mean
    assert np.allclose(mean, back.mean(0), atol=1e-4)
    with pytest.raises(ParameterError, match="target has 1 channels"):
        mapper.sample(source, 1, direction="b2a")
    with pytest.raises(ParameterError, match="direction"):
        mapper.sample(source, 1, direction="a to b")


def test_without_noise_there_is_one_answer():
    mapper = tiny(noise=False)
    samples = mapper.sample(maps(2), 3)
    assert np.allclose(samples, samples[:1], atol=1e-5)
    again = CycleGAN.from_config(mapper.get_config())
    assert again.get_config() == mapper.get_config() and again.noise is False


def test_generators_are_averaged_judges_are_not():
    mapper = tiny()
    assert len(mapper.averaged_variables) == len(mapper.a2b.trainable_variables) + len(mapper.b2a.trainable_variables)


def test_pool_is_saved_and_left_out_of_presets(tmp_path):
    mapper = tiny()
    mapper.compile(**EAGER)
    mapper.fit(maps(), maps(seed=1), batch_size=4, verbose=0)
    mapper.save(tmp_path / "mapper.keras")
    loaded = keras.saving.load_model(tmp_path / "mapper.keras")
    for ours, theirs in ((mapper.pool_a, loaded.pool_a), (mapper.pool_b, loaded.pool_b)):
        pool = ops.convert_to_numpy(ours.pool)
        assert np.array_equal(pool, ops.convert_to_numpy(theirs.pool)) and np.abs(pool).min((1, 2, 3)).size == 6
        assert float(ops.convert_to_numpy(theirs.count)) == 6
    published = CycleGAN.from_pretrained(mapper.save_pretrained(tmp_path / "preset"))
    assert published.pool_a is None
    published.compile()
    assert float(ops.convert_to_numpy(published.pool_a.count)) == 0


def test_maps_of_another_size_do_not_fit_the_pool():
    mapper = tiny()
    mapper.compile(**EAGER)
    larger = np.zeros((4, 32, 32, 1), np.float32)
    with pytest.raises(ParameterError, match="image_size"):
        mapper.fit(larger, larger, verbose=0)


def test_trains_on_unpaired_batches():
    rng = np.random.default_rng(0)
    examples = {
        "simulation": np.array(["toy"] * 24),
        "halo": np.arange(24),
        "a": rng.normal(size=(24, 16, 16)).astype(np.float32),
        "b": rng.normal(size=(24, 16, 16)).astype(np.float32),
    }
    data = unpaired(tf.data.Dataset.from_tensor_slices(examples), "a", "b", batch_size=4)
    mapper = tiny(cycle_noise=0.1)
    mapper.compile(**EAGER)
    history = mapper.fit(data, validation_data=data, epochs=1, verbose=0).history
    assert {"generator", "discriminator", "cycle", "identity", "val_loss"} <= set(history)
    assert all(np.isfinite(each[0]) for each in history.values())


def test_steganography_is_found_and_honesty_is_not_suspected():
    """Hidden: the target is another map with the source written into it at 1/1000 of its strength."""
    other = ops.array(maps(1, seed=5))
    source, target = maps(16), maps(16, seed=1)
    levels = (0.0, 0.01, 0.1)

    honest = tiny()
    honest._graphs = {"a2b": lambda x, *noise: ops.array(x), "b2a": lambda x, *noise: ops.array(x)}
    found = honest.steganography(source, target, levels)
    assert np.allclose(found.cycle_error, levels, rtol=0.02)  # the noise itself comes back
    assert np.allclose(found.excess[1:], 1.0, atol=0.05)

    hiding = tiny()
    hiding._graphs = {
        "a2b": lambda x, *noise: other + 1e-3 * ops.array(x),
        "b2a": lambda x, *noise: 1e3 * (ops.array(x) - other),
    }
    found = hiding.steganography(source, target, levels)
    assert found.cycle_error[0] < 1e-3 and np.allclose(found.cycle_error[1:], [10.0, 100.0], rtol=0.02)
    assert np.all(found.excess[1:] > 900)
    assert np.array_equal(found.cycle_error, hiding.steganography(source, target, levels).cycle_error)
    with pytest.raises(ParameterError, match="noise_levels"):
        honest.steganography(source, noise_levels=(-1.0,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(cycle_weight=-1.0), "cycle_weight"),
        (dict(cycle_weight=(1.0, 2.0, 3.0)), "cycle_weight"),
        (dict(identity_weight=-1.0), "identity_weight"),
        (dict(cycle_noise=-0.1), "cycle_noise"),
        (dict(replay=-1), "replay"),
        (dict(diversity_weight=(1.0, 2.0, 3.0)), "diversity_weight"),
        (dict(diversity=(1.0, 2.0)), "diversity must be"),
        (dict(diversity=[]), "diversity must be"),
        (dict(diversity=[(0, 1.0)]), "window of diversity"),
        (dict(diversity_unit="pixels"), "diversity_unit"),
        (dict(diversity=[(0.5, 1.0)]), "window of diversity"),
        (dict(global_noise=-1), "global_noise"),
        (dict(noise_channels=-1), "noise_channels"),
        (dict(marginal_weight=-1.0), "marginal_weight"),
        (dict(beam=-1.0), "beam"),
        (dict(thermal_noise=0.1), "thermal_noise"),
        (dict(thermal_noise=(0.0, 0.1)), "thermal_noise"),
        (dict(thermal_noise=(0.2, 0.1)), "thermal_noise"),
        (dict(noise=False, thermal_noise=(0.1, 0.1), diversity_weight=1.0), "diversity_weight needs noise"),
    ],
)
def test_constructor_refusals(arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny(**arguments)
