"""Monotonic rational-quadratic splines, a flexible invertible function of one number (arXiv:1906.04032, section 3)."""

from __future__ import annotations

import math

from keras import ops

__all__ = ["rational_quadratic", "spline_parameters"]

# least slope of a knot, and share of the interval in a bin; less would make the inverse lose float32's last digits,
# more leaves too much probability in the gaps of a density with several peaks
SMALLEST, NARROWEST = 1e-2, 2e-3


def spline_parameters(bins: int) -> int:
    """How many numbers describe a spline of so many bins."""
    return 3 * bins - 1


def rational_quadratic(x, raw, bound: float = 4.0, inverse: bool = False):
    """The spline between (-bound, -bound) and (bound, bound), of slope 1 at the ends; outside, y = x.

    Args:
        x: (...), any shape.
        raw: (..., 3 bins - 1) unconstrained numbers: widths and heights of bins, slopes between them; all 0 is y = x.
        inverse: solve for x given y instead.

    Returns: (y, ln dy/dx) of x; inverse: x alone.
    """
    bins = (raw.shape[-1] + 1) // 3
    widths, heights = (_shares(raw[..., i * bins : (i + 1) * bins], bins) * (2.0 * bound) for i in (0, 1))
    inner = ops.softplus(raw[..., 2 * bins :] + math.log(math.expm1(1.0 - SMALLEST))) + SMALLEST
    one = ops.ones_like(inner[..., :1])
    left, bottom = (ops.cumsum(sizes, axis=-1) - sizes - bound for sizes in (widths, heights))
    slopes = ops.concatenate([one, inner, one], axis=-1)

    inside = ops.logical_and(x > -bound, x < bound)
    within = ops.where(inside, x, 0.0)  # keeps the gradients of the unused branch finite
    edges = bottom if inverse else left
    number = ops.sum(ops.cast(within[..., None] >= edges[..., 1:], "int32"), axis=-1)
    chosen = ops.one_hot(number, bins, dtype=x.dtype)

    def pick(values):
        return ops.sum(values * chosen, axis=-1)

    left, bottom, width, height = pick(left), pick(bottom), pick(widths), pick(heights)
    first, second = pick(slopes[..., :-1]), pick(slopes[..., 1:])
    mean = height / width
    bend = first + second - 2.0 * mean
    if inverse:
        rise = within - bottom
        a = height * (mean - first) + rise * bend
        b = height * first - rise * bend
        c = -mean * rise
        root = ops.sqrt(ops.maximum(ops.square(b) - 4.0 * a * c, 0.0))
        return ops.where(inside, left + width * (2.0 * c / (-b - root)), x)
    t = (within - left) / width
    across = t * (1.0 - t)
    below = mean + bend * across
    y = bottom + height * (mean * ops.square(t) + first * across) / below
    steepness = second * ops.square(t) + 2.0 * mean * across + first * ops.square(1.0 - t)
    log_slope = 2.0 * ops.log(mean) + ops.log(steepness) - 2.0 * ops.log(below)
    return ops.where(inside, y, x), ops.where(inside, log_slope, 0.0)


def _shares(raw, bins):
    return NARROWEST + (1.0 - NARROWEST * bins) * ops.softmax(raw, axis=-1)
