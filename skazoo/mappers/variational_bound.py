"""The evidence lower bound of a diffusion model, of any denoiser.

A chain of noisy maps that is drawn with q(x_after | x_now, y = D) bounds the likelihood by a sum of Gaussian relative
entropies, 1/2 (1 / sigma_after^2 - 1 / sigma_now^2) |y - D(x_now)|^2 each (DDPM, arXiv:2006.11239, eq. 5 and 8). With
infinitely many steps, where the bound is tightest, the sum is an integral (Kingma 2021, arXiv:2107.00630, eq. 17):

    -ln p(y) <= E|y - D(x_sigma)|^2 / sigma^2 d ln sigma, from sigma_min to sigma_max
                + KL(q(x | y) | N(0, sigma_max^2)) at sigma_max - E ln N(y; x, sigma_min^2) at sigma_min
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .noise import RowNoise

__all__ = ["evidence_lower_bound"]


def evidence_lower_bound(denoise: Callable, y, sigmas: np.ndarray, noise: RowNoise) -> np.ndarray:
    """A lower bound, on average over `noise`, of ln p(y) of each image (n,), in nats, float64.

    Args:
        denoise: D(x, sigma (n,)) -> E[y | x], numpy in and out.
        y: (n, ...) maps.
        sigmas: (steps + 1,) falling levels above 0. In each interval one level is drawn, so the integral is right on
            average with any number of steps.
    """
    y = np.asarray(y, np.float64)
    shape = y.shape[1:]

    def squared(x):
        return np.sum(np.reshape(x, (len(y), -1)) ** 2, axis=1)

    loss = 0.5 * squared(y) / sigmas[0] ** 2
    for step, (upper, lower) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        width = np.log(upper / lower)
        sigma = lower * np.exp(width * noise.uniform((), stream=2 * step))
        x = y + sigma.reshape(-1, *[1] * len(shape)) * noise.normal(shape, stream=2 * step + 1)
        loss = loss + width * squared(y - denoise(x, sigma)) / sigma**2
    size = y[0].size
    return -loss - 0.5 * size * (np.log(2 * np.pi * sigmas[-1] ** 2) + 1.0)  # E|n|^2 is known
