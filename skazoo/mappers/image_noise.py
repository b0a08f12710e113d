"""Noise of a dirty image as a Gaussian with a covariance, and the chi^2 that it gives to a residual."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive
from .backend import compiled

__all__ = ["ImageNoise", "WhiteNoise", "conjugate_gradients", "filtered", "reduced_chi_square"]

PROBES = 8  # of the trace that counts the degrees of freedom: right to better than 1 % at 64 x 64 pixels


class WhiteNoise:
    """Independent noise in every pixel: what `ImageNoise` is with a PSF of one pixel."""

    def correlation(self, x):
        """x: a unit variance in every pixel, no correlation."""
        return x

    def covariance(self, x):
        """As `correlation`: nothing to make regular."""
        return x

    def precision(self, x):
        """The inverse of `covariance`."""
        return x


class ImageNoise:
    """Thermal noise of a dirty image, in units of its rms: correlated as the telescope's noise power has it.

    Visibilities have independent noise, so the image's is stationary, with the power P(u, v) = sum of w^2 sigma^2 of
    the visibilities there (it is shaped as the PSF with natural weights, w = 1 / sigma^2, and not with any others).
    In the frame of npix pixels its covariance R is that power's Toeplitz matrix, applied exactly on the doubled grid.
    R is all but singular where no baseline measures; `jitter` adds that much white variance (a part of the noise's
    own), as `skazoo.telescope.wiener` does, and hides the rest.

    Args:
        observation: `skazoo.telescope.Observation`; the hours do not matter.
        jitter: white variance that is added in `covariance`, above zero.
    """

    def __init__(self, observation, jitter: float = 1e-2):
        check_positive("jitter", jitter)
        half = observation.response.noise_power.astype(np.float64)
        power = np.fft.fft2(np.fft.irfft2(half, s=2 * (2 * observation.npix,))).real  # the full plane
        power *= power.size / power.sum()
        self.jitter = float(jitter)
        self._power = power.astype(np.float32)
        self._precision = (1.0 / (np.maximum(power, 0.0) + jitter)).astype(np.float32)

    def correlation(self, x):
        """R x of images (n, H, W), H = W = npix: the covariance of the noise over its variance."""
        return filtered(x, self._power)

    def covariance(self, x):
        """(R + jitter) x."""
        return filtered(x, self._power) + self.jitter * x

    def precision(self, x):
        """About (R + jitter)^-1 x: the inverse if the doubled grid were the frame. Symmetric and positive."""
        return filtered(x, self._precision)


def filtered(x, power):
    """Multiply (n, H, W) by `power` in Fourier space, on its grid: padded by zeros to it, and cut back to H, W.

    Args:
        power: (H', W') or one for each image (n, H', W'), real, of the full plane; H' >= H, W' >= W.
    """
    height, width = x.shape[1:3]
    x = ops.pad(x, [[0, 0], [0, power.shape[-2] - height], [0, power.shape[-1] - width]])
    real, imaginary = ops.fft2((x, ops.zeros_like(x)))
    power = ops.convert_to_tensor(power)
    return ops.ifft2((real * power, imaginary * power))[0][:, :height, :width]


def conjugate_gradients(matrix: Callable, rhs, precondition: Callable, iterations: int):
    """Solve matrix(z) = rhs, each image (n, H, W) by itself, in a fixed number of steps.

    Args:
        matrix, precondition: symmetric and positive, images -> images; the second is about the inverse of the first.

    An image stands still once its residual is at rounding level.
    """

    def dot(a, b):
        return ops.sum(a * b, axis=(1, 2), keepdims=True)

    def step(_, state):
        z, residual, direction, size = state
        along = matrix(direction)
        curvature = dot(direction, along)
        moving = ops.logical_and(size > 1e-12 * start, curvature > 0)
        length = ops.where(moving, size / ops.where(moving, curvature, 1.0), 0.0)
        z, residual = z + length * direction, residual - length * along
        better = precondition(residual)
        now = dot(residual, better)
        turn = ops.where(moving, now / ops.where(moving, size, 1.0), 0.0)
        return z, residual, better + turn * direction, ops.where(moving, now, size)

    direction = precondition(rhs)
    start = dot(rhs, direction)
    return ops.fori_loop(0, iterations, step, (ops.zeros_like(rhs), rhs, direction, start))[0]


def reduced_chi_square(dirty, predicted, noise_rms, noise=None, iterations: int = 100) -> np.ndarray:
    """chi^2 per degree of freedom of observed against predicted dirty images: 1 within errors for the true sky.

    chi^2 = r^T (R + jitter)^-1 r / noise_rms^2 with r = dirty - predicted; the degrees of freedom are what noise of
    covariance R has of it on average, tr[(R + jitter)^-1 R]: about the number of Fourier modes that the telescope
    measures, far fewer than pixels. One image scatters by about sqrt(2 / degrees of freedom).

    Args:
        dirty: (B, H, W), Jy/beam.
        predicted: (..., B, H, W), noiseless dirty images, such as of samples (num_samples, B, H, W).
        noise_rms: number or (B,), Jy/beam.
        noise: `ImageNoise`; white noise by default.
        iterations: of conjugate gradients.

    Returns: (..., B) float64.
    """
    noise = WhiteNoise() if noise is None else noise
    dirty, predicted = np.asarray(dirty, np.float64), np.asarray(predicted, np.float64)
    if dirty.ndim != 3 or predicted.shape[-3:] != dirty.shape:
        raise ParameterError(
            f"dirty must be (B, H, W) and predicted (..., B, H, W), but are {dirty.shape} and {predicted.shape}."
        )
    rms = np.broadcast_to(np.asarray(noise_rms, np.float64), len(dirty))[:, None, None]
    if not np.all(rms > 0):
        raise ParameterError("chi^2 needs noise: noise_rms must be positive.")
    residual = ((dirty - predicted) / rms).reshape(-1, *dirty.shape[1:]).astype(np.float32)
    solve = compiled(
        lambda x: conjugate_gradients(noise.covariance, x, noise.precision, iterations), keras.layers.Identity()
    )
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, *dirty.shape[1:])).astype(np.float32)
    coloured = ops.convert_to_numpy(noise.correlation(ops.convert_to_tensor(signs)))
    freedom = _product(coloured, ops.convert_to_numpy(solve(signs))).mean()
    chi_square = [
        _product(part, ops.convert_to_numpy(solve(part))) for part in np.split(residual, range(64, len(residual), 64))
    ]
    return (np.concatenate(chi_square) / freedom).reshape(predicted.shape[:-2])


def _product(a, b):
    return np.sum(a.astype(np.float64) * b, axis=(1, 2))
