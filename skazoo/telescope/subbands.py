"""A band split into parts that are observed at once: continuum by multi-frequency synthesis."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from ..errors import ParameterError
from .array import Array
from .noise import Receivers, receivers

__all__ = ["Subband", "split"]

MOST = 1024


@dataclass(frozen=True)
class Subband:
    """One part of the band.

    Attributes:
        frequency: its centre.
        receivers: what each antenna contributes there.
        share: of the whole bandwidth, in (0, 1].
    """

    frequency: u.Quantity
    receivers: Receivers
    share: float


def split(
    array: Array, frequency: u.Quantity, bandwidth: u.Quantity, count: int, noise_table: str, sefd
) -> list[Subband]:
    """`count` equal parts of a band centred on `frequency`, each with its own sensitivity.

    Raises:
        ParameterError: a count that is not a whole number in [1, 1024], or a band that reaches down to 0 Hz.
        ObservationError: a part of the band is out of the telescope's band.
    """
    if isinstance(count, bool) or int(count) != count or not 1 <= count <= MOST:
        raise ParameterError(f"subbands must be a whole number in [1, {MOST}], but is {count}.")
    offsets = (np.arange(count) + 0.5) / count - 0.5
    centres = frequency + offsets * bandwidth.to(frequency.unit)
    if not (centres > 0).all():
        raise ParameterError(
            f"channel_width {bandwidth:.4g} about {frequency:.6g} reaches below 0 Hz; make it narrower."
        )
    return [Subband(centre, receivers(array, centre, noise_table, sefd), 1 / count) for centre in centres]
