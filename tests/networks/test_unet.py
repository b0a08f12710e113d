"""The U-Net: silent at the start, reproducible, sensitive to each input, equivariant where it must be."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.networks import conditional_unet, unet_stride


def inputs(n=2, size=16, target=1, source=1, seed=0):
    rng = np.random.default_rng(seed)
    draw = lambda channels: rng.normal(size=(n, size, size, channels)).astype(np.float32)  # noqa: E731
    return [draw(target), draw(source), rng.normal(size=(n, 1)).astype(np.float32)]


def shaken(network, seed=1):
    """The network with all weights moved, so that nothing is zero by initialisation."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.1 * rng.normal(size=variable.shape).astype(np.float32))
    return network


def run(network, arrays):
    return ops.convert_to_numpy(network([ops.convert_to_tensor(each) for each in arrays]))


SMALL = dict(width=8, multipliers=(1, 2))


@pytest.mark.parametrize("stem", [1, 2])
def test_starts_at_zero_and_keeps_the_size(stem):
    network = conditional_unet(2, 3, **SMALL, stem=stem)
    assert unet_stride((1, 2), stem) == 2 * stem
    for size in (8, 12):
        assert np.array_equal(run(network, inputs(1, size, 2, 3)), np.zeros((1, size, size, 2)))


def test_same_seed_same_weights():
    first, again, other = (conditional_unet(1, 1, **SMALL, seed=seed) for seed in (3, 3, 4))
    pairs = list(zip(first.get_weights(), again.get_weights(), other.get_weights(), strict=True))
    assert all(np.array_equal(a, b) for a, b, _ in pairs)
    assert any(not np.array_equal(a, c) for a, _, c in pairs)
    kernels = [w for w in first.get_weights() if w.ndim == 4 and w.shape == (3, 3, 8, 8)]
    assert len(kernels) > 1 and not np.array_equal(kernels[0], kernels[1])  # layers do not share draws


def test_every_input_matters():
    network, arrays = shaken(conditional_unet(1, 1, **SMALL, attention=(1,), stem=2)), inputs()
    reference = run(network, arrays)
    for i in range(3):
        moved = [each + 0.5 if j == i else each for j, each in enumerate(arrays)]
        assert np.abs(run(network, moved) - reference).max() > 1e-2
    assert np.abs(reference[0] - run(network, [each[:1] for each in arrays])[0]).max() < 1e-5  # rows do not mix


def test_periodic_maps_may_be_shifted():
    network = shaken(conditional_unet(1, 1, **SMALL, padding="circular", stem=2))
    noisy, source, level = inputs()
    rolled = [np.roll(noisy, (4, 8), (1, 2)), np.roll(source, (4, 8), (1, 2)), level]
    expected = np.roll(run(network, [noisy, source, level]), (4, 8), (1, 2))
    assert np.allclose(run(network, rolled), expected, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_inside_float32_outside(policy):
    full = shaken(conditional_unet(1, 1, **SMALL))
    half = conditional_unet(1, 1, **SMALL, dtype=policy)
    half.set_weights(full.get_weights())
    out, reference = run(half, inputs()), run(full, inputs())
    assert out.dtype == np.float32
    assert np.abs(out - reference).max() < 0.1 * reference.std()
    computed = {layer.compute_dtype for layer in half.layers if isinstance(layer, keras.layers.Conv2D)}
    assert computed == {policy.removeprefix("mixed_"), "float32"}  # float32 is the last convolution


@pytest.mark.parametrize(
    "wrong", [dict(padding="valid"), dict(width=0), dict(attention=(5,)), dict(stem=0), dict(multipliers=(1, 0))]
)
def test_errors_of_use(wrong):
    with pytest.raises(ParameterError):
        conditional_unet(1, 1, **{**SMALL, **wrong})
