"""Features of a source map at several scales, for networks that look at them again and again."""

from __future__ import annotations

import keras
from keras import layers

from .bijection import exact_dtype
from .blocks import Blocks
from .layers import Pack

__all__ = ["feature_pyramid"]


def feature_pyramid(
    source_channels: int,
    factors: tuple[int, ...],
    *,
    width: int = 32,
    blocks: int = 1,
    attention: bool = False,
    padding: str = "zero",
    dropout: float = 0.0,
    seed: int = 0,
    dtype=None,
    name: str = "pyramid",
) -> keras.Model:
    """The graph source (B, H, W, S) -> list of features (B, H/f, W/f, width), f the running product of `factors`.

    Every level knows the coarser ones: residual blocks lead down through all levels and up again. The features
    themselves are float32 (float64 under that policy).

    Args:
        factors: pixels per side that are packed into channels at the entrance of each level; 1 keeps the size.
        width: channels everywhere.
        blocks: residual blocks per level, down and up.
        attention: let the pixels of the coarsest level look at each other.
        padding, dropout, seed, dtype: see `Blocks`.
    """
    make = Blocks(dtype, padding, dropout, seed)
    exact = exact_dtype(dtype or keras.config.dtype_policy())
    x = source = keras.Input((None, None, source_channels), dtype=exact)
    kept = []
    for level, factor in enumerate(factors):
        if factor > 1:
            x = Pack(factor, dtype=make.dtype if level else exact)(x)
        x = make.conv(x, width)
        for _ in range(blocks):
            x = make.residual(x, width)
        kept.append(x)
    if attention:
        x = make.attention(x)
    features = []
    for level in reversed(range(len(factors))):
        if level < len(factors) - 1:
            factor = factors[level + 1]
            if factor > 1:
                x = layers.UpSampling2D(factor, interpolation="nearest", dtype=make.dtype)(x)
            x = make.skip(x, kept[level])
        for _ in range(blocks):
            x = make.residual(x, width)
        features.append(make.conv(x, width, kernel=1, dtype=exact))
    return keras.Model(source, features[::-1], name=name)
