"""A two-dimensional map with its unit and pixel scale, and its FITS form."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits

from ..errors import OutputError, ParameterError
from ..files import replacing

__all__ = ["Map"]


@dataclass
class Map:
    """One field of one view.

    Attributes:
        data: (H, W) float array, row = y upwards, column = x to the right.
        unit: astropy unit of `data`.
        field: name in `FIELDS`, such as "hi".
        pixel_scale: proper side of a pixel (kpc).
        metadata: JSON-able facts: redshift, simulation, masses inside and outside the frame, depth, ...
            `pixel_arcsec` where the distance is known; `beam` = (bmaj, bmin, bpa) in arcsec, arcsec, deg.
    """

    data: np.ndarray
    unit: u.UnitBase
    field: str
    pixel_scale: u.Quantity
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def quantity(self) -> u.Quantity:
        """`data` with its unit."""
        return self.data * self.unit

    @property
    def extent(self) -> u.Quantity:
        """Side of the frame (kpc)."""
        return self.data.shape[-1] * self.pixel_scale

    @property
    def total(self) -> u.Quantity:
        """Integral over the frame: sum of the map times the pixel area (mass for a surface density)."""
        return np.sum(self.data, dtype=np.float64) * self.unit * self.pixel_scale.to(u.kpc) ** 2

    def to_fits(self, path: str | os.PathLike) -> Path:
        """Write a FITS image with WCS, BUNIT and, where there is one, the beam; returns the path.

        The first WCS is celestial (RA---SIN, DEC--SIN about `metadata["center"]` or 0, 0) where
        `pixel_arcsec` is known, linear offsets in kpc otherwise; offsets in kpc are always there as WCS "K".
        """
        path = Path(path)
        try:
            with replacing(path) as partial:
                fits.PrimaryHDU(np.asarray(self.data, np.float32), self._header()).writeto(partial)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
        return path

    def _header(self) -> fits.Header:
        header = fits.Header()
        rows, columns = self.data.shape[-2:]
        kpc = float(self.pixel_scale.to_value(u.kpc))
        header["BUNIT"] = (self.unit.to_string("fits"), "unit of the pixel values")
        header["FIELD"] = (self.field, "skazoo field name")
        arcsec = self.metadata.get("pixel_arcsec")
        if arcsec:
            right, declination = self.metadata.get("center", (0.0, 0.0))
            header["CTYPE1"], header["CTYPE2"] = "RA---SIN", "DEC--SIN"
            header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
            header["CRVAL1"], header["CRVAL2"] = right, declination
            header["CDELT1"], header["CDELT2"] = -arcsec / 3600.0, arcsec / 3600.0
            header["CRPIX1"], header["CRPIX2"] = columns / 2 + 0.5, rows / 2 + 0.5
            header["RADESYS"], header["EQUINOX"] = "ICRS", 2000.0
        for suffix in ("K",) if arcsec else ("", "K"):
            header[f"CTYPE1{suffix}"], header[f"CTYPE2{suffix}"] = "X", "Y"
            header[f"CUNIT1{suffix}"], header[f"CUNIT2{suffix}"] = "kpc", "kpc"
            header[f"CRVAL1{suffix}"], header[f"CRVAL2{suffix}"] = 0.0, 0.0
            header[f"CDELT1{suffix}"], header[f"CDELT2{suffix}"] = kpc, kpc
            header[f"CRPIX1{suffix}"], header[f"CRPIX2{suffix}"] = columns / 2 + 0.5, rows / 2 + 0.5
        header["WCSNAMEK"] = "OFFSET"
        header["PIXKPC"] = (kpc, "proper kpc per pixel")
        if "beam" in self.metadata:
            major, minor, angle = self.metadata["beam"]
            header["BMAJ"], header["BMIN"], header["BPA"] = major / 3600.0, minor / 3600.0, angle
        for card in ("telescope", "object"):
            if card in self.metadata:
                header[card.upper()[:8] if card == "object" else "TELESCOP"] = str(self.metadata[card])
        if "frequency_hz" in self.metadata:
            header["RESTFRQ"], header["OBSFREQ"] = 1420405751.768, self.metadata["frequency_hz"]
        if "redshift" in self.metadata:
            header["REDSHIFT"] = float(self.metadata["redshift"])
        header["ORIGIN"] = "skazoo"
        for line in json.dumps(self.metadata, sort_keys=True, default=str).splitlines():
            for start in range(0, len(line), 70):
                header.add_history(line[start : start + 70])
        return header

    @classmethod
    def from_fits(cls, path: str | os.PathLike) -> Map:
        """Read a map that `to_fits` wrote; `ParameterError` for any other FITS file."""
        try:
            with fits.open(path) as hdus:
                data, header = np.asarray(hdus[0].data, np.float32), hdus[0].header
        except OSError as error:
            raise ParameterError(f"cannot read {path} as FITS: {error}.") from error
        if "FIELD" not in header or "PIXKPC" not in header:
            raise ParameterError(f"{path} was not written by skazoo: it lacks the FIELD and PIXKPC cards.")
        # FITS strips trailing blanks of a card, so pad each piece back to its 70 characters but the last
        pieces = [str(piece) for piece in header.get("HISTORY", [])]
        text = "".join(piece.ljust(70) for piece in pieces[:-1]) + (pieces[-1] if pieces else "")
        metadata = json.loads(text) if text else {}
        return cls(data, u.Unit(header["BUNIT"]), header["FIELD"], header["PIXKPC"] * u.kpc, metadata)

    def plot(self, ax=None, **options):
        """Draw the map with scale bar, unit and the field's own stretch; returns the matplotlib axes."""
        from .plot import draw

        return draw(self, ax, **options)
