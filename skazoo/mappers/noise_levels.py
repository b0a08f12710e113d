"""Noise levels sigma of x = y + sigma n: those a sampler walks down, and how training draws them.

A variance-preserving process z = alpha y + s n with alpha^2 + s^2 = 1 is the same thing on another scale:
z = alpha x with sigma = s / alpha (Karras et al. 2022, arXiv:2206.00364, section 2). So its schedules are given here as
sigma(t), and one denoiser D(x, sigma) serves them all.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive

__all__ = [
    "SCHEDULES",
    "central_levels",
    "cosine_sigma",
    "cosine_time",
    "edm_levels",
    "linear_sigma",
    "linear_time",
    "normal_quantile",
    "stratified_shares",
    "variance_preserving",
    "wide_levels",
]

BETA_MIN, BETA_MAX = 0.1, 20.0  # of DDPM's thousand steps, 1e-4 and 0.02, a unit of time


def edm_levels(steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> np.ndarray:
    """(steps + 1,) falling noise levels from `sigma_max` to `sigma_min`, then 0 (arXiv:2206.00364, eq. 5)."""
    check_positive("rho", rho)
    _check_range(steps, sigma_min, sigma_max)
    ramp = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), int(steps)) ** rho
    return np.append(ramp, 0.0)


def central_levels(
    steps: int, sigma_min: float | None = None, sigma_max: float = 80.0, centre: float = 0.2, width: float = 1.5
) -> np.ndarray:
    """(steps + 1,) falling noise levels, densest (in ln sigma) about `centre`, where structure appears; then 0.

    arcsinh(ln(sigma / centre) / width) is evenly spaced. `centre` is the spread of p(target | source) in network space,
    smaller than that of the maps. `sigma_min` is 0.08 / steps where not given, but at least 0.002.
    """
    check_positive("steps", steps)
    check_positive("centre", centre)
    check_positive("width", width)
    sigma_min = max(0.002, 0.08 / steps) if sigma_min is None else sigma_min
    _check_range(steps, sigma_min, sigma_max)
    ends = np.arcsinh(np.log(np.array([sigma_max, sigma_min]) / centre) / width)
    return np.append(centre * np.exp(width * np.sinh(np.linspace(*ends, int(steps)))), 0.0)


def wide_levels(steps: int, sigma_min: float | None = None, sigma_max: float = 200.0) -> np.ndarray:
    """`central_levels` nearly even in ln sigma: for maps whose scales differ by far in what the source leaves open.

    The mean of a map of n x n pixels is a Fourier mode n times as wide, next to the noise, as a pixel: at n = 64 and
    totals that are open by a factor of 3 it appears at sigma = 30, where the smallest scales appear at 0.1.
    """
    return central_levels(steps, sigma_min, sigma_max, centre=1.0, width=3.0)


def variance_preserving(sigma):
    """(alpha, s) of z = alpha x = alpha y + s n, with alpha^2 + s^2 = 1 and s / alpha = `sigma`."""
    alpha = (1.0 + sigma**2) ** -0.5
    return alpha, sigma * alpha


def cosine_sigma(time):
    """sigma of the cosine schedule alpha = cos(pi t / 2), 0 < t < 1 (arXiv:2102.09672, without its offset)."""
    return ops.tan(0.5 * np.pi * time)


def cosine_time(sigma):
    """Inverse of `cosine_sigma`."""
    return 2.0 / np.pi * ops.arctan(sigma)


def linear_sigma(time):
    """sigma of the DDPM schedule, beta linear in time, 0 < t < 1 (arXiv:2006.11239; continuous: 2011.13456, eq. 33)."""
    return ops.sqrt(ops.expm1(BETA_MIN * time + 0.5 * (BETA_MAX - BETA_MIN) * time**2))


def linear_time(sigma):
    """Inverse of `linear_sigma`."""
    area = ops.log1p(sigma**2)
    return 2.0 * area / (BETA_MIN + ops.sqrt(BETA_MIN**2 + 2.0 * (BETA_MAX - BETA_MIN) * area))


def stratified_shares(rows, seed=None):
    """(rows,) float32 numbers in (0, 1), one in each of as many equal bins; their middles without `seed`."""
    jitter = 0.5 if seed is None else keras.random.uniform((rows,), seed=seed)
    share = (ops.cast(ops.arange(rows), "float32") + jitter) / ops.cast(rows, "float32")
    return ops.clip(share, 1e-6, 1 - 1e-6)


def normal_quantile(share):
    """The standard normal number below which a `share` of them lies."""
    return math.sqrt(2.0) * ops.erfinv(2.0 * share - 1.0)


def _check_range(steps, sigma_min, sigma_max):
    check_positive("steps", steps)
    check_positive("sigma_min", sigma_min)
    if not sigma_min < sigma_max:
        raise ParameterError(f"sigma_max must exceed sigma_min = {sigma_min}, but is {sigma_max}.")


# name -> sigma(t) with t uniform in (0, 1); "edm" (ln sigma normal) has parameters and lives in `Diffusion`
SCHEDULES = {"cosine": cosine_sigma, "linear": linear_sigma}
