"""Causality by the Jacobian; one by one equals all at once."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.backend import compiled, gradient
from skazoo.networks import CausalTransformer, grid_positions

N, DIM = 6, 8
POSITIONS = grid_positions(2, 3)


def tokens(seed=0, batch=2):
    return np.random.default_rng(seed).normal(size=(batch, N, DIM)).astype(np.float32)


def transformer(**arguments):
    layer = CausalTransformer(DIM, layers=2, heads=2, **arguments)
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.2 * rng.normal(size=variable.shape).astype(np.float32))
    return layer


@pytest.mark.parametrize("prefix", [0, 3])
def test_outputs_depend_on_earlier_tokens_and_the_prefix_only(prefix):
    layer, x = transformer(), tokens(batch=1)
    unit = np.eye(N * DIM, dtype=np.float32).reshape(-1, N, DIM)

    def rows(x):
        return layer.full(x, POSITIONS, prefix=prefix) * unit, ()

    jacobian = compiled(lambda x: gradient(rows, x)[0], layer)(np.repeat(x, N * DIM, axis=0))
    jacobian = ops.convert_to_numpy(jacobian)
    depends = np.abs(jacobian.reshape(N, DIM, N, DIM)).max(axis=(1, 3)) > 0
    i, j = np.mgrid[:N, :N]
    assert np.array_equal(depends, (j <= i) | (j < prefix))


def test_one_by_one_equals_all_at_once():
    layer, x = transformer(), tokens()
    seen_at = POSITIONS[::-1].copy()
    expected = ops.convert_to_numpy(layer.full(ops.array(x), POSITIONS, seen_at))
    cache = layer.empty_cache(2, N)
    for i in range(N):
        out, cache = layer.step(ops.array(x[:, i]), cache, i, ops.array(POSITIONS[i]), ops.array(seen_at[i]))
        assert np.allclose(ops.convert_to_numpy(out), expected[:, i], atol=1e-5)


def test_goes_on_after_a_prefix():
    layer, x = transformer(), tokens()
    expected = ops.convert_to_numpy(layer.full(ops.array(x), POSITIONS, prefix=4))
    out, cache = layer.prefill(ops.array(x[:, :4]), POSITIONS[:4], N, prefix=4)
    assert np.allclose(ops.convert_to_numpy(out), expected[:, :4], atol=1e-5)
    for i in (4, 5):
        out, cache = layer.step(ops.array(x[:, i]), cache, i, ops.array(POSITIONS[i]))
        assert np.allclose(ops.convert_to_numpy(out), expected[:, i], atol=1e-5)


def test_only_distances_count():
    layer, x = transformer(), ops.array(tokens())
    here, there = (ops.convert_to_numpy(layer.full(x, POSITIONS + shift)) for shift in (0, np.float32([5, -2])))
    assert np.allclose(here, there, atol=1e-4)
    assert np.abs(here - ops.convert_to_numpy(layer.full(x, 2 * POSITIONS))).max() > 1e-3


def test_heads_must_fit():
    with pytest.raises(ParameterError, match="multiple"):
        CausalTransformer(12, heads=2)
