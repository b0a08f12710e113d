"""Line cubes: one observation per channel, each at its own frequency and with its own noise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.constants import c
from astropy.io import fits

from ..errors import OutputError, ParameterError, check_choice
from ..files import replacing
from ..maps.map import Map
from .configuration import HI_LINE
from .observation import Observation
from .seen import Seen

__all__ = ["CubeObservation", "SeenCube"]

PSFS = ("auto", "each", "one")
SHIFT = 0.1  # of a beam: up to here a PSF may be displaced by the spread of frequencies and still be shared
UNEVEN = 1e-3  # of a channel, in the spacing of channels that a FITS axis can describe


class CubeObservation:
    """An observation repeated in every channel of a spectral line.

    Args:
        observation: of the middle of the line; its `channel_width` is that of each channel.
        channels: how many, next to one another about its frequency, in rising frequency;
        frequencies: or (n,) `Quantity` of them: frequencies, or optical velocities c z (km/s).
        psf: "each" computes the PSF of every channel; "one" shares that of the middle; "auto" shares it where
            the frequencies differ so little that no part of it moves by more than a tenth of a beam.

    Raises:
        ParameterError: neither or both of channels and frequencies, or an observation with subbands.
        ObservationError: a channel out of the telescope's band.
    """

    def __init__(self, observation: Observation, channels: int | None = None, frequencies=None, psf: str = "auto"):
        check_choice("psf", psf, PSFS)
        if (channels is None) == (frequencies is None):
            raise ParameterError("give either channels (a number) or frequencies (a Quantity) of a cube.")
        if len(observation.subbands) > 1:
            raise ParameterError("a cube takes an observation of one channel: set subbands=1.")
        self.observation = observation
        self.frequencies = _channels(observation, channels) if frequencies is None else _frequencies(frequencies)
        self.shared = psf == "one" or (psf == "auto" and self.shift <= SHIFT)
        self._observations: list[Observation] | None = None

    @classmethod
    def of(cls, observation: Observation, cube, psf: str = "auto") -> CubeObservation:
        """For a `skazoo.maps` cube: its velocities about the redshift of the observation, its channel width.

        Args:
            cube: has `centres`, (n,) velocities in the galaxy's frame, evenly spaced.
        """
        ratio = 1 + (cube.centres / c).to_value(u.dimensionless_unscaled)
        frequencies = HI_LINE / (1 + observation.redshift) / ratio
        if len(frequencies) > 1:
            width = np.abs(np.diff(cube.centres.to_value(u.km / u.s))).mean() * u.km / u.s
            observation = observation.with_channel_width(width)
        return cls(observation, frequencies=frequencies, psf=psf)

    def __len__(self) -> int:
        return len(self.frequencies)

    @property
    def shift(self) -> float:
        """How far, in beams, a part of the PSF at the edge of the image moves between middle and outer channels."""
        spread = np.abs(self.frequencies / self.observation.frequency - 1).max().value
        reach = self.observation.npix / 2 * self.observation.pixel_scale
        return float((spread * reach / self.observation.beam.minor).to_value(u.dimensionless_unscaled))

    @property
    def observations(self) -> list[Observation]:
        """The observation of each channel."""
        if self._observations is None:
            each = [self.observation.at(frequency) for frequency in self.frequencies]
            if self.shared:
                for one in each:
                    one.share_response(self.observation)
            self._observations = each
        return self._observations

    def observe(
        self, cube: u.Quantity, seed: int | None = 0, id: str | int = 0, method: str = "fast", gains=None
    ) -> SeenCube:
        """See a cube.

        Args:
            cube: `Quantity` (n, npix, npix), a `Map` of such data (a `skazoo.maps` cube), or a sequence of n
                `Map`s, in the units that `Observation.observe` takes; brightness temperature is that of each
                channel's own frequency.
            seed: of the noise, which is independent between channels; None for none.
            id: with the seed and the number of the channel it names the random stream.
            method, gains: as in `Observation.observe`.

        Raises:
            ParameterError: another number of channels, or see `Observation.observe`.
        """
        if isinstance(cube, Map):
            cube = [Map(plane, cube.unit, cube.field, cube.pixel_scale, dict(cube.metadata)) for plane in cube.data]
        if len(cube) != len(self) or (isinstance(cube, u.Quantity) and cube.ndim != 3):
            size = self.observation.npix
            shape = cube.shape if isinstance(cube, u.Quantity) else f"{len(cube)} maps"
            raise ParameterError(f"cube must have shape ({len(self)}, {size}, {size}), but has {shape}.")
        seen = [
            one.observe(sky, seed, f"{id}/channel {number}", method, gains)
            for number, (one, sky) in enumerate(zip(self.observations, cube, strict=True))
        ]
        return SeenCube(np.stack([one.dirty.data for one in seen]), self.frequencies, seen)


@dataclass(frozen=True, eq=False)
class SeenCube:
    """One observed cube.

    Attributes:
        data: (n, npix, npix) float32 Jy/beam.
        frequencies: (n,) of the channels.
        channels: `Seen` of each: beam, noise and metadata.
    """

    data: np.ndarray
    frequencies: u.Quantity
    channels: list[Seen] = field(repr=False)

    @property
    def unit(self) -> u.UnitBase:
        """Jy/beam."""
        return u.Jy / u.beam

    @property
    def velocities(self) -> u.Quantity:
        """(n,) optical velocity c (nu_HI / nu - 1) of each channel (km/s)."""
        return (c * (HI_LINE / self.frequencies - 1)).to(u.km / u.s)

    @property
    def noise_rms(self) -> u.Quantity:
        """(n,) predicted noise of each channel (Jy/beam)."""
        return u.Quantity([one.noise_rms for one in self.channels])

    def to_fits(self, path: str | os.PathLike) -> Path:
        """Write a FITS cube (RA, DEC, FREQ) with BUNIT, the beam of the middle channel and all beams as a table.

        Raises:
            ParameterError: channels that are not evenly spaced; OutputError: the file cannot be written.
        """
        path = Path(path)
        hdus = fits.HDUList([fits.PrimaryHDU(self.data, self._header()), self._beams()])
        try:
            with replacing(path) as partial:
                hdus.writeto(partial)
        except OSError as error:
            raise error if isinstance(error, OutputError) else OutputError(f"cannot write {path}: {error}.") from error
        return path

    def _header(self) -> fits.Header:
        hertz = self.frequencies.to_value(u.Hz)
        steps = np.diff(hertz)
        if len(steps) and np.ptp(steps) > UNEVEN * np.abs(steps).min():
            raise ParameterError("frequencies of a FITS cube must be evenly spaced; write the channels one by one.")
        middle = self.channels[len(hertz) // 2]
        facts, rows = middle.dirty.metadata, self.data.shape[1]
        pixel = facts["pixel_arcsec"] / 3600
        header = fits.Header()
        header["BUNIT"] = "Jy beam-1"
        for axis, kind, unit, value, step, at in (
            (1, "RA---SIN", "deg", facts["center"][0], -pixel, (rows + 1) / 2),
            (2, "DEC--SIN", "deg", facts["center"][1], pixel, (rows + 1) / 2),
            (3, "FREQ", "Hz", hertz[0], steps[0] if len(steps) else facts["channel_width_hz"], 1.0),
        ):
            header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, unit
            header[f"CRVAL{axis}"], header[f"CDELT{axis}"], header[f"CRPIX{axis}"] = value, step, at
        header["RADESYS"], header["EQUINOX"], header["SPECSYS"] = "ICRS", 2000.0, "BARYCENT"
        header["RESTFRQ"] = HI_LINE.to_value(u.Hz)
        major, minor, angle = middle.beam.values
        header["BMAJ"], header["BMIN"], header["BPA"] = major / 3600, minor / 3600, angle
        header["TELESCOP"], header["OBJECT"] = facts["telescope"], middle.id.rsplit("/channel", 1)[0][:68]
        header["CASAMBM"] = (True, "beams of the channels in table BEAMS")
        header["ORIGIN"] = "skazoo"
        return header

    def _beams(self) -> fits.BinTableHDU:
        beams = np.array([one.beam.values for one in self.channels])
        noise = np.array([one.noise_rms.value for one in self.channels])
        count = len(beams)
        columns = [
            fits.Column("BMAJ", "E", "arcsec", array=beams[:, 0]),
            fits.Column("BMIN", "E", "arcsec", array=beams[:, 1]),
            fits.Column("BPA", "E", "deg", array=beams[:, 2]),
            fits.Column("CHAN", "J", array=np.arange(count)),
            fits.Column("POL", "J", array=np.zeros(count)),
            fits.Column("NOISE", "E", "Jy beam-1", array=noise),
        ]
        table = fits.BinTableHDU.from_columns(columns, name="BEAMS")
        table.header["NCHAN"], table.header["NPOL"] = count, 1
        return table


def _channels(observation: Observation, count: int) -> u.Quantity:
    if isinstance(count, bool) or int(count) != count or count < 1:
        raise ParameterError(f"channels must be a whole number of at least 1, but is {count}.")
    offsets = np.arange(int(count)) - (int(count) - 1) / 2
    return observation.frequency + offsets * observation.channel_width


def _frequencies(given: u.Quantity | Sequence) -> u.Quantity:
    if not isinstance(given, u.Quantity) or given.ndim != 1 or not given.size:
        raise ParameterError(f"frequencies must be a row of one or more, such as [1400, 1401] * u.MHz, not {given!r}.")
    if given.unit.is_equivalent(u.km / u.s):
        given = HI_LINE / (1 + (given / c).to(u.dimensionless_unscaled))
    if not given.unit.is_equivalent(u.Hz) or not (np.isfinite(given.value) & (given.value > 0)).all():
        raise ParameterError(f"frequencies must be positive and in Hz, or velocities in km/s, but are {given!r}.")
    return given.to(u.MHz)
