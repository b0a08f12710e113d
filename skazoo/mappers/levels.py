"""Where the levels of a quantised target lie in network space."""

from __future__ import annotations

import numpy as np
from keras import ops

from ..networks.logistic_mixture import Ladder

__all__ = ["ladder_of"]


def ladder_of(transform, channels: int, levels: int, low: float | None, high: float) -> Ladder:
    """A ladder of `levels` between `low` and `high`, the same for all channels if `low` is given.

    Args:
        transform: `ChannelTransform` of the target.
        channels: of the target.
        low: None puts the lowest level's centre where the transform puts an empty pixel, so that empty sky stays empty;
            or -`high` where the transform has no such end.
    """
    highest = np.full(channels, float(high))
    if low is not None:
        return Ladder(np.full(channels, float(low)), highest, levels)
    empty = ops.convert_to_numpy(transform.forward(np.zeros((1, 1, 1, channels), np.float32)))
    below = ops.convert_to_numpy(transform.inverse(empty - 1.0))
    ends = (below == 0.0)[0, 0, 0]  # the field ends there, as for a logarithm with a floor
    empty = empty[0, 0, 0]
    start = empty - 0.5 * (highest - empty) / (levels - 0.5)
    return Ladder(np.where(ends, start, -highest), highest, levels)
