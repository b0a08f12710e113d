"""Layers against numpy."""

import numpy as np
import pytest
from keras import ops

from skazoo.networks import Fourier, Modulate, Pack, Pad, SpatialAttention, Unpack


def image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_packing_moves_neighbours_into_channels_and_back():
    x = image(2, 6, 4, 3)
    packed = ops.convert_to_numpy(Pack(2)(x))
    assert packed.shape == (2, 3, 2, 12)
    assert np.array_equal(packed[1, 2, 1].reshape(2, 2, 3), x[1, 4:6, 2:4])
    assert np.array_equal(ops.convert_to_numpy(Unpack(2)(packed)), x)


@pytest.mark.parametrize(("mode", "theirs"), [("reflect", "reflect"), ("circular", "wrap")])
def test_padding_is_numpys(mode, theirs):
    x = image(2, 5, 4, 3)
    expected = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode=theirs)
    assert np.array_equal(ops.convert_to_numpy(Pad(2, mode)(x)), expected)


def test_modulation_starts_as_identity_and_is_affine_in_x():
    x, embedding = image(2, 3, 3, 4), image(2, 5, seed=1)
    layer = Modulate()
    assert np.array_equal(ops.convert_to_numpy(layer(x, embedding)), x)
    kernel, bias = image(5, 8, seed=2), image(8, seed=3)
    layer.set_weights([kernel, bias])
    both = (embedding @ kernel + bias)[:, None, None]
    expected = x * (1 + both[..., :4]) + both[..., 4:]
    assert np.allclose(ops.convert_to_numpy(layer(x, embedding)), expected, atol=1e-5)


def test_attention_is_a_weighted_mean_of_values():
    layer = SpatialAttention(heads=2)
    x = image(2, 3, 4, 8)
    assert np.all(ops.convert_to_numpy(layer(x)) == 0)  # starts silent
    layer.outward.assign(np.eye(8, dtype=np.float32))
    inward = ops.convert_to_numpy(layer.inward)
    flat = (x.reshape(2, 12, 8) @ inward).reshape(2, 12, 3, 2, 4)
    q, k, v = (flat[:, :, i] for i in range(3))
    logits = np.einsum("bqhd,bkhd->bhqk", q, k) / 2.0
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.einsum("bhqk,bkhd->bqhd", weights, v).reshape(2, 3, 4, 8)
    assert np.allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-5)


def test_fourier_features_tell_close_noise_levels_apart_in_half_precision():
    layer = Fourier(16, dtype="mixed_bfloat16")  # the level stays float32: bfloat16 rounds 0.9991 to 1
    features = ops.convert_to_numpy(layer(np.array([0.9991, 1.0], np.float32)))
    assert features.dtype == np.float32 and features.shape == (2, 32)
    assert np.abs(features[0] - features[1]).max() > 0.01
    assert np.allclose((features**2).mean(1), 1.0, atol=1e-6)
