"""Generators: from source maps and noise to target maps, in one pass."""

from __future__ import annotations

import keras
from keras import layers

from ..errors import check_positive
from .blocks import Blocks
from .layers import Pack, Unpack

__all__ = ["GENERATORS", "noise_shapes", "resnet_generator", "unet_generator"]


def unet_generator(
    target_channels: int,
    source_channels: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2, 2),
    blocks: int = 1,
    noise_channels: int = 4,
    global_noise: int = 0,
    stem: int = 1,
    padding: str = "zero",
    dropout: float = 0.0,
    residual: bool = False,
    seed: int = 0,
    dtype=None,
    name: str = "generator",
) -> keras.Model:
    """The graph [source, noise of each level] -> target: (B, H, W, S), (B, h, w, noise_channels), ... -> (B, H, W, T).

    A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) as in pix2pix (arXiv:1611.07004), with the noise as an input of
    its own at each level instead of dropout: `noise_shapes` tells the shapes. Every residual block adds a
    projection of its level's noise, so that large and small structure can vary. The output is float32.

    Args:
        width: channels of the first level.
        multipliers: channels of each level in units of `width`; each level after the first halves the size.
        blocks: residual blocks per level on the way down; one more on the way up.
        noise_channels: noise maps per level; 0 for a deterministic generator of the source alone.
        global_noise: numbers of noise that a whole map shares, so that it can vary as one: with noise of the lowest
            level alone, each cell would have to agree with cells that it does not see.
        stem: pixels per side that are packed into channels at the entrance; 2 makes everything about 4x cheaper.
        padding: "zero", "reflect" or "circular"; see `Blocks`.
        dropout: fraction dropped in the residual blocks.
        residual: add the source to what the network makes, which is nothing at the start. Needs as many channels in as
            out.
        seed: of the initial weights.
        dtype: policy of the hidden layers, such as "mixed_bfloat16".
    """
    make, inputs, x, block = _entrance(
        source_channels, width, multipliers, blocks, noise_channels, global_noise, stem, padding, dropout, seed, dtype
    )
    kept = [x]
    for depth in range(len(multipliers)):
        if depth:
            x = make.down(x)
            kept.append(x)
        for _ in range(blocks):
            x = block(x, depth)
            kept.append(x)
    x = block(x, len(multipliers) - 1)
    for depth in reversed(range(len(multipliers))):
        for _ in range(blocks + 1):
            x = block(make.skip(x, kept.pop()), depth)
        if depth:
            x = make.up(x)
    return keras.Model(inputs, _exit(make, x, target_channels, stem, inputs[0] if residual else None), name=name)


def resnet_generator(
    target_channels: int,
    source_channels: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2, 2),
    blocks: int = 6,
    noise_channels: int = 4,
    global_noise: int = 0,
    stem: int = 1,
    padding: str = "zero",
    dropout: float = 0.0,
    residual: bool = False,
    seed: int = 0,
    dtype=None,
    name: str = "generator",
) -> keras.Model:
    """As `unet_generator`, but a chain: down, `blocks` residual blocks at the lowest level, up (arXiv:1603.08155).

    Without shortcuts past the lowest level it copies fine structure of the source less readily than a U-Net.
    """
    make, inputs, x, block = _entrance(
        source_channels, width, multipliers, blocks, noise_channels, global_noise, stem, padding, dropout, seed, dtype
    )
    for depth in range(1, len(multipliers)):
        x = make.conv(make.down(make.silu(make.norm(x))), width * multipliers[depth])
    for _ in range(blocks):
        x = block(x, len(multipliers) - 1)
    for depth in reversed(range(len(multipliers) - 1)):
        x = block(make.up(x), depth)
    return keras.Model(inputs, _exit(make, x, target_channels, stem, inputs[0] if residual else None), name=name)


GENERATORS = {"resnet": resnet_generator, "unet": unet_generator}


def noise_shapes(
    height, width, noise_channels: int, multipliers: tuple[int, ...], stem: int = 1, global_noise: int = 0
) -> list[tuple]:
    """(h, w, noise_channels) of the noise of each level, for maps of height x width pixels, then (1, 1, global_noise);
    without what is 0."""
    factors = [stem * 2**level for level in range(len(multipliers))] if noise_channels else []
    shared = [(1, 1, global_noise)] if global_noise else []
    return [(height // factor, width // factor, noise_channels) for factor in factors] + shared


def _entrance(
    source_channels, width, multipliers, blocks, noise_channels, global_noise, stem, padding, dropout, seed, dtype
):
    """(maker of layers, inputs, first features, block(x, depth) with the noise of its level)."""
    for label, value in {"width": width, "blocks": blocks, "stem": stem, "multiplier": min(multipliers)}.items():
        check_positive(label, value)
    make = Blocks(dtype=dtype, padding=padding, dropout=dropout, seed=seed)
    source = keras.Input((None, None, source_channels), name="source", dtype="float32")
    noise = [
        keras.Input((None, None, noise_channels), name=f"noise_{level}", dtype="float32")
        for level in range(len(multipliers) if noise_channels else 0)
    ]
    shared = [keras.Input((1, 1, global_noise), name="noise_shared", dtype="float32")] if global_noise else []

    def block(x, depth):
        if noise:
            x = x + make.conv(noise[depth], x.shape[-1], kernel=1)
        for numbers in shared:
            x = x + make.conv(numbers, x.shape[-1], kernel=1)
        return make.residual(x, width * multipliers[depth])

    x = Pack(stem, dtype="float32")(source) if stem > 1 else source
    return make, [source, *noise, *shared], make.conv(x, width), block


def _exit(make, x, target_channels, stem, source):
    x = make.silu(make.norm(x))
    x = make.conv(x, stem**2 * target_channels, zero=source is not None, dtype="float32")
    x = Unpack(stem, dtype="float32")(x) if stem > 1 else x
    if source is not None:
        x = layers.Add(dtype="float32")([x, source])
    return layers.Activation("linear", dtype="float32", name="target")(x)
