r"""One-point statistics: the distribution of pixel values, and totals.

Maps are in linear physical units. Logarithms are to base 10, of max(X, floor): "dex" below means that. `floor` is the
field's detection floor (`FIELDS[name].floor`), in the unit of the maps.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
from scipy import stats

from ..errors import ParameterError
from .inputs import as_maps, as_pixel_scale, same_unit

__all__ = [
    "floor_fraction",
    "log_pixel_distance",
    "log_pixel_histogram",
    "to_dex",
    "total",
    "total_bias",
    "wasserstein_of_histograms",
]


def as_floor(floor, unit: u.UnitBase | None) -> float:
    """Give the floor as a number in `unit`; `ParameterError` unless positive and of that unit."""
    value = floor
    if isinstance(floor, u.Quantity):
        value = floor.value * same_unit("maps", unit, "floor", floor.unit)
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"floor must be positive and finite, but is {floor}.")
    return float(value)


def to_dex(maps, floor) -> np.ndarray:
    """log10 of max(X, floor) of maps (n, H, W); the floor's unit is that of the maps."""
    values, unit = as_maps("maps", maps)
    return np.log10(np.maximum(values, as_floor(floor, unit)))


def log_pixel_histogram(maps, floor, edges) -> np.ndarray:
    """Probability density per dex of log10 pixels above the floor: (bins,), normalised over all pixels.

    Its integral is thus the fraction of pixels above the floor and within `edges` (dex).
    """
    values, unit = as_maps("maps", maps)
    above = values[values > as_floor(floor, unit)]
    counts, _ = np.histogram(np.log10(above), edges)
    return counts / (values.size * np.diff(edges))


def log_pixel_distance(sample, truth, floor) -> float:
    """Wasserstein-1 distance between the log-pixel distributions of two sets of maps, in dex.

    The mean shift, in dex, that turns one distribution into the other; pixels below the floor count as at the floor.

    Raises:
        ParameterError: units clash, or the floor is not positive.
    """
    (first, unit_s), (second, unit_t) = as_maps("sample", sample), as_maps("truth", truth)
    factor = same_unit("truth", unit_t, "sample", unit_s)
    level = as_floor(floor, unit_t)
    one, two = (np.log10(np.maximum(values, level)).ravel() for values in (first * factor, second))
    return float(stats.wasserstein_distance(one, two))


def wasserstein_of_histograms(first, second, edges) -> float:
    """Wasserstein-1 distance of two histograms over the same edges, in the unit of the edges.

    The integral of |CDF_1 - CDF_2|; exact to a bin width.

    Raises:
        ParameterError: one of the histograms is empty.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.sum() <= 0 or second.sum() <= 0:
        raise ParameterError("a histogram without counts has no distance to another.")
    gap = np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()
    return float(np.sum(np.abs(gap) * np.diff(edges)))


def floor_fraction(maps, floor) -> np.ndarray:
    """Fraction (n,) of the pixels of each map at or below the floor."""
    values, unit = as_maps("maps", maps)
    return np.mean(values <= as_floor(floor, unit), axis=(-2, -1))


def total(maps, pixel_scale=None):
    """Sum over the frame times the pixel area: the mass (n,) of a surface density, in unit kpc^2."""
    scale, _ = as_pixel_scale(pixel_scale, maps)
    values, unit = as_maps("maps", maps)
    totals = values.sum(axis=(-2, -1)) * scale**2
    return totals if unit is None else totals * (unit * u.kpc**2)


def total_bias(sample, truth) -> np.ndarray:
    """log10 of the ratio of the totals, sample over truth, map by map: (n,) in dex.

    Its median is the bias, half its 16-84 % range the scatter. NaN where a total is zero or negative, of which there
    is no logarithm: count those, they are a finding.
    """
    (first, unit_s), (second, unit_t) = as_maps("sample", sample), as_maps("truth", truth)
    factor = same_unit("truth", unit_t, "sample", unit_s)
    top, bottom = np.broadcast_arrays(first.sum(axis=(-2, -1)) * factor, second.sum(axis=(-2, -1)))
    defined = (top > 0) & (bottom > 0)
    ratio = np.divide(top, bottom, out=np.ones(top.shape), where=defined)
    return np.where(defined, np.log10(ratio), np.nan)
