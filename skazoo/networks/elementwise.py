"""Invertible functions of one number, whose parameters a network predicts: what couplings and autoregression apply."""

from __future__ import annotations

from keras import ops

from ..errors import check_choice
from .bijection import bounded
from .splines import rational_quadratic, spline_parameters

__all__ = ["TRANSFORMS", "transform_numbers", "transformed", "untransformed"]

TRANSFORMS = ("affine", "spline")


def transform_numbers(transform: str, bins: int) -> int:
    """How many numbers describe the transform of one number.

    "affine": y = (x - t) exp(s), with s between -bound and bound so that the inverse cannot overflow
    (arXiv:1605.08803). "spline": the same, then a monotonic rational-quadratic spline (arXiv:1906.04032).
    """
    check_choice("transform", transform, TRANSFORMS)
    return 2 + (spline_parameters(bins) if transform == "spline" else 0)


def transformed(x, raw, bound: float):
    """(y, ln dy/dx), both of x's shape (...), of parameters `raw` (..., numbers); all 0 is y = x."""
    log_slope = bounded(raw[..., 0], bound)
    y = (x - raw[..., 1]) * ops.exp(log_slope)
    if raw.shape[-1] == 2:
        return y, log_slope
    y, more = rational_quadratic(y, raw[..., 2:])
    return y, log_slope + more


def untransformed(y, raw, bound: float):
    """The x with transformed(x, raw, bound)[0] = y."""
    if raw.shape[-1] > 2:
        y = rational_quadratic(y, raw[..., 2:], inverse=True)
    return y * ops.exp(-bounded(raw[..., 0], bound)) + raw[..., 1]
