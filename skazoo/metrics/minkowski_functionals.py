r"""Minkowski functionals of maps: how much area lies above a threshold, how long its border is, how it is connected.

For the excursion set X > nu of a map of area A (pixels of side 1, edge pixels left out):

    V0 = area fraction,   V1 = 1/(4 A) * length of the border,   V2 = 1/(2 pi A) * integral of the border's curvature

V0 has no unit, V1 is in pixel^-1, V2 (the Euler number over the area: islands less holes) in pixel^-2. Border
integrals are turned into integrals over the map by the coarea formula, with central differences for the derivatives
and thresholds of finite width, so structure should span a few pixels. Give maps on a comparison scale (dex, or linear
for signed fields).

For a Gaussian field of mean 0 and unit variance with tau = <X_x^2> = <|grad X|^2> / 2:

    V0 = erfc(nu / sqrt 2) / 2,   V1 = sqrt(tau) / 8 exp(-nu^2 / 2),   V2 = tau (2 pi)^(-3/2) nu exp(-nu^2 / 2)

Source: Schmalzing & Gorski (1998), MNRAS 297, 355, eq. 6-11 and their Koenderink invariants.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfc

from ..errors import ParameterError
from .inputs import as_maps

__all__ = ["gaussian_minkowski", "minkowski"]


def minkowski(maps, thresholds) -> np.ndarray:
    """V0, V1 and V2 at each threshold.

    Args:
        maps: (n, H, W) array, of at least 3 pixels a side.
        thresholds: (t,) increasing, at least 2; border integrals are averaged over the cell around each, whose edges
            are half-way to its neighbours.

    Returns:
        (3, n, t) float64. A map with a pixel that is not finite gives NaN.

    Raises:
        ParameterError: thresholds that do not increase, maps too small.
    """
    values, _ = as_maps("maps", maps)
    thresholds = np.asarray(thresholds, np.float64)
    if thresholds.ndim != 1 or len(thresholds) < 2 or not np.all(np.diff(thresholds) > 0):
        raise ParameterError("thresholds must be at least two increasing numbers.")
    if min(values.shape[1:]) < 3:
        raise ParameterError(f"maps of {values.shape[1:]} pixels are too small: derivatives take 3 a side.")
    count, cells = len(values), len(thresholds)
    middle = 0.5 * (thresholds[1:] + thresholds[:-1])
    edges = np.concatenate([[2 * thresholds[0] - middle[0]], middle, [2 * thresholds[-1] - middle[-1]]])

    inner = values[:, 1:-1, 1:-1]
    x = 0.5 * (values[:, 1:-1, 2:] - values[:, 1:-1, :-2])
    y = 0.5 * (values[:, 2:, 1:-1] - values[:, :-2, 1:-1])
    xx = values[:, 1:-1, 2:] - 2 * inner + values[:, 1:-1, :-2]
    yy = values[:, 2:, 1:-1] - 2 * inner + values[:, :-2, 1:-1]
    xy = 0.25 * (values[:, 2:, 2:] - values[:, 2:, :-2] - values[:, :-2, 2:] + values[:, :-2, :-2])
    steep = x**2 + y**2
    bend = 2 * x * y * xy - x**2 * yy - y**2 * xx
    curvature = np.divide(bend, steep, out=np.zeros_like(steep), where=steep > 0)

    cell = np.searchsorted(edges, inner, side="right") - 1
    held = (cell >= 0) & (cell < cells)
    place = (cell + cells * np.arange(count)[:, None, None])[held]
    area = inner[0].size

    def over_cells(weights):
        sums = np.bincount(place, weights[held], count * cells).reshape(count, cells)
        return sums / (area * np.diff(edges))

    flat = np.sort(inner.reshape(count, -1), axis=1)
    above = np.stack([area - np.searchsorted(row, thresholds, side="right") for row in flat]) / area
    found = np.stack([above, over_cells(np.sqrt(steep)) / 4, over_cells(curvature) / (2 * np.pi)])
    found[:, ~np.isfinite(values).all(axis=(1, 2))] = np.nan
    return found


def gaussian_minkowski(thresholds, tau: float) -> np.ndarray:
    """V0, V1, V2 (3, t) expected of a Gaussian field of unit variance, tau = <|grad X|^2> / 2 in pixel^-2."""
    nu = np.asarray(thresholds, np.float64)
    bell = np.exp(-0.5 * nu**2)
    return np.stack([0.5 * erfc(nu / np.sqrt(2)), np.sqrt(tau) / 8 * bell, tau * (2 * np.pi) ** -1.5 * nu * bell])
