"""What is left of the antennas' gains after calibration: errors of amplitude and phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_positive
from .array import Array
from .coverage import SIDEREAL

__all__ = ["GainErrors", "corrupted"]

Gains = Callable[[Array, np.ndarray, str], np.ndarray]


@dataclass(frozen=True)
class GainErrors:
    """Gains (1 + a) exp(i phi) of every antenna, a and phi normal, independent between antennas and intervals.

    Attributes:
        amplitude: standard deviation of a, in [0, 1].
        phase: standard deviation of phi, an angle.
        interval: how long a gain lasts before the next is drawn; None for the whole track.
        seed: of the draw, with the id of the sky; the seed of the noise has no part in it.

    Raises:
        ParameterError: an attribute of the wrong kind or out of range.
    """

    amplitude: float = 0.0
    phase: u.Quantity = 0 * u.deg
    interval: u.Quantity | None = None
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.amplitude <= 1:
            raise ParameterError(f"amplitude of GainErrors must be in [0, 1], but is {self.amplitude}.")
        if not (isinstance(self.phase, u.Quantity) and self.phase.unit.is_equivalent(u.rad) and self.phase >= 0):
            raise ParameterError(f"phase of GainErrors must be an angle of at least 0, but is {self.phase!r}.")
        if self.interval is not None:
            check_positive("interval of GainErrors", self.interval, u.s)

    def __call__(self, array: Array, hour_angles: np.ndarray, id: str) -> np.ndarray:
        """The gain of each antenna at each time: (T,) radians to (T, N) complex128."""
        from .observation import stream

        block = np.zeros(len(hour_angles), np.int64)
        if self.interval is not None:
            turn = self.interval.to_value(u.day) * SIDEREAL * 2 * np.pi
            block = np.floor((hour_angles - hour_angles.min()) / turn + 1e-6).astype(np.int64)
        generator = stream(self.seed, id, "gains")
        draws = generator.standard_normal((block.max() + 1, 2, len(array)))
        gains = (1 + self.amplitude * draws[:, 0]) * np.exp(1j * self.phase.to_value(u.rad) * draws[:, 1])
        return gains[block]


def corrupted(
    data: np.ndarray, p: np.ndarray, q: np.ndarray, hour_angle: np.ndarray, array: Array, gains: Gains, id: str
) -> np.ndarray:
    """g_p conj(g_q) V for every visibility: (K,).

    Args:
        data, p, q, hour_angle: (K,), as in `Visibilities`.
        gains: called with (array, hour angles (T,) radians, id) gives (T, N) complex; `GainErrors` is one.

    Raises:
        ParameterError: gains of another shape, or not finite.
    """
    times, which = np.unique(hour_angle, return_inverse=True)
    values = np.asarray(gains(array, times, id))
    if values.shape != (len(times), len(array)) or not np.isfinite(values).all():
        raise ParameterError(
            f"gains must give a finite ({len(times)}, {len(array)}) array, time by antenna, but gave {values.shape}."
        )
    return data * values[which, p] * values[which, q].conj()
