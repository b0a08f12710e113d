"""What an observation was asked to be, and what that amounts to: coverage, PSF, beam, noise, metadata."""

from __future__ import annotations

import copy
from typing import Any, Self

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_choice, check_positive
from .array import Array
from .beam import Beam
from .coverage import above, hour_angles, track_from
from .noise import Receivers
from .primary_beam import PRIMARY_BEAMS, gaussian, width
from .provenance import CONFIG_UNITS, config_of, metadata_of, response_key
from .quantities import angle_between, bandwidth, index_between, moment, number, pixel, quantity
from .response import Response, cached, compute
from .samples import Samples, take
from .sky import jansky_per_kelvin
from .subbands import split
from .weighting import WEIGHTINGS

__all__ = ["HI_LINE", "Configuration"]

HI_LINE = 1420.405751768 * u.MHz
W_TURNS = 0.1  # up to here the PSF is taken to be the same over the whole field; see `w_term`


class Configuration:
    """The arguments of an `Observation`, checked, and all that follows from them before any sky is seen.

    See `Observation` for the arguments and errors.
    """

    def __init__(
        self,
        array: str | Array = "ska-mid-aa4",
        *,
        redshift: float = 0.01,
        npix: int = 64,
        pixel_scale: u.Quantity,
        hours: float = 100.0,
        channel_width: u.Quantity = 50 * u.kHz,
        subbands: int = 1,
        spectral_index: float = 0.0,
        weighting: str = "briggs",
        robust: float = 0.5,
        taper: u.Quantity | None = None,
        declination: u.Quantity = -30 * u.deg,
        right_ascension: u.Quantity = 0 * u.deg,
        start=None,
        hours_per_night: float = 8.0,
        integration: u.Quantity = 120 * u.s,
        min_elevation: u.Quantity = 15 * u.deg,
        weighting_fov: u.Quantity | None = None,
        frequency: u.Quantity | None = None,
        noise_table: str = "0000818v2",
        sefd=None,
        cosmology=None,
        w_term: bool | str = "auto",
        primary_beam: str | None = None,
    ):
        check_positive("redshift", redshift)
        if isinstance(npix, bool) or int(npix) != npix or not 8 <= npix <= 8192:
            raise ParameterError(f"npix must be a whole number in [8, 8192], but is {npix}.")
        check_choice("weighting", weighting, WEIGHTINGS)
        if not -2 <= robust <= 2:
            raise ParameterError(f"robust must be in [-2, 2], but is {robust}.")
        if w_term not in ("auto", True, False):
            raise ParameterError(f"w_term must be 'auto', True or False, but is {w_term!r}.")
        if primary_beam is not None:
            check_choice("primary_beam", primary_beam, PRIMARY_BEAMS)
        self.primary_beam = primary_beam
        self.array = array if isinstance(array, Array) else Array.load(array)
        self.redshift, self.npix = float(redshift), int(npix)
        self.weighting, self.robust, self.w_term = weighting, float(robust), w_term
        self.hours = number("hours", hours, u.h)
        self.hours_per_night = number("hours_per_night", hours_per_night, u.h)
        self.integration = quantity("integration", integration, u.s)
        self.frequency = HI_LINE / (1 + self.redshift)
        if frequency is not None:
            self.frequency = quantity("frequency", frequency, u.MHz)
        self.pixel_scale, self.pixel_kpc = pixel(pixel_scale, self.redshift, cosmology)
        self.channel_width = bandwidth(channel_width, self.frequency)
        self.taper = None if taper is None else quantity("taper", taper, u.arcsec)
        fov = self.npix * self.pixel_scale if weighting_fov is None else weighting_fov
        self.weighting_fov = quantity("weighting_fov", fov, u.arcsec)
        self.declination = angle_between("declination", declination, -90, 90)
        self.right_ascension = angle_between("right_ascension", right_ascension, 0, 360)
        self.min_elevation = angle_between("min_elevation", min_elevation, 0, 89)
        self.noise_table, self.sefd = noise_table, sefd
        # the cheap refusals come now, the dear ones with `response`
        self.spectral_index = index_between(spectral_index)
        self.subbands = split(self.array, self.frequency, self.channel_width, subbands, noise_table, sefd)
        self.track = hour_angles(self.hours_per_night * u.h, self.integration)
        self.start = None if start is None else moment(start)
        if self.start is not None:
            self.track = track_from(self.start, self.track, self.right_ascension, self.array.longitude)
        above(self.array, self.declination, self.track, self.min_elevation)
        self._response: Response | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.array.name!r}, {self.frequency.to(u.MHz):.2f}, "
            f"{self.npix} x {self.npix} pixels of "
            f"{self.pixel_scale.to(u.arcsec):.3g}, {self.hours:g} h, {self.channel_width.to(u.kHz):.3g})"
        )

    # -- what the configuration amounts to -----------------------------------------------------------------

    @property
    def receivers(self) -> Receivers:
        """SEFD and efficiency of each antenna, at the centre of the band or next to it."""
        return self.subbands[len(self.subbands) // 2].receivers

    @property
    def nights(self) -> float:
        """How often the track is repeated to make up `hours`."""
        return self.hours / self.hours_per_night

    @property
    def response(self) -> Response:
        """PSF and noise of this configuration; computed on first use and kept in memory and on disk."""
        if self._response is None:
            self._response = cached(
                response_key(self),
                lambda: compute(self.samples(), self.frequency, self.npix, self.pixel_scale, self.spectral_index),
            )
        return self._response

    @property
    def psf(self) -> np.ndarray:
        """(2 npix, 2 npix) float32, peak 1 at [npix, npix]."""
        return self.response.psf

    @property
    def beam(self) -> Beam:
        """The Gaussian fit to the main lobe of the PSF."""
        return self.response.beam

    @property
    def noise_scale(self) -> float:
        """Factor from the noise of one hour and one hertz to this observation's."""
        return float(1 / np.sqrt(self.hours * self.channel_width.to_value(u.Hz)))

    @property
    def noise_rms(self) -> u.Quantity:
        """Predicted noise of the image (Jy/beam)."""
        return self.response.noise_rms * self.noise_scale * u.Jy / u.beam

    @property
    def kelvin_per_jy_beam(self) -> float:
        """Brightness temperature (K) of 1 Jy/beam: c^2 / (2 k nu^2 Omega_beam)."""
        return 1 / jansky_per_kelvin(self.frequency, self.beam.solid_angle)

    @property
    def uses_w(self) -> bool:
        """Whether skies go through visibilities with their w term instead of the PSF."""
        if self.w_term == "auto":
            return self.response.facts["w_turns"] > W_TURNS
        return bool(self.w_term)

    @property
    def metadata(self) -> dict[str, Any]:
        """The facts that travel with every image: JSON-able."""
        return metadata_of(self)

    @property
    def config(self) -> dict[str, Any]:
        """All that makes this observation, JSON-able: `Observation.from_config` makes it again."""
        return config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The observation whose `config` this is."""
        arguments = dict(config)
        kpc = arguments.pop("pixel_kpc")
        arguments["array"] = Array.from_config(arguments["array"])
        for name, unit in CONFIG_UNITS.items():
            if arguments.get(name) is not None:
                arguments[name] = arguments[name] * unit
        made = cls(**arguments)
        made.pixel_kpc = float(kpc)  # of the cosmology that it was made with
        return made

    def with_hours(self, hours: float) -> Self:
        """The same configuration for another total time: same coverage and PSF, noise as 1/sqrt(hours)."""
        return self._with(hours=number("hours", hours, u.h))

    def with_channel_width(self, channel_width: u.Quantity) -> Self:
        """The same configuration for another channel width: same PSF, noise as 1/sqrt(width).

        Raises:
            ParameterError: with more than one subband, where the width is part of the PSF.
        """
        if len(self.subbands) > 1:
            raise ParameterError("channel_width of an observation with subbands is part of its PSF; make a new one.")
        return self._with(channel_width=bandwidth(channel_width, self.frequency))

    def at(self, frequency: u.Quantity) -> Self:
        """The same telescope, field and weighting at another frequency: its own PSF and noise."""
        config = {**self.config, "frequency": float(quantity("frequency", frequency, u.MHz).value)}
        return type(self).from_config(config)

    def share_response(self, other: Configuration) -> None:
        """Use the PSF and noise of another observation of the same field, at a frequency close by."""
        self._response = other.response

    def _with(self, **changes) -> Self:
        other = copy.copy(self)
        other.__dict__.update(changes)
        return other

    def samples(self) -> Samples:
        """The visibilities that this observation takes, laid out anew at each call (seconds for AA4)."""
        return take(
            self.array,
            self.subbands,
            self.frequency,
            self.declination,
            self.track,
            self.min_elevation,
            self.pixel_scale,
            self.weighting,
            self.robust,
            self.weighting_fov,
            self.taper,
        )

    @property
    def attenuation(self) -> np.ndarray:
        """What the primary beam leaves of each pixel: (npix, npix) float64, ones where there is none."""
        if self.primary_beam is None:
            return np.ones((self.npix, self.npix))
        diameter = float(np.mean(self.array.diameters[self.receivers.working]))
        return gaussian(self.npix, self.pixel_scale, width(self.frequency, diameter))
