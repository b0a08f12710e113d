r"""Image quality against one truth: PSNR, SSIM and MS-SSIM, on the comparison scale (dex, or linear for signed fields).

They reward the blurred mean over a right sample, so they describe the posterior mean, not the samples. `data_range`
must be one number for a whole dataset, never that of the single image.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import ParameterError, check_positive

__all__ = ["ms_ssim", "psnr", "ssim"]

EDGE = 5  # half width of SSIM's window
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales of MS-SSIM


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
    structure, luminance = similarity(image, truth, data_range, sigma)
    return (structure * luminance).mean(axis=(-2, -1))


def ms_ssim(image, truth, data_range: float, sigma: float = 1.5) -> np.ndarray:
    """Multi-scale structural similarity: the product over scales of contrast-and-structure, luminance at the last.

    Each scale has half the pixels of the one before (means of 2 x 2). The five scales of the source need maps of more
    than 160 pixels; smaller maps use the first of them that fit (3 for 64 pixels), their weights brought to sum 1.
    Negative factors count as 0.

    Source: Wang, Simoncelli & Bovik (2003), Asilomar Conference on Signals, 1398.
    """
    image, truth = checked(image, truth, data_range)
    scales = min(len(WEIGHTS), 1 + int(np.log2(max(min(image.shape[-2:]) / (2 * EDGE + 1), 1))))
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    result = np.ones(image.shape[:-2])
    for number, weight in enumerate(weights):
        structure, luminance = similarity(image, truth, data_range, sigma)
        factor = (structure if number < scales - 1 else structure * luminance).mean(axis=(-2, -1))
        result = result * np.maximum(factor, 0.0) ** weight
        image, truth = halved(image), halved(truth)
    return result


def similarity(image: np.ndarray, truth: np.ndarray, data_range: float, sigma: float):
    """Contrast-and-structure term, and luminance term, of each pixel whose window lies within the map."""
    if min(image.shape[-2:]) <= 2 * EDGE:
        raise ParameterError(f"ssim needs maps of more than {2 * EDGE} pixels a side, not {image.shape[-2:]}.")

    def smooth(values):
        return ndimage.gaussian_filter(values, sigma, axes=(-2, -1), radius=EDGE)[..., EDGE:-EDGE, EDGE:-EDGE]

    mean_i, mean_t = smooth(image), smooth(truth)
    var_i, var_t = smooth(image**2) - mean_i**2, smooth(truth**2) - mean_t**2
    covariance = smooth(image * truth) - mean_i * mean_t
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    structure = (2 * covariance + c2) / (var_i + var_t + c2)
    return structure, (2 * mean_i * mean_t + c1) / (mean_i**2 + mean_t**2 + c1)


def halved(maps: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels of (..., H, W); a spare last row or column is left out."""
    rows, columns = maps.shape[-2] // 2, maps.shape[-1] // 2
    inner = maps[..., : 2 * rows, : 2 * columns]
    return inner.reshape(*maps.shape[:-2], rows, 2, columns, 2).mean(axis=(-3, -1))


def checked(image, truth, data_range) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 of one shape (..., H, W), or `ParameterError`."""
    check_positive("data_range", data_range)
    image, truth = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    if image.shape != truth.shape or image.ndim < 2:
        raise ParameterError(f"image has shape {image.shape} and truth {truth.shape}; they must agree, (..., H, W).")
    return image, truth
