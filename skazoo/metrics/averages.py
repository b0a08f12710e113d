"""Averages over galaxies that say what is undefined instead of hiding it: NaN in, and a count of what was known."""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["MEDIAN_ERROR", "band", "defined_mean", "divided", "mean", "standard_error"]

MEDIAN_ERROR = 1.2533  # sqrt(pi / 2): standard error of a median over that of a mean, for Gaussian numbers


def mean(values) -> float:
    """Mean over galaxies; NaN where there are none, or one of them is NaN."""
    return float(np.mean(values)) if len(values) else np.nan


def standard_error(values, independent: int | None = None) -> float:
    """Standard error of the mean of (n,) values of which `independent` (n by default) are independent; NaN below 2."""
    values = np.asarray(values, np.float64)
    independent = min(independent or values.size, values.size)
    return float(values.std(ddof=1) / np.sqrt(independent)) if independent > 1 else np.nan


def divided(top, bottom):
    """top / bottom, NaN where bottom is not positive."""
    top, bottom = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom > 0)[()]


def defined_mean(rows: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is defined; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        return np.nanmean(rows, axis=0)


def band(rows) -> dict[str, np.ndarray]:
    """Quantiles 16, 50 and 84 % over the first axis, of what is defined, and how many rows that is."""
    rows = np.asarray(rows, np.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered")
        low, middle, high = np.nanquantile(rows, (0.16, 0.5, 0.84), axis=0)
    return {"low": low, "median": middle, "high": high, "count": np.isfinite(rows).sum(axis=0)}
