"""A U-Net that is conditioned on source maps and on a number (a noise level, a time)."""

from __future__ import annotations

import keras
from keras import layers

from ..errors import ParameterError, check_positive
from .blocks import Blocks
from .layers import Fourier, Pack, Unpack

__all__ = ["conditional_unet", "plain_unet", "unet_stride"]


def conditional_unet(
    target_channels: int,
    source_channels: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2, 2),
    blocks: int = 1,
    attention: tuple[int, ...] = (),
    stem: int = 1,
    padding: str = "zero",
    dropout: float = 0.0,
    seed: int = 0,
    dtype=None,
    name: str = "unet",
) -> keras.Model:
    """The graph (noisy target, source, level) -> target: (B, H, W, T), (B, H, W, S), (B, 1) -> (B, H, W, T) float32.

    Source and noisy target enter side by side; the level enters every residual block as scale and shift. Fully
    convolutional: the weights fit any size that `unet_stride` divides. The last convolution starts at zero and
    is float32 whatever the policy, and so is the embedding of the level.

    Args:
        width: channels of the first level.
        multipliers: channels of each level in units of `width`; each level after the first halves the size.
        blocks: residual blocks per level on the way down; one more on the way up.
        attention: levels (0 = first) that attend over all pixels. The cost grows with the pixel number squared.
        stem: pixels per side that are packed into channels at the entrance; 2 makes everything about 4x cheaper.
        padding: "zero", "reflect" or "circular"; see `Blocks`.
        dropout: fraction dropped in the residual blocks.
        seed: of the initial weights.
        dtype: policy of the hidden layers, such as "mixed_bfloat16".

    After Ronneberger et al. 2015 (arXiv:1505.04597) and Dhariwal & Nichol 2021 (arXiv:2105.05233).
    """
    _check(width, multipliers, blocks, attention, stem)
    make = Blocks(dtype=dtype, padding=padding, dropout=dropout, seed=seed)
    noisy = keras.Input((None, None, target_channels), name="noisy", dtype="float32")
    source = keras.Input((None, None, source_channels), name="source", dtype="float32")
    level = keras.Input((1,), name="level", dtype="float32")

    embedding = Fourier(16)(level)
    for _ in range(2):
        start = keras.initializers.GlorotUniform(seed=make.next_seed())
        embedding = layers.Dense(4 * width, "silu", kernel_initializer=start, dtype="float32")(embedding)
    x = layers.Concatenate(dtype="float32")([noisy, source])
    x = _down_and_up(make, x, target_channels, width, multipliers, blocks, attention, stem, embedding)
    return keras.Model([noisy, source, level], x, name=name)


def plain_unet(
    source_channels: int,
    target_channels: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2, 2),
    blocks: int = 1,
    attention: tuple[int, ...] = (),
    stem: int = 1,
    padding: str = "zero",
    dropout: float = 0.0,
    seed: int = 0,
    dtype=None,
    name: str = "unet",
) -> keras.Model:
    """The graph source -> target: (B, H, W, S) -> (B, H, W, T) float32, otherwise as `conditional_unet`."""
    _check(width, multipliers, blocks, attention, stem)
    make = Blocks(dtype=dtype, padding=padding, dropout=dropout, seed=seed)
    source = keras.Input((None, None, source_channels), name="source", dtype="float32")
    x = _down_and_up(make, source, target_channels, width, multipliers, blocks, attention, stem, None)
    return keras.Model(source, x, name=name)


def _down_and_up(make, x, channels, width, multipliers, blocks, attention, stem, embedding):
    """From the maps side by side to `channels` of output."""

    def stage(x, depth):
        x = make.residual(x, width * multipliers[depth], embedding)
        return make.attention(x) if depth in attention else x

    if stem > 1:
        x = Pack(stem, dtype="float32")(x)
    x = make.conv(x, width)
    kept = [x]
    for depth in range(len(multipliers)):
        if depth:
            x = make.down(x)
            kept.append(x)
        for _ in range(blocks):
            x = stage(x, depth)
            kept.append(x)
    x = stage(x, len(multipliers) - 1)
    for depth in reversed(range(len(multipliers))):
        for _ in range(blocks + 1):
            x = stage(make.skip(x, kept.pop()), depth)
        if depth:
            x = make.up(x)
    x = make.silu(make.norm(x))
    x = make.conv(x, stem**2 * channels, zero=True, dtype="float32")
    return Unpack(stem, dtype="float32")(x) if stem > 1 else x


def _check(width, multipliers, blocks, attention, stem) -> None:
    """`ParameterError` for numbers that make no U-Net."""
    for label, value in {"width": width, "blocks": blocks, "stem": stem, "multiplier": min(multipliers)}.items():
        check_positive(label, value)
    beyond = [level for level in attention if not 0 <= level < len(multipliers)]
    if beyond:
        raise ParameterError(f"attention is asked for at level {beyond[0]}, but there are {len(multipliers)} levels.")


def unet_stride(multipliers: tuple[int, ...] = (1, 2, 2), stem: int = 1) -> int:
    """Height and width of the maps must be multiples of this number of pixels."""
    return stem * 2 ** (len(multipliers) - 1)
