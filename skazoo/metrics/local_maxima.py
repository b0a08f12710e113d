"""Peaks of maps: how many local maxima there are, and how high."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import ParameterError
from .inputs import as_maps

__all__ = ["peak_counts", "peaks"]


def peaks(maps, smoothing: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of maps smoothed by a Gaussian.

    A peak is a pixel strictly above its 8 neighbours; the outermost pixels are left out.

    Args:
        maps: (n, H, W) on a comparison scale (dex, or linear for signed fields).
        smoothing: standard deviation of the Gaussian (pixels); 0 for none.

    Returns:
        index: (p, 3) map, row and column of each peak.
        height: (p,) of the smoothed maps, in their unit.
    """
    values, _ = as_maps("maps", maps)
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ParameterError(f"smoothing must be a number of pixels of at least 0, but is {smoothing}.")
    smooth = ndimage.gaussian_filter(values, (0, smoothing, smoothing), mode="nearest") if smoothing else values
    inner = smooth[:, 1:-1, 1:-1]
    highest = np.ones(inner.shape, bool)
    rows, columns = smooth.shape[1:]
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                highest &= inner > smooth[:, 1 + down : rows - 1 + down, 1 + right : columns - 1 + right]
    index = np.argwhere(highest)
    index[:, 1:] += 1
    return index, smooth[tuple(index.T)]


def peak_counts(maps, edges, smoothing: float = 1.0) -> np.ndarray:
    """Number of peaks of each map between heights `edges` (b + 1,), in the unit of the maps: (n, b)."""
    values, _ = as_maps("maps", maps)
    index, height = peaks(values, smoothing)
    edges = np.asarray(edges, np.float64)
    cell = np.searchsorted(edges, height, side="right") - 1
    held = (cell >= 0) & (cell < len(edges) - 1)
    place = index[held, 0] * (len(edges) - 1) + cell[held]
    return np.bincount(place, minlength=len(values) * (len(edges) - 1)).reshape(len(values), -1)
