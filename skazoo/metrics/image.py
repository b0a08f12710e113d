r"""Image quality against one truth: PSNR and SSIM, on the comparison scale (dex, or linear for signed fields).

They reward the blurred mean over a right sample, so they describe the posterior mean, not the samples. `data_range`
must be one number for a whole dataset, never that of the single image.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import ParameterError, check_positive

__all__ = ["psnr", "ssim"]


def psnr(image, truth, data_range: float) -> np.ndarray:
    """10 log10(data_range^2 / MSE) in dB over the last two axes; infinite for equal images."""
    image, truth = checked(image, truth, data_range)
    error = np.mean((image - truth) ** 2, axis=(-2, -1))
    ratio = np.divide(data_range**2, error, out=np.full(np.shape(error), np.inf), where=np.asarray(error != 0))
    return 10 * np.log10(ratio)


def ssim(image, truth, data_range: float, sigma: float = 1.5) -> np.ndarray:
    """Structural similarity, in [-1, 1], mean over the last two axes without an edge of 5 pixels.

    Gaussian window 11 x 11 of `sigma` pixels, K1 = 0.01, K2 = 0.03, population covariance.

    Source: Wang, Bovik, Sheikh & Simoncelli (2004), IEEE TIP 13, 600.
    """
    image, truth = checked(image, truth, data_range)
    edge = 5
    if min(image.shape[-2:]) <= 2 * edge:
        raise ParameterError(f"ssim needs maps of more than {2 * edge} pixels a side, not {image.shape[-2:]}.")

    def smooth(values):
        return ndimage.gaussian_filter(values, sigma, axes=(-2, -1), radius=edge)

    mean_i, mean_t = smooth(image), smooth(truth)
    var_i, var_t = smooth(image**2) - mean_i**2, smooth(truth**2) - mean_t**2
    covariance = smooth(image * truth) - mean_i * mean_t
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    top = (2 * mean_i * mean_t + c1) * (2 * covariance + c2)
    local = top / ((mean_i**2 + mean_t**2 + c1) * (var_i + var_t + c2))
    return local[..., edge:-edge, edge:-edge].mean(axis=(-2, -1))


def checked(image, truth, data_range) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 of one shape (..., H, W), or `ParameterError`."""
    check_positive("data_range", data_range)
    image, truth = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    if image.shape != truth.shape or image.ndim < 2:
        raise ParameterError(f"image has shape {image.shape} and truth {truth.shape}; they must agree, (..., H, W).")
    return image, truth
