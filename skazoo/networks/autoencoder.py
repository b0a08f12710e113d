"""Encoder and decoder of maps: what a KL autoencoder, a vector quantiser or any other bottleneck stands between."""

from __future__ import annotations

import keras

from ..errors import check_positive
from .blocks import Blocks
from .layers import Pack, Unpack

__all__ = ["map_decoder", "map_encoder"]


def map_encoder(
    channels: int,
    outputs: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2),
    blocks: int = 1,
    stem: int = 2,
    padding: str = "zero",
    dropout: float = 0.0,
    seed: int = 0,
    dtype=None,
    name: str = "encoder",
) -> keras.Model:
    """The graph maps (B, H, W, channels) -> features (B, H/f, W/f, outputs), both float32, f = `unet_stride`.

    A linear path (all f x f pixels of 5 x 5 cells into the outputs by one convolution) runs beside the convolutional
    one, which starts at zero: so training first finds the best linear code, within a thousand steps, and the network
    has only to learn what that cannot do (compare arXiv:2410.10733).

    Args:
        channels, outputs: of the maps and of the features.
        width: channels of the first level.
        multipliers: channels of each level in units of `width`; each level after the first halves the size.
        blocks: residual blocks per level.
        stem: pixels per side that are packed into channels at the entrance.
        padding, dropout, seed: see `Blocks`.
        dtype: policy of the hidden layers.
    """
    make = _blocks(width, multipliers, blocks, stem, padding, dropout, seed, dtype)
    factor = stem * 2 ** (len(multipliers) - 1)
    maps = keras.Input((None, None, channels), name="maps", dtype="float32")
    x = Pack(stem, dtype="float32")(maps) if stem > 1 else maps
    x = make.conv(x, width)
    for depth, multiplier in enumerate(multipliers):
        x = make.down(x) if depth else x
        for _ in range(blocks):
            x = make.residual(x, width * multiplier)
    x = make.conv(make.silu(make.norm(x)), outputs, zero=True, dtype="float32")
    linear = make.conv(Pack(factor, dtype="float32")(maps), outputs, kernel=5, dtype="float32")
    return keras.Model(maps, keras.layers.Add(dtype="float32")([linear, x]), name=name)


def map_decoder(
    inputs: int,
    channels: int,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2),
    blocks: int = 1,
    stem: int = 2,
    padding: str = "zero",
    dropout: float = 0.0,
    seed: int = 0,
    dtype=None,
    name: str = "decoder",
) -> keras.Model:
    """The mirror image of `map_encoder`: features (B, h, w, inputs) -> maps (B, f h, f w, channels), float32."""
    make = _blocks(width, multipliers, blocks, stem, padding, dropout, seed, dtype)
    factor = stem * 2 ** (len(multipliers) - 1)
    features = keras.Input((None, None, inputs), name="features", dtype="float32")
    x = make.conv(features, width * multipliers[-1])
    for depth in reversed(range(len(multipliers))):
        for _ in range(blocks):
            x = make.residual(x, width * multipliers[depth])
        x = make.up(x) if depth else x
    x = make.conv(make.silu(make.norm(x)), stem**2 * channels, zero=True, dtype="float32")
    x = Unpack(stem, dtype="float32")(x) if stem > 1 else x
    linear = Unpack(factor, dtype="float32")(make.conv(features, factor**2 * channels, kernel=5, dtype="float32"))
    return keras.Model(features, keras.layers.Add(dtype="float32")([linear, x]), name=name)


def _blocks(width, multipliers, blocks, stem, padding, dropout, seed, dtype) -> Blocks:
    for label, value in {"width": width, "blocks": blocks, "stem": stem, "multiplier": min(multipliers)}.items():
        check_positive(label, value)
    return Blocks(dtype=dtype, padding=padding, dropout=dropout, seed=seed)
