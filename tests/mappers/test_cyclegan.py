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
from skazoo.mappers.fidelity import energy_distance, log_powers
from skazoo.mappers.spread import bands
from skazoo.mappers.spread import lack as missing_spread

EAGER = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {}  # saves compiling for a step or two
PLAIN = {"a": Affine(), "b": Affine(), "c": Affine()}


def tiny(source="a", target="b", **arguments):
    fields = {*np.ravel(source), *np.ravel(target)}
    transforms = {name: PLAIN[name] for name in fields}
    arguments = {"transforms": transforms, "width": 8, "multipliers": (1,), "stem": 2, "blocks": 1, **arguments}
    return CycleGAN(source, target, 16, **{"replay": 6, **arguments})


def maps(n=8, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 16, 16, channels)).astype(np.float32)


def same(inputs, training=False):
    return inputs[0]


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


def test_maps_of_one_source_are_to_differ():
    """a2b adds half its noise: the mean difference of two maps is 0.5 * 2 / sqrt(pi), what lacks to 1 counts thrice."""
    losses = []
    for weight in (0.0, 3.0):
        mapper = tiny(cycle_weight=0.0, diversity_weight=weight, diversity=1.0, noise_channels=1)
        mapper.a2b = lambda inputs, training=False: inputs[0] + 0.5 * ops.repeat(ops.repeat(inputs[1], 2, 1), 2, 2)
        mapper.b2a = lambda inputs, training=False: inputs[0]
        losses.append(ops.convert_to_numpy(mapper.network_loss(ops.array(maps(64)), ops.array(maps(64)), False)))
    assert np.mean(losses[1] - losses[0]) == pytest.approx(3 * (1 - 1 / np.sqrt(np.pi) + 1), rel=0.03)
    mapper.diversity = [(1, 0.0)]  # as different as asked for
    again = ops.convert_to_numpy(mapper.network_loss(ops.array(maps(64)), ops.array(maps(64)), False))
    assert np.allclose(again, losses[0], atol=1e-5)
    with pytest.raises(ParameterError, match="diversity_weight needs noise"):
        tiny(noise=False, diversity_weight=1.0)


def test_whole_maps_are_to_differ():
    """a2b adds the number that a map shares: means of all windows differ as pixels do, by 2 / sqrt(pi); with noise of
    its own for each two pixels a mean of 8 differs by a quarter of that. Only the first of the two weights counts."""
    expected, far = 2 / np.sqrt(np.pi), 3.0
    for number, lack in ((2, 2 * (far - expected)), (1, (far - expected) + (far - expected / 4))):
        losses = []
        for weight in (0.0, 2.0):
            mapper = tiny(
                noise_channels=1, global_noise=1, diversity_weight=(weight, 0.0), diversity=[(1, far), (8, far)]
            )
            grown = 1 if number == 2 else 2
            mapper.a2b = lambda inputs, training=False, number=number, grown=grown: (
                inputs[0] + ops.repeat(ops.repeat(inputs[number], grown, 1), grown, 2)
            )
            mapper.b2a = same
            losses.append(ops.convert_to_numpy(mapper.network_loss(ops.array(maps(512)), ops.array(maps(512)), False)))
        assert np.mean(losses[1] - losses[0]) == pytest.approx(2 * lack, rel=0.03)
    again = CycleGAN.from_config(mapper.get_config())
    assert again.diversity == [(1, far), (8, far)] and again.diversity_weight == (2.0, 0.0)


def test_diversity_as_a_share_of_the_scatter():
    """True maps scatter by 2 in the inner quarter, by 1 outside, draws of one source differ by noise of 1: of four
    fifths of the scatter 0.6 lacks inside, nothing outside, where there is more than asked for. Where left and right
    differ, their mean counts: the sky has no up."""
    rng = np.random.default_rng(0)
    inner = np.outer(*2 * [np.abs(np.arange(32) - 15.5) < 8])[..., None]
    left = np.broadcast_to(np.arange(32) < 16, (32, 32))[..., None]
    noise = rng.normal(size=(2, 400, 32, 32, 1))
    for window, share, where, lack in (
        (1, 0.8, inner, 0.25 * 0.6),
        (8, 0.8, inner, 0.25 * 0.6 / 8),
        (1, 0.8, left, 0.2),
        (1, 0.5, inner, 0.0),
    ):
        true = np.where(where, 2.0, 1.0) * rng.normal(size=(200, 32, 32, 1))
        found = missing_spread(
            [(window, share)],
            "scatter",
            *(ops.array(maps, dtype="float32") for maps in (noise[0] - noise[1], true, true)),
        )
        assert float(ops.convert_to_numpy(found)) == pytest.approx(lack * 2 / np.sqrt(np.pi), rel=0.06, abs=0.005)
    mapper = tiny(diversity_weight=(1.0, 0), diversity=[(1, 0.8)], diversity_unit="scatter")
    assert CycleGAN.from_config(mapper.get_config()).diversity_unit == "scatter"


@pytest.mark.parametrize("size, windows", [((32, 32), (1, 4, 16)), ((16, 24), (2, 4, 64)), ((20, 20), (1, 8))])
def test_bands_put_together_are_the_map(size, windows):
    """Each band but the last has no mean over its windows; their sum is what the smallest windows hold."""
    true = np.random.default_rng(2).normal(size=(3, *size, 1)).astype("float32")
    parts = [ops.convert_to_numpy(part) for part in bands(ops.array(true), windows)]
    rows, columns = (parts[0].shape[axis] * windows[0] for axis in (1, 2))
    grown = [np.kron(part, np.ones((1, rows // part.shape[1], columns // part.shape[2], 1))) for part in parts]
    step = windows[0]
    means = true[:, :rows, :columns].reshape(3, rows // step, step, columns // step, step, 1).mean((2, 4))
    assert np.allclose(sum(grown), np.kron(means, np.ones((1, step, step, 1))), atol=1e-5)
    assert all(abs(part.mean()) < 1e-6 for part in parts[:-1])


def test_no_scale_makes_up_for_another():
    """Draws hold twice the fine scatter and none of the coarse one. In pixels alone nothing would lack; of two bands
    the coarse one lacks all of its share and of its scatter, the fine one has scatter to spare."""
    rng = np.random.default_rng(3)
    fine = rng.normal(size=(3, 300, 16, 16, 1))
    fine -= (
        fine.reshape(3, 300, 4, 4, 4, 4, 1).mean((3, 5), keepdims=True).repeat(4, 3).repeat(4, 5).reshape(fine.shape)
    )
    coarse = rng.normal(size=(300, 4, 4, 1)).repeat(4, 1).repeat(4, 2)
    made, other, true = 2 * fine[0], 2 * fine[1], fine[2] + coarse
    found = missing_spread(
        [(1, 0.8), (4, 0.8)], "scatter", *(ops.array(x, dtype="float32") for x in (other - made, made, true))
    )
    expected = (0.8 + 1 + np.sqrt(15 / 16)) * 2 / np.sqrt(np.pi)
    assert float(ops.convert_to_numpy(found)) == pytest.approx(expected, rel=0.02)
    with pytest.raises(ParameterError, match="multiple of the one before"):
        tiny(diversity_weight=1.0, diversity=[(4, 0.8), (6, 0.8)], diversity_unit="scatter")


def test_true_targets_tell_the_scatter():
    """a2b leaves maps as they are, without noise, and true targets scatter twice as much: draws lack four fifths of
    that, the set of them a half."""
    losses = []
    for weight in (0.0, 3.0):
        mapper = tiny(noise_channels=1, diversity_weight=(weight, 0), diversity=[(1, 0.8)], diversity_unit="scatter")
        mapper.a2b = mapper.b2a = lambda inputs, training=False: inputs[0]
        targets, sources = ops.array(2 * maps(256, seed=1)), ops.array(maps(256))
        losses.append(ops.convert_to_numpy(mapper.network_loss(targets, sources, False)))
    expected = 3 * (0.8 * 2 + 1) * 2 / np.sqrt(np.pi)
    assert np.mean(losses[1] - losses[0]) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_the_set_is_to_scatter_as_the_true_maps(factor):
    """Draws that differ by more than their share: what lacks is the scatter of all maps, too little or too much."""
    rng = np.random.default_rng(1)
    true = rng.normal(size=(200, 16, 16, 1))
    apart = 2 * rng.normal(size=true.shape)
    asked = [(1, 0.8), (16, 0.8)], "scatter"
    found = missing_spread(*asked, *(ops.array(maps, dtype="float32") for maps in (apart, factor * true, true)))
    expected = abs(factor - 1) * (np.sqrt(1 - 1 / 256) + 1 / 16) * 2 / np.sqrt(np.pi)
    assert float(ops.convert_to_numpy(found)) == pytest.approx(expected, rel=0.02, abs=1e-6)
    alone = missing_spread(*asked, *(ops.array(maps[:1], dtype="float32") for maps in (apart, factor * true, true)))
    assert float(ops.convert_to_numpy(alone)) == 0.0


def test_marginal_weight_asks_for_the_means_of_the_other_set():
    """In network space both sets are alike, and nothing is missing where a2b leaves maps as they are. A shift by 1
    there is one of every mean, of distributions that are the narrower the larger the window."""
    a, b = maps(256), maps(256, seed=1)
    shifts, losses = (0.0, 1.0), {}
    for weight in (0.0, 3.0):
        for shift in shifts:
            mapper = tiny(
                transforms={"a": Affine(), "b": Affine(5.0, 2.0)},
                cycle_weight=0.0,
                identity_weight=0.0,
                marginal_weight=weight,
            )
            mapper.a2b = lambda inputs, training=False, shift=shift: inputs[0] + shift
            mapper.b2a = same
            loss = mapper.network_loss(ops.array(b), ops.array(a), training=False)
            losses[weight, shift] = float(np.mean(ops.convert_to_numpy(loss)))
    missing = [losses[3.0, shift] - losses[0.0, shift] for shift in shifts]

    def expected(deviation):  # energy distance of N(1, s) and N(0, s)
        z = 0.5 / deviation
        folded = 2 * deviation / math.sqrt(math.pi) * math.exp(-(z**2)) + math.erf(z)
        return folded - 2 * deviation / math.sqrt(math.pi)

    found = expected(1.0) + 2 * (expected(1 / 4) + 2 * expected(1 / 16))  # windows of 1, 4, 16, and 64 cut to 16
    assert missing[0] == pytest.approx(0.0, abs=0.03)
    assert missing[1] - missing[0] == pytest.approx(3 * found, rel=0.03)


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


def test_power_weight_asks_for_the_spectra_of_the_other_set():
    """Maps of b are four times those of a, and physical ones are the same in this test: the term is four times the
    same distance, and none once a2b and b2a multiply and divide by four."""
    a, b, losses = maps(128), 4 * maps(128, seed=1), {}
    for weight in (0.0, 3.0):
        for factor in (1.0, 4.0):
            mapper = tiny(cycle_weight=0.0, identity_weight=0.0, power_weight=weight)
            mapper.a2b = lambda inputs, training=False, factor=factor: factor * inputs[0]
            mapper.b2a = lambda inputs, training=False, factor=factor: inputs[0] / factor
            loss = mapper.network_loss(ops.array(b), ops.array(a), training=False)
            losses[weight, factor] = float(np.mean(ops.convert_to_numpy(loss)))
    term = {factor: losses[3.0, factor] - losses[0.0, factor] for factor in (1.0, 4.0)}
    one, four = (log_powers(ops.array(each))[0] + np.log(np.mean(each**2)) for each in (a, b))
    distance = float(ops.convert_to_numpy(ops.mean(energy_distance(one, four))))
    assert distance > 1 and term[1.0] == pytest.approx(4 * 3 * distance, rel=0.01)
    assert term[4.0] == pytest.approx(0.0, abs=0.2)


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
