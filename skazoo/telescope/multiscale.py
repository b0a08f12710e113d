"""CLEAN by radler, the deconvolution of WSClean: generic or multi-scale components.

radler is an extra under the LGPL: pip install "skazoo[clean]".
"""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import OutputError, ParameterError
from .seen import Seen

__all__ = ["radler_components"]

MAJOR_CYCLES = 20
MAJOR_GAIN = 0.85  # part of the peak that one major cycle takes away


def radler_components(
    seen: Seen, gain: float, iterations: int, threshold: float, multiscale: bool
) -> tuple[np.ndarray, np.ndarray, int]:
    """Components and residual: (npix, npix) float64 Jy/pixel and Jy/beam, and how many components were taken.

    The residual is computed anew from the PSF after each major cycle, so that dirty = PSF * model + residual.

    Raises:
        ParameterError: an odd number of pixels; OutputError: radler is not installed.
    """
    try:
        import radler
    except ImportError as error:
        raise OutputError(f'method "radler" needs radler: pip install "skazoo[clean]" ({error}).') from error
    dirty, response = seen.dirty.data, seen.observation.response
    npix = len(dirty)
    if npix % 2:
        raise ParameterError(f'npix must be even for method "radler", but is {npix}.')
    settings = radler.Settings()
    settings.algorithm_type = radler.AlgorithmType.multiscale if multiscale else radler.AlgorithmType.generic_clean
    settings.trimmed_image_width = settings.trimmed_image_height = npix
    pixel = seen.observation.pixel_scale.to_value(u.rad)
    settings.pixel_scale.x = settings.pixel_scale.y = pixel
    settings.minor_iteration_count, settings.minor_loop_gain = iterations, gain
    settings.major_loop_gain, settings.absolute_threshold = MAJOR_GAIN, threshold
    settings.thread_count = 1
    half = npix // 2
    psf = np.ascontiguousarray(response.psf[half : half + npix, half : half + npix])
    residual, model = dirty.astype(np.float32), np.zeros_like(dirty, np.float32)
    work = radler.Radler(settings, psf, residual, model, seen.beam.major.to_value(u.rad))
    for cycle in range(1, MAJOR_CYCLES + 1):
        again = work.perform(cycle)
        residual[:] = dirty - response.convolve(model)
        if not again:
            break
    return model.astype(np.float64), residual.astype(np.float64), int(work.iteration_number)
