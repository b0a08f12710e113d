"""Generated telescope maps that hold no more than the beam lets through, and the noise of the receivers."""

from __future__ import annotations

import math

from keras import ops

__all__ = ["beam_noise", "convolve_beam", "log_uniform"]


def convolve_beam(maps, fwhm: float):
    """Maps (B, H, W, C), float32, convolved with a round Gaussian whose full width at half maximum is `fwhm` pixels.

    Its sum is 1; at the edges what lies outside is left out, and the rest made to sum to 1 again, so that a constant
    map stays what it is.
    """
    return _convolve(maps, fwhm, lambda weights: ops.sum(weights, axis=1, keepdims=True))


def beam_noise(white, fwhm: float):
    """White noise of unit variance (B, H, W, C), float32, as the noise of a naturally weighted image.

    In such an image each visibility counts by its weight w: the transform of the beam is the density of w, and the
    power spectrum of the noise, w^2 times the variance 1 / w of a visibility, is that density too (Thompson, Moran &
    Swenson 2017, ch. 6 and 10). A Gaussian of fwhm / sqrt(2) pixels has its root as transform. The variance of every
    pixel is 1, at the edges too; `fwhm` 0 leaves the noise white.
    """
    if not fwhm:
        return white
    return _convolve(white, fwhm / math.sqrt(2.0), lambda weights: ops.sqrt(ops.sum(ops.square(weights), 1, True)))


def log_uniform(normal, least: float, greatest: float):
    """Standard normal numbers as numbers between `least` and `greatest` whose logarithms are uniform."""
    below = 0.5 * (1.0 + ops.erf(normal / math.sqrt(2.0)))
    return least * (greatest / least) ** below


def _convolve(maps, fwhm, norm):
    def matrix(side):
        pixels = ops.arange(side, dtype="float32")
        weights = ops.exp(-4.0 * math.log(2.0) * ops.square((pixels[:, None] - pixels) / fwhm))
        return weights / norm(weights)

    rows, columns = (matrix(side) for side in ops.shape(maps)[1:3])
    return ops.einsum("ij,bjkc,lk->bilc", rows, maps, columns)
