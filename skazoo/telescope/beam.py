"""The dirty beam's main lobe as a Gaussian: major and minor axis, position angle."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from scipy import ndimage

from ..errors import ObservationError

__all__ = ["MIN_PIXELS", "Beam", "fit_beam"]

MIN_PIXELS = 3.0  # a beam sampled worse than this cannot be told from its pixels


@dataclass(frozen=True)
class Beam:
    """A Gaussian beam.

    Attributes:
        major, minor: full widths at half maximum (arcsec).
        angle: position angle of the major axis, from north (rows upwards) to east (columns to the left, as in
            a displayed FITS image), in [-90, 90) deg.
    """

    major: u.Quantity
    minor: u.Quantity
    angle: u.Quantity

    @property
    def solid_angle(self) -> u.Quantity:
        """pi major minor / (4 ln 2) (sr)."""
        return (np.pi / (4 * np.log(2)) * self.major * self.minor).to(u.sr)

    @property
    def values(self) -> tuple[float, float, float]:
        """(major, minor, angle) as plain numbers: arcsec, arcsec, deg."""
        return tuple(
            float(x) for x in (self.major.to_value(u.arcsec), self.minor.to_value(u.arcsec), self.angle.to_value(u.deg))
        )

    def kernel(self, npix: int, pixel_scale: u.Quantity) -> np.ndarray:
        """The beam on a grid, peak 1 at pixel [npix // 2, npix // 2]: (npix, npix) float64."""
        row, column = np.mgrid[:npix, :npix] - npix // 2
        angle = self.angle.to_value(u.rad)
        along = row * np.cos(angle) - column * np.sin(angle)  # east is to the left
        across = row * np.sin(angle) + column * np.cos(angle)
        pixel = pixel_scale.to_value(u.arcsec)
        major, minor, _ = self.values
        return np.exp(-4 * np.log(2) * pixel**2 * ((along / major) ** 2 + (across / minor) ** 2))


def fit_beam(psf: np.ndarray, pixel_scale: u.Quantity, image_pixel: u.Quantity | None = None) -> Beam:
    """Fit a Gaussian to the main lobe of a PSF by least squares on its logarithm.

    The lobe is what is connected to the peak and above half of it; each pixel counts as the square of the PSF.

    Args:
        psf: (n, n), columns to the west, peak 1 at [n // 2, n // 2].
        pixel_scale: of `psf`, an angle; a few pixels per beam bias the fit, so sample the lobe finely.
        image_pixel: pixel of the image that the beam must be resolved by; `pixel_scale` by default.

    Raises:
        ObservationError: a beam under `MIN_PIXELS` image pixels; the message proposes a taper and a pixel size.
    """
    ratio = 1.0 if image_pixel is None else float((pixel_scale / image_pixel).to_value(u.dimensionless_unscaled))
    arcsec = pixel_scale.to_value(u.arcsec)
    y, x = lobe(psf)
    if len(x) < 6 or min(np.ptp(x), np.ptp(y)) < 2:
        raise _too_narrow(np.sqrt(len(x)) * ratio, arcsec / ratio)
    middle = len(psf) // 2
    value = psf[y + middle, x + middle].astype(np.float64)
    # ln PSF = -(a x^2 + b x y + c y^2): the peak is 1 and at the centre by construction
    design = np.stack([x**2, x * y, y**2], axis=1).astype(np.float64)
    weights = value**2
    a, b, c = np.linalg.lstsq(design * weights[:, None], -np.log(value) * weights, rcond=None)[0]
    curvatures, vectors = np.linalg.eigh([[a, b / 2], [b / 2, c]])
    if curvatures[0] <= 0:
        raise ObservationError(
            "the main lobe of the PSF is not a peak in every direction: the uv coverage is too thin for a beam; "
            "observe for more hours_per_night, or use an array of more antennas."
        )
    major, minor = 2 * np.sqrt(np.log(2) / curvatures)
    if minor * ratio < MIN_PIXELS:
        raise _too_narrow(minor * ratio, arcsec / ratio)
    east, north = -vectors[0, 0], vectors[1, 0]
    angle = (np.degrees(np.arctan2(east, north)) + 90) % 180 - 90
    return Beam(major * arcsec * u.arcsec, minor * arcsec * u.arcsec, angle * u.deg)


def lobe(psf: np.ndarray, threshold: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, counted from the peak, of the pixels of the main lobe above `threshold`."""
    middle = len(psf) // 2
    labels, _ = ndimage.label(psf > threshold)
    row, column = np.nonzero(labels == labels[middle, middle])
    return row - middle, column - middle


def _too_narrow(pixels: float, arcsec: float) -> ObservationError:
    return ObservationError(
        f"the beam is {pixels:.2g} pixels wide and must be at least {MIN_PIXELS:g}: set "
        f"taper={MIN_PIXELS * arcsec * 1.1:.3g} arcsec or more, or pixel_scale={pixels * arcsec / MIN_PIXELS:.2g} "
        "arcsec or less."
    )
