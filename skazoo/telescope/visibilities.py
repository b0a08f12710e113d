"""Visibilities with what is needed to image or export them."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from .array import Array

__all__ = ["Visibilities"]


@dataclass(frozen=True, eq=False)
class Visibilities:
    """K Stokes I visibilities.

    Attributes:
        data: (K,) complex128 Jy, with noise where the observation has noise.
        uvw: (K, 3) metres, antenna q minus antenna p; with several subbands, scaled to the wavelength of
            `frequency`: `baselines` are the true ones.
        p, q: (K,) antenna numbers of `array`.
        hour_angle: (K,) radians.
        sigma: (K,) noise of Re and of Im, Jy.
        weights: (K,) imaging weights that sum to 1.
        frequency, channel_width, integration: of each visibility; `integration` is what the noise stands for:
            the nights of a long observation are averaged into one.
        declination: of the phase centre.
        array: the antennas.
        right_ascension: of the phase centre, in the equinox of date.
        start: UTC of the first integration's beginning, ISO 8601, or None where only hour angles are known.
        subband: (K,) number of the part of the band.
        ratios: (S,) frequency of each part of the band over `frequency`.

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
    right_ascension: u.Quantity
    start: str | None
    subband: np.ndarray
    ratios: np.ndarray

    def __len__(self) -> int:
        return len(self.data)

    @property
    def frequencies(self) -> u.Quantity:
        """(S,) centre of each part of the band."""
        return self.frequency * self.ratios

    @property
    def baselines(self) -> np.ndarray:
        """(K, 3) metres: antenna q minus antenna p."""
        return self.uvw / self.ratios[self.subband][:, None]
