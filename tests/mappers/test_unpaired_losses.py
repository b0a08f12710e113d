"""What CycleGAN asks of the two sets of maps, with generators that are known."""

import math

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.pixel_transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import CycleGAN
from skazoo.mappers.fidelity import energy_distance, log_powers

from .tiny_cyclegan import maps, same, tiny


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
