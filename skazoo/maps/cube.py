"""The cube of the 21 cm line and its FITS form."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import astropy.units as u
import numpy as np
from astropy.io import fits

from ..errors import ParameterError
from .map import Map

__all__ = ["HI_FREQUENCY", "Cube"]

HI_FREQUENCY = 1420.405751768 * u.MHz
_LIGHT = 299792.458 * u.km / u.s


@dataclass
class Cube(Map):
    """A line cube: a `Map` whose data are (channel, H, W), with the edges of its channels.

    Attributes:
        channels: (C + 1,) edges, monotonic: line-of-sight velocity relative to the centre (km/s, receding
            positive) or observed frequency (MHz).
    """

    channels: u.Quantity = field(default=None, kw_only=True)

    @property
    def velocity(self) -> u.Quantity:
        """Edges of the channels as velocities in the galaxy's frame, (C + 1,) km/s."""
        return channel_velocity(self.channels, self.metadata.get("redshift", 0.0))

    @property
    def centres(self) -> u.Quantity:
        """Mean velocity of each channel, (C,) km/s."""
        edges = self.velocity
        return 0.5 * (edges[1:] + edges[:-1])

    def moment(self, order: int) -> Map:
        """Moment 0 (sum over channels of "hi"; integral over velocity of a brightness), 1 (mean velocity) or 2
        (standard deviation, the line's own width included); 0 where there is no emission."""
        if order not in (0, 1, 2):
            raise ParameterError(f"order of a moment must be 0, 1 or 2, but is {order}.")
        data = self.data.astype(np.float64)
        width = np.abs(np.diff(self.velocity.to_value(u.km / u.s)))
        weight = data if self.unit.is_equivalent(u.Msun / u.kpc**2) else data * width[:, None, None]
        total = weight.sum(axis=0)
        unit = self.unit if weight is data else self.unit * u.km / u.s
        shared = {"metadata": dict(self.metadata), "pixel_scale": self.pixel_scale}
        if order == 0:
            return Map(total.astype(np.float32), unit, self.field, **shared)
        centres = self.centres.to_value(u.km / u.s)
        seen = total > 0.0
        divisor = np.where(seen, total, 1.0)
        mean = np.tensordot(centres, weight, axes=1) / divisor
        if order == 1:
            return Map(np.where(seen, mean, 0.0).astype(np.float32), u.km / u.s, "velocity", **shared)
        # channel by channel about the mean: the difference of two large sums would cancel
        square = sum(one * (centre - mean) ** 2 for one, centre in zip(weight, centres, strict=True)) / divisor
        return Map(np.where(seen, np.sqrt(square), 0.0).astype(np.float32), u.km / u.s, "velocity_dispersion", **shared)

    def spectrum(self) -> u.Quantity:
        """Sum over the sky times the pixel area, (C,): HI mass per channel for the field "hi"."""
        return self.data.sum(axis=(1, 2), dtype=np.float64) * self.unit * self.pixel_scale.to(u.kpc) ** 2

    def channel(self, index: int) -> Map:
        """One channel as a `Map`."""
        edges = [float(edge) for edge in self.velocity[index : index + 2].to_value(u.km / u.s)]
        return Map(self.data[index], self.unit, self.field, self.pixel_scale, {**self.metadata, "channel_kms": edges})

    def _header(self) -> fits.Header:
        steps = np.diff(self.channels.value)
        if not np.allclose(steps, steps[0], rtol=1e-4):
            raise ParameterError("FITS needs channels of one width; render the cube with evenly spaced edges.")
        header = super()._header()
        frequency = self.channels.unit.is_equivalent(u.Hz)
        kind, unit = ("FREQ", u.Hz) if frequency else ("VELO", u.m / u.s)
        for suffix in ("", "K"):
            if f"CTYPE1{suffix}" in header:
                header[f"CTYPE3{suffix}"], header[f"CUNIT3{suffix}"] = kind, unit.to_string("fits")
                header[f"CRPIX3{suffix}"] = 1.0
                header[f"CRVAL3{suffix}"] = (self.channels[0] + 0.5 * steps[0] * self.channels.unit).to_value(unit)
                header[f"CDELT3{suffix}"] = (steps[0] * self.channels.unit).to_value(unit)
        header["RESTFRQ"] = HI_FREQUENCY.to_value(u.Hz)
        return header

    @classmethod
    def from_fits(cls, path: str | os.PathLike) -> Cube:
        """Read a cube that `to_fits` wrote; `ParameterError` for any other FITS file."""
        plane = Map.from_fits(path)
        if plane.data.ndim != 3:
            raise ParameterError(f"{path} holds a map, not a cube: read it with Map.from_fits.")
        header = fits.getheader(path)
        unit = u.MHz if header["CTYPE3"] == "FREQ" else u.km / u.s
        first, step = (header[key] * u.Unit(header["CUNIT3"]) for key in ("CRVAL3", "CDELT3"))
        edges = (first + (np.arange(len(plane.data) + 1) - 0.5) * step).to(unit)
        return cls(plane.data, plane.unit, plane.field, plane.pixel_scale, plane.metadata, channels=edges)

    def plot(self, ax=None, **options):
        """Draw moment 0; returns the matplotlib axes. `cube.channel(i).plot()` draws a channel."""
        return self.moment(0).plot(ax, **options)


def channel_velocity(channels: u.Quantity, redshift: float) -> u.Quantity:
    """Edges of channels as velocities v in the galaxy's frame, nu = nu_HI / ((1 + z) (1 + v / c)), km/s."""
    if channels.unit.is_equivalent(u.km / u.s):
        return channels.to(u.km / u.s)
    return (_LIGHT * ((HI_FREQUENCY / ((1.0 + redshift) * channels)).to_value(u.one) - 1.0)).to(u.km / u.s)
