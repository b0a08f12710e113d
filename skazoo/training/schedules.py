"""Learning rates over a run of known length."""

from __future__ import annotations

import keras

from ..errors import ParameterError, check_positive

__all__ = ["warmup_cosine"]


def warmup_cosine(peak: float, steps: int, warmup: float = 0.05, end: float = 0.01):
    """From 0 linearly to `peak` over the first `warmup` (fraction) of `steps`, then by a cosine to `end` x `peak`."""
    check_positive("peak", peak)
    check_positive("steps", steps)
    if not 0.0 <= warmup < 1.0:
        raise ParameterError(f"warmup is a fraction of the steps from 0 to below 1, but is {warmup}.")
    rise = round(warmup * steps)
    if not rise:
        return keras.optimizers.schedules.CosineDecay(peak, int(steps), alpha=end)
    return keras.optimizers.schedules.CosineDecay(
        0.0, int(steps) - rise, alpha=end, warmup_target=peak, warmup_steps=rise
    )
