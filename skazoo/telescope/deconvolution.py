"""The classical answer to the inverse problem: CLEAN, Hogbom's own here, or radler's."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import scipy.fft
from numba import njit

from ..errors import ParameterError, check_choice, check_positive
from ..maps.map import Map
from .seen import Seen

__all__ = ["METHODS", "Cleaned", "clean"]

METHODS = ("hogbom", "radler", "radler-multiscale")


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What CLEAN found.

    Attributes:
        model: the components (Jy/pixel).
        residual: what is left of the dirty image (Jy/beam).
        restored: the model convolved with the Gaussian beam, plus the residual (Jy/beam).
        iterations: how many components were subtracted.
    """

    model: Map
    residual: Map
    restored: Map
    iterations: int


def clean(
    seen: Seen,
    gain: float = 0.1,
    iterations: int = 20_000,
    threshold: float | None = None,
    mask: np.ndarray | None = None,
    method: str = "hogbom",
) -> Cleaned:
    """CLEAN: take a part of the brightest pixel away, with its PSF, until nothing stands out.

    Args:
        seen: an observed sky.
        gain: part of the peak taken each time, in (0, 1].
        iterations: at most so many.
        threshold: stop when no pixel exceeds it in absolute value (Jy/beam); 3 times the noise by default.
        mask: (npix, npix) booleans, where components may be; for "hogbom" only.
        method: "hogbom"; or "radler" and "radler-multiscale", which need the extra skazoo[clean]
            (WSClean's deconvolution, LGPL).

    Raises:
        ParameterError: an argument out of range; no threshold for an image without noise.
        OutputError: radler is not installed.

    Source: Hogbom 1974, A&AS 15, 417.
    """
    check_choice("method", method, METHODS)
    if not 0 < gain <= 1:
        raise ParameterError(f"gain must be in (0, 1], but is {gain}.")
    check_positive("iterations", iterations)
    if threshold is None:
        threshold = 3 * float(seen.noise_rms.to_value(u.Jy / u.beam))
        if threshold == 0:
            raise ParameterError("threshold must be given in Jy/beam for an image that was observed without noise.")
    check_positive("threshold", threshold)
    dirty = seen.dirty.data.astype(np.float64)
    if method != "hogbom":
        from .multiscale import radler_components

        if mask is not None:
            raise ParameterError(f'mask is for method "hogbom"; {method!r} takes none.')
        model, residual, done = radler_components(seen, gain, int(iterations), threshold, method != "radler")
    else:
        mask = np.ones(dirty.shape, bool) if mask is None else np.asarray(mask, bool)
        if mask.shape != dirty.shape or not mask.any():
            raise ParameterError(f"mask must have shape {dirty.shape} and allow a pixel, but has shape {mask.shape}.")
        residual, model = dirty.copy(), np.zeros_like(dirty)
        done = _subtract(residual, model, seen.psf.astype(np.float64), mask, gain, int(iterations), threshold)
    smooth = _with_beam(seen, model)
    return Cleaned(
        _like(seen, model, u.Jy / u.pix),
        _like(seen, residual, u.Jy / u.beam),
        _like(seen, smooth + residual, u.Jy / u.beam),
        done,
    )


@njit(cache=True)
def _subtract(residual, model, psf, mask, gain, iterations, threshold):
    """Subtract components in place; returns how many."""
    rows, columns = residual.shape
    centre = psf.shape[0] // 2
    for step in range(iterations):
        best, at_row, at_column = 0.0, 0, 0
        for i in range(rows):
            for j in range(columns):
                if mask[i, j] and abs(residual[i, j]) > best:
                    best, at_row, at_column = abs(residual[i, j]), i, j
        if best <= threshold:
            return step
        flux = gain * residual[at_row, at_column]
        model[at_row, at_column] += flux
        for i in range(rows):
            for j in range(columns):
                residual[i, j] -= flux * psf[centre + i - at_row, centre + j - at_column]
    return iterations


def _with_beam(seen: Seen, model: np.ndarray) -> np.ndarray:
    """The model convolved with the Gaussian beam of peak 1: Jy/pixel to Jy/beam."""
    npix = len(model)
    kernel = seen.beam.kernel(2 * npix, seen.observation.pixel_scale)
    spectrum = scipy.fft.rfft2(scipy.fft.ifftshift(kernel)) * scipy.fft.rfft2(model, s=kernel.shape)
    return scipy.fft.irfft2(spectrum, s=kernel.shape)[:npix, :npix]


def _like(seen: Seen, data: np.ndarray, unit: u.UnitBase) -> Map:
    facts = dict(seen.dirty.metadata)
    return Map(data.astype(np.float32), unit, "ska", seen.dirty.pixel_scale, facts)
