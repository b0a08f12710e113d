"""Classifier-free guidance: a network that also knows p(target) can be pushed towards its source.

Ho & Salimans 2022 (arXiv:2207.12598). It sharpens samples and so **breaks calibration**: with a weight other than 1 the
samples are not draws from p(target | source), their spread is too small and their mean is off.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import keras
from keras import ops

from ..errors import ParameterError

__all__ = ["check_dropout", "drop_source", "guided"]


def check_dropout(rate: float) -> float:
    """The fraction of training images without source, or `ParameterError`."""
    if not 0.0 <= rate < 1.0:
        raise ParameterError(f"source_dropout is a fraction from 0 to below 1, but is {rate}.")
    return float(rate)


def drop_source(source, rate: float, seed):
    """Network-space source (n, H, W, S) with a fraction `rate` of the images, chosen at random, set to 0."""
    if not rate:
        return source
    keep = keras.random.uniform((ops.shape(source)[0], 1, 1, 1), seed=seed) >= rate
    return source * ops.cast(keep, source.dtype)


def guided(function: Callable, source, weight: float, dropout: float) -> Callable:
    """(x, level) -> blind + weight (seeing - blind) of function(x, level, source), for denoisers and velocities.

    1 is the function itself and 0 the one without source, which draws from p(target), both at half the cost; `dropout`
    is the rate in training, without which there is only the former.
    """
    if weight == 1.0:
        return lambda x, level: function(x, level, source)
    if not dropout:
        raise ParameterError("guidance needs a mapper that was trained with source_dropout above 0.")
    nothing = ops.zeros_like(source)
    if weight == 0.0:
        return lambda x, level: function(x, level, nothing)
    message = f"guidance = {weight} breaks the calibration of the samples; only 1 draws from p(target | source)."
    warnings.warn(message, stacklevel=2)

    def both(x, level):
        blind = function(x, level, nothing)
        return blind + weight * (function(x, level, source) - blind)

    return both
