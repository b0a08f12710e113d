"""Visibilities with what is needed to image or export them."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from .array import Array

__all__ = ["Visibilities"]


@dataclass(frozen=True, eq=False)
class Visibilities:
    """K Stokes I visibilities of one channel.

    Attributes:
        data: (K,) complex128 Jy, with noise where the observation has noise.
        uvw: (K, 3) metres, antenna q minus antenna p.
        p, q: (K,) antenna numbers of `array`.
        hour_angle: (K,) radians.
        sigma: (K,) noise of Re and of Im, Jy.
        weights: (K,) imaging weights that sum to 1.
        frequency, channel_width, integration: of each visibility; `integration` is what the noise stands for:
            the nights of a long observation are averaged into one.
        declination: of the phase centre.
        array: the antennas.

    The phase centre is the centre of pixel [npix // 2, npix // 2] of the sky, whose columns run to the west.
    """

    data: np.ndarray
    uvw: np.ndarray
    p: np.ndarray
    q: np.ndarray
    hour_angle: np.ndarray
    sigma: np.ndarray
    weights: np.ndarray
    frequency: u.Quantity
    channel_width: u.Quantity
    integration: u.Quantity
    declination: u.Quantity
    array: Array

    def __len__(self) -> int:
        return len(self.data)
