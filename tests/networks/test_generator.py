"""Generators and the judge of patches: what depends on what."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.backend import gradient
from skazoo.networks import noise_shapes, patch_discriminator, resnet_generator, unet_generator

LEVELS = (1, 2)


def inputs(make, size=(16, 24), noise=2, stem=1, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(*size, 3), *noise_shapes(*size, noise, LEVELS, stem)]
    network = make(2, 3, width=8, multipliers=LEVELS, blocks=1, noise_channels=noise, stem=stem, padding="circular")
    return network, [ops.array(rng.normal(size=(2, *shape)).astype(np.float32)) for shape in shapes]


@pytest.mark.parametrize("make", [unet_generator, resnet_generator])
@pytest.mark.parametrize("stem", [1, 2])
def test_noise_of_every_level_counts(make, stem):
    network, given = inputs(make, stem=stem)
    first = ops.convert_to_numpy(network(given))
    assert first.shape == (2, 16, 24, 2) and len(given) == 3
    for level in range(1, 3):
        other = [-each if i == level else each for i, each in enumerate(given)]
        change = ops.convert_to_numpy(network(other)) - first
        assert np.abs(change).mean() > 1e-3


@pytest.mark.parametrize("make", [unet_generator, resnet_generator])
def test_noise_that_all_pixels_share(make):
    """It moves the map as a whole: an even map stays even, at another height."""
    network = make(1, 1, width=8, multipliers=LEVELS, blocks=1, noise_channels=0, global_noise=3, padding="circular")
    rng = np.random.default_rng(0)
    assert noise_shapes(16, 24, 0, LEVELS, 1, 3) == [(1, 1, 3)]
    assert noise_shapes(16, 24, 2, LEVELS, 2, 3) == [(8, 12, 2), (4, 6, 2), (1, 1, 3)]
    drawn = [ops.array(rng.normal(size=(2, 1, 1, 3)).astype(np.float32)) for _ in range(2)]
    even = [ops.convert_to_numpy(network([ops.ones((2, 16, 24, 1)), each])) for each in drawn]
    assert np.allclose(even[0], even[0][:, :1, :1], atol=1e-5)
    assert np.all(np.abs(even[0] - even[1])[:, 0, 0] > 1e-2)


@pytest.mark.parametrize("make", [unet_generator, resnet_generator])
def test_without_noise_the_source_decides(make):
    network, given = inputs(make, noise=0)
    assert len(given) == 1 and len(network.inputs) == 1
    assert np.array_equal(*(ops.convert_to_numpy(network(given)) for _ in range(2)))


@pytest.mark.parametrize("make", [unet_generator, resnet_generator])
def test_circular_edges_commute_with_shifts(make):
    """Rolling source and noise by one pixel of the lowest level rolls the output."""
    network, given = inputs(make, stem=2, size=(16, 16))
    moved = [ops.roll(each, 4 * each.shape[1] // 16, axis=1) for each in given]
    expected = np.roll(ops.convert_to_numpy(network(given)), 4, axis=1)
    assert np.allclose(ops.convert_to_numpy(network(moved)), expected, atol=1e-4)


def test_seed_decides_the_weights():
    def first(seed):
        return ops.convert_to_numpy(unet_generator(1, 1, width=8, multipliers=(1,), seed=seed).trainable_variables[0])

    assert np.array_equal(first(1), first(1)) and not np.array_equal(first(1), first(2))


@pytest.mark.parametrize("padding", ["zero", "circular", "reflect"])
@pytest.mark.parametrize("stem", [1, 2])
def test_discriminator_works_at_any_size(padding, stem):
    network = patch_discriminator(1, 2, width=4, multipliers=LEVELS, stem=stem, padding=padding)
    stride = 2 * stem
    for size in (stride, 16, 19, 30):
        if padding == "reflect" and size == stride:
            continue  # one pixel at the lowest level has nothing to mirror
        logits = network([ops.ones((2, size, size, 2)), ops.ones((2, size, size, 1))])
        assert logits.shape[0] == 2 and logits.shape[3] == 1
        assert all(abs(pixels - size / stride) < 1 for pixels in logits.shape[1:3])


def test_discriminator_sees_patches_only():
    """A logit depends on the pixels around it, not on the far side of the map."""
    network = patch_discriminator(1, width=4, multipliers=LEVELS)
    maps = ops.array(np.random.default_rng(0).normal(size=(1, 64, 64, 1)).astype(np.float32))

    def corner(maps):
        logits = network(maps)
        return logits[:, 0, 0, 0], logits

    slopes, logits = gradient(corner, maps)
    slopes = np.abs(ops.convert_to_numpy(slopes))[0, :, :, 0]
    assert tuple(logits.shape) == (1, 32, 32, 1)
    assert np.all(slopes[16:] == 0) and np.all(slopes[:, 16:] == 0) and np.all(slopes[:2, :2] > 0)


def test_half_precision_keeps_logits_and_maps_float32():
    judge = patch_discriminator(1, width=4, multipliers=(1,), dtype="mixed_bfloat16")
    maker = unet_generator(1, 1, width=4, multipliers=(1,), noise_channels=1, dtype="mixed_bfloat16")
    x = ops.ones((1, 8, 8, 1))
    assert "float32" in str(judge(x).dtype) and "float32" in str(maker([x, x]).dtype)


@pytest.mark.parametrize("argument", ["width", "blocks", "stem"])
def test_refusals(argument):
    for make in (unet_generator, patch_discriminator):
        with pytest.raises(ParameterError, match=argument):
            make(1, 1, **{argument: 0})
