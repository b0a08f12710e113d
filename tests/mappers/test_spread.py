"""How much of the scatter draws lack, of maps whose scatter is known."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers import CycleGAN
from skazoo.mappers.spread import bands
from skazoo.mappers.spread import lack as missing_spread

from .tiny_cyclegan import tiny


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
