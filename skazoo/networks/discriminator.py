"""A discriminator that judges patches: is this target, beside its source, a true one?"""

from __future__ import annotations

import math

import keras
from keras import layers

from ..errors import check_positive
from .blocks import Blocks
from .layers import Pad

__all__ = ["patch_discriminator"]


def patch_discriminator(
    target_channels: int,
    source_channels: int = 0,
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2, 2),
    blocks: int = 1,
    stem: int = 1,
    padding: str = "zero",
    bias: bool = True,
    seed: int = 0,
    dtype=None,
    name: str = "discriminator",
) -> keras.Model:
    """The graph [source, target] -> logits: (B, H, W, S), (B, H, W, T) -> (B, h, w, 1) float32, h = H // stride.

    Each logit sees a patch of the map (PatchGAN, arXiv:1611.07004). No normalisation layer couples the images or the
    pixels, as the gradient penalties R1, R2 and WGAN-GP require. Works at any size from the stride on.

    Args:
        source_channels: 0 for a judge of the target alone, whose single input is the target.
        width: channels of the first level.
        multipliers: channels of each level in units of `width`; each level after the first halves the size.
        blocks: residual blocks per level.
        stem: stride of the first convolution; the stride of the whole is stem * 2^(levels - 1).
        padding: "zero", "reflect" or "circular"; see `Blocks`.
        bias: of the last layer; False where only differences of logits count, as a constant would drift freely.
        seed: of the initial weights.
        dtype: policy of the hidden layers.
    """
    for label, value in {"width": width, "blocks": blocks, "stem": stem, "multiplier": min(multipliers)}.items():
        check_positive(label, value)
    make = Blocks(dtype=dtype, padding=padding, seed=seed)
    target = keras.Input((None, None, target_channels), name="target", dtype="float32")
    inputs, x = target, target
    if source_channels:
        source = keras.Input((None, None, source_channels), name="source", dtype="float32")
        inputs, x = [source, target], layers.Concatenate(dtype="float32")([source, target])

    def bend(x):
        return layers.LeakyReLU(0.2, dtype=dtype)(x)

    def residual(x, channels):
        y = make.conv(bend(make.conv(bend(x), channels)), channels)
        x = make.conv(x, channels, kernel=1) if x.shape[-1] != channels else x
        return (x + y) * math.sqrt(0.5)

    start = keras.initializers.GlorotUniform(seed=make.next_seed())
    if padding != "zero":
        x = Pad(1, padding, dtype=dtype)(x)
    edge = "same" if padding == "zero" else "valid"
    x = layers.Conv2D(width, stem + 2, strides=stem, padding=edge, kernel_initializer=start, dtype=dtype)(x)
    for depth, factor in enumerate(multipliers):
        if depth:
            x = make.down(x)
        for _ in range(blocks):
            x = residual(x, width * factor)
    start = keras.initializers.GlorotUniform(seed=make.next_seed())
    logits = layers.Conv2D(1, 1, use_bias=bias, kernel_initializer=start, dtype="float32")(bend(x))
    return keras.Model(inputs, logits, name=name)
