r"""Non-parametric morphology: asymmetry, clumpiness, concentration, Gini, M20.

Maps (n, H, W) are linear, non-negative surface brightnesses or densities without background, centred on the frame.
Apertures are circles about the centre in units of the radius R that holds half of the map's total ("R50").
The background terms of the formulas are 0 here: simulated maps have none.

Sources: Conselice (2003), ApJS 147, 1 (CAS); Lotz, Primack & Madau (2004), AJ 128, 163 (Gini, M20).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .inputs import as_maps
from .profiles import fraction_radius, pixel_radii

__all__ = ["asymmetry", "clumpiness", "concentration", "gini", "m20"]


def asymmetry(maps, aperture: float = 1.5) -> np.ndarray:
    r"""A = sum |I - I_180| / sum |I| within `aperture` R50, I_180 the map turned by 180 degrees.

    0 for point symmetry, at most 2. The centre is that of the frame, known and not fitted. NaN for an empty map.
    """
    values, _ = as_maps("maps", maps)
    inside = pixel_radii(values.shape[1:]) <= aperture * half_radii(values)[:, None, None]
    turned = values[:, ::-1, ::-1]
    return ratio(np.sum(np.abs(values - turned) * inside, axis=(1, 2)), np.sum(np.abs(values) * inside, axis=(1, 2)))


def clumpiness(maps, smoothing: float = 1.0, inner: float = 0.2, outer: float = 1.5) -> np.ndarray:
    r"""S = sum max(I - I_s, 0) / sum I over `inner`-`outer` R50, I_s smoothed by a Gaussian of `smoothing` pixels."""
    values, _ = as_maps("maps", maps)
    radii, half = pixel_radii(values.shape[1:]), half_radii(values)[:, None, None]
    inside = (radii >= inner * half) & (radii <= outer * half)
    smooth = ndimage.gaussian_filter(values, (0, smoothing, smoothing), mode="nearest")
    rough = np.sum(np.maximum(values - smooth, 0) * inside, axis=(1, 2))
    return ratio(rough, np.sum(values * inside, axis=(1, 2)))


def concentration(maps) -> np.ndarray:
    r"""C = 5 log10(r80 / r20), radii of 80 and 20 % of the total within the frame; NaN for an empty map."""
    values, _ = as_maps("maps", maps)
    outer, inner = fraction_radius(values, 1.0, (0.8, 0.2))
    return 5 * np.log10(outer / inner)


def gini(maps) -> np.ndarray:
    r"""G of the pixel values: 0 where all are equal, 1 where one pixel holds everything.

    G = sum_i (2 i - n - 1) |X_i| / (<|X|> n (n - 1)), X_i in rising order, over all pixels of the frame
    (Lotz+04, eq. 6, without their segmentation). NaN for an empty map.
    """
    values, _ = as_maps("maps", maps)
    ordered = np.sort(np.abs(values.reshape(len(values), -1)), axis=1)
    count = ordered.shape[1]
    weights = 2.0 * np.arange(1, count + 1) - count - 1
    return ratio(ordered @ weights, ordered.mean(axis=1) * count * (count - 1))


def m20(maps) -> np.ndarray:
    r"""M20 = log10(sum_20 M_i / M_tot), M_i = f_i d_i^2 about the map's centroid; the sum is over the brightest pixels
    that together hold 20 % of the total. Low for one central peak, near -0.7 and above for scattered clumps.

    The centroid minimises M_tot. NaN for an empty map and where one pixel holds everything.
    """
    values, _ = as_maps("maps", maps)
    rows, columns = np.indices(values.shape[1:])
    result = np.full(len(values), np.nan)
    for index, image in enumerate(values):
        whole = image.sum()
        if not whole > 0:
            continue
        y, x = (rows * image).sum() / whole, (columns * image).sum() / whole
        moments = (image * ((rows - y) ** 2 + (columns - x) ** 2)).ravel()
        order = np.argsort(-image, axis=None, kind="stable")
        brightest = np.cumsum(image.ravel()[order]) < 0.2 * whole
        brightest[0] = True
        part = moments[order][brightest].sum()
        if part > 0 and moments.sum() > 0:
            result[index] = np.log10(part / moments.sum())
    return result


def half_radii(values: np.ndarray) -> np.ndarray:
    """R50 (n,) in pixels; NaN for an empty map."""
    return fraction_radius(values, 1.0, 0.5)


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom, NaN where bottom is not positive."""
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
