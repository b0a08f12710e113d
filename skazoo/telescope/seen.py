"""What came out of an observation of one sky."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np

from ..maps.map import Map
from .beam import Beam

if TYPE_CHECKING:
    from .observation import Observation
    from .visibilities import Visibilities

__all__ = ["Seen"]


@dataclass(frozen=True, eq=False)
class Seen:
    """One observed sky.

    Attributes:
        dirty: the dirty image (Jy/beam); its metadata name telescope, frequency, beam, noise and conversion.
        sky: (npix, npix) float64 Jy/pixel, what was observed.
        observation: how.
        seed, id: the random stream of the noise; `seed` is None where there is none.
        how: gain errors and map of the spectral index that it was observed with.
    """

    dirty: Map
    sky: np.ndarray = field(repr=False)
    observation: Observation = field(repr=False)
    seed: int | None
    id: str
    how: dict = field(default_factory=dict, repr=False)

    @property
    def psf(self) -> np.ndarray:
        """(2 npix, 2 npix) float32, peak 1 at [npix, npix]."""
        return self.observation.psf

    @property
    def beam(self) -> Beam:
        """The Gaussian fit to the main lobe of the PSF."""
        return self.observation.beam

    @property
    def noise_rms(self) -> u.Quantity:
        """Predicted noise of `dirty` (Jy/beam); zero where it was observed without noise."""
        return self.observation.noise_rms if self.seed is not None else 0 * u.Jy / u.beam

    @property
    def brightness_temperature(self) -> Map:
        """`dirty` in K: each Jy/beam spread over the solid angle of the beam."""
        factor = self.observation.kelvin_per_jy_beam
        return Map(self.dirty.data * np.float32(factor), u.K, "ska", self.dirty.pixel_scale, dict(self.dirty.metadata))

    def visibilities(self) -> Visibilities:
        """The visibilities of this sky, with noise from the same seed and id.

        Where `dirty` was made by method="visibilities" it is the image of exactly these; the fast method
        draws noise of the same statistics on the image, which is another draw than this one.
        """
        return self.observation.visibilities(self.sky * (u.Jy / u.pix), seed=self.seed, id=self.id, **self.how)

    def to_fits(self, path: str | os.PathLike) -> Path:
        """Write `dirty` as a FITS image with WCS, BUNIT, BMAJ, BMIN, BPA, RESTFRQ and TELESCOP; returns the path."""
        return self.dirty.to_fits(path)
