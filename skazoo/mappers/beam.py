"""Generated telescope maps that hold no more than the beam lets through."""

from __future__ import annotations

import math

from keras import ops

__all__ = ["convolve_beam"]


def convolve_beam(maps, fwhm: float):
    """Maps (B, H, W, C), float32, convolved with a round Gaussian whose full width at half maximum is `fwhm` pixels.

    Its sum is 1; at the edges what lies outside is left out, and the rest made to sum to 1 again, so that a constant
    map stays what it is.
    """

    def matrix(side):
        pixels = ops.arange(side, dtype="float32")
        weights = ops.exp(-4.0 * math.log(2.0) * ops.square((pixels[:, None] - pixels) / fwhm))
        return weights / ops.sum(weights, axis=1, keepdims=True)

    rows, columns = (matrix(side) for side in ops.shape(maps)[1:3])
    return ops.einsum("ij,bjkc,lk->bilc", rows, maps, columns)
