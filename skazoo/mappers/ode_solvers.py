"""Solvers of dx/dt = velocity(x, t) for a batch of images.

`velocity` takes x (n, ...) and a time, a float or (for `adaptive`) one an image (n,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ParameterError, check_positive

__all__ = ["SOLVERS", "adaptive", "heun", "midpoint", "runge_kutta"]


def midpoint(velocity: Callable, x, times: np.ndarray):
    """Second order: from each of `times` to the next by the slope half-way; two calls a step."""
    for now, after in zip(times[:-1], times[1:], strict=True):
        half = float(0.5 * (after - now))
        x = x + 2 * half * velocity(x + half * velocity(x, float(now)), float(now + half))
    return x


def heun(velocity: Callable, x, times: np.ndarray):
    """Second order: from each of `times` to the next by the mean of the slopes at both ends; two calls a step."""
    for now, after in zip(times[:-1], times[1:], strict=True):
        step, slope = float(after - now), velocity(x, float(now))
        x = x + 0.5 * step * (slope + velocity(x + step * slope, float(after)))
    return x


def runge_kutta(velocity: Callable, x, times: np.ndarray):
    """The classical method of Runge and Kutta: fourth order, four calls a step."""
    for now, after in zip(times[:-1], times[1:], strict=True):
        step = float(after - now)
        first = velocity(x, float(now))
        second = velocity(x + 0.5 * step * first, float(now + 0.5 * step))
        third = velocity(x + 0.5 * step * second, float(now + 0.5 * step))
        fourth = velocity(x + step * third, float(after))
        x = x + step / 6 * (first + 2 * second + 2 * third + fourth)
    return x


def adaptive(
    velocity: Callable, x: np.ndarray, times: np.ndarray, tolerance: float = 1e-3, limit: int = 1000
) -> np.ndarray:
    """Third order with its own steps (Bogacki & Shampine 1989), from the first of `times` to the last.

    Every image has steps of its own, so that it does not depend on its company. The error of a step, an RMS over the
    pixels, is kept below tolerance x (1 + RMS of the image).

    Args:
        limit: `ParameterError` after so many steps, tried ones included.
    """
    check_positive("tolerance", tolerance)
    x = np.array(x)
    begin, end = float(times[0]), float(times[-1])
    now, step = np.full(len(x), begin), np.full(len(x), (end - begin) / 16)

    def wide(each):
        return each.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)

    def rms(each):
        return np.sqrt(np.mean(np.square(each, dtype=np.float64), axis=tuple(range(1, x.ndim))))

    first = velocity(x, now)
    for _ in range(limit):
        left = end - now
        if np.all(left == 0.0):
            return x
        last = np.abs(step) >= np.abs(left)
        h = wide(np.where(last, left, step))
        second = velocity(x + 0.5 * h * first, now + 0.5 * h.reshape(-1))
        third = velocity(x + 0.75 * h * second, now + 0.75 * h.reshape(-1))
        ahead = x + h * (2 * first + 3 * second + 4 * third) / 9
        after = np.where(last, end, now + step)
        fourth = velocity(ahead, after)
        error = rms(h * (-5 * first + 6 * second + 8 * third - 9 * fourth) / 72) / (tolerance * (1 + rms(x)))
        good = error <= 1.0
        x, first = (np.where(wide(good) > 0, new, old) for new, old in ((ahead, x), (fourth, first)))
        now = np.where(good, after, now)
        step = h.reshape(-1) * np.clip(0.9 * np.maximum(error, 1e-12) ** (-1 / 3), 0.2, 5.0)
    raise ParameterError(f"the adaptive solver did not arrive within {limit} steps: raise tolerance = {tolerance}.")


SOLVERS = {"midpoint": midpoint, "heun": heun, "runge_kutta": runge_kutta, "adaptive": adaptive}
