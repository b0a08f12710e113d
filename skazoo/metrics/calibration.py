r"""Does the ensemble know how sure it is? Spread against error, ranks, coverage, TARP.

All of these test one property: for a right conditional sampler, truth and samples are exchangeable, so the truth
takes any rank among the samples with the same probability. Ties (pixels at the floor) are broken at random, from an
explicit seed, which keeps the ranks uniform. Rules for shapes and units as in `probabilistic`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from .inputs import as_samples

__all__ = ["Tarp", "coverage", "pit", "rank_histogram", "ranks", "spread_skill", "tarp"]


def spread_skill(samples, truth, axis=None):
    r"""Spread over error of the ensemble: 1 is calibrated, below 1 too sure, above 1 too unsure.

    sqrt((M+1)/M) sqrt(<s^2>) / sqrt(<(mean_i x_i - y)^2>), s^2 the unbiased ensemble variance (ddof = 1)

    Args:
        samples: (num_samples, ...); truth: (...).
        axis: axes of `truth` to average over; all of them by default.

    Returns:
        a number, or an array over the axes that are left; NaN with one sample, whose spread is undefined, and where
        the error is exactly 0.

    Source: Fortin et al. (2014), J. Hydrometeorology 15, 1708, eq. 15.
    """
    samples, truth, _ = as_samples(samples, truth)
    count = len(samples)
    error = np.mean((samples.mean(axis=0) - truth) ** 2, axis=axis)
    if count == 1:
        return np.full(np.shape(error), np.nan)[()]
    spread = np.mean(samples.var(axis=0, ddof=1), axis=axis) * (count + 1) / count
    ratio = np.full(np.shape(error), np.nan)
    np.divide(spread, error, out=ratio, where=np.asarray(error > 0))
    return np.sqrt(ratio)[()]


def ranks(samples, truth, seed: int = 0) -> np.ndarray:
    """Number of samples below the truth, 0..M, element by element (...), ties broken at random.

    Raises:
        ParameterError: shapes or units do not go together, or a value is NaN, which has no rank.
    """
    samples, truth, _ = as_samples(samples, truth)
    if np.isnan(truth).any() or np.isnan(samples).any():
        raise ParameterError("samples or truth hold NaN, which has no rank; set those cases aside and count them.")
    below = np.sum(samples < truth, axis=0)
    ties = np.sum(samples == truth, axis=0)
    return below + np.random.default_rng(seed).integers(0, ties + 1)


def pit(samples, truth, seed: int = 0) -> np.ndarray:
    """Randomised probability integral transform (...), exactly uniform on (0, 1) for a right sampler.

    (rank + U) / (M + 1) with U uniform: the rank made continuous, so that no choice of M or of bins biases it.

    Source: Gneiting, Balabdaoui & Raftery (2007), JRSS B 69, 243.
    """
    rank = ranks(samples, truth, seed)
    return (rank + np.random.default_rng([seed, 1]).random(np.shape(rank))) / (len(samples) + 1)


def rank_histogram(samples, truth, seed: int = 0) -> np.ndarray:
    """How often the truth takes each rank: (M + 1,) counts, flat for a right sampler.

    U-shaped: too sure. Dome: too unsure. Slope: biased. The elements of one map are correlated, so that a chi^2 test
    of the histogram is only valid over independent cases (one number a galaxy).
    """
    rank = ranks(samples, truth, seed)
    return np.bincount(np.ravel(rank), minlength=len(samples) + 1)


def coverage(samples, truth, levels=(0.68, 0.95), axis=None, seed: int = 0):
    """Fraction of truths within the central interval of the samples, for each nominal level.

    The interval is that of the randomised PIT, |pit - 1/2| < level / 2: unbiased at any number of samples, where
    sample quantiles are too narrow for few.

    Args:
        samples: (num_samples, ...); truth: (...).
        levels: nominal probabilities, each in (0, 1).
        axis: axes of `truth` to average over; all of them by default.

    Returns:
        (levels, ...) fractions; a right sampler gives the levels themselves.

    Raises:
        ParameterError: a level outside (0, 1); NaN among the values.
    """
    levels = np.atleast_1d(np.asarray(levels, np.float64))
    if not np.all((levels > 0) & (levels < 1)):
        raise ParameterError(f"levels must lie between 0 and 1, but are {levels.tolist()}.")
    distance = np.abs(pit(samples, truth, seed) - 0.5)
    return np.stack([np.mean(distance < level / 2, axis=axis) for level in levels])


@dataclass(frozen=True)
class Tarp:
    """Outcome of `tarp`.

    Attributes:
        levels: (L,) credibility levels alpha.
        expected_coverage: (L,) fraction of cases whose truth lies within the region of credibility alpha.
        area: mean |expected_coverage - alpha|.
        area_null95: the area that a right sampler exceeds in 5 % of evaluations with as many cases.
        cases: number of cases.
        ranks: (cases,) number of samples nearer to the reference than the truth is.
    """

    levels: np.ndarray
    expected_coverage: np.ndarray
    area: float
    area_null95: float
    cases: int
    ranks: np.ndarray


def tarp(samples, truth, references, levels: int = 50, scale: bool = True, seed: int = 0) -> Tarp:
    r"""Tests of accuracy with random points: joint coverage of vectors, right only for the right posterior.

    For each case, the fraction f = #{d(x_i, r) < d(y, r)} / M of the samples that are nearer to a reference point r
    than the truth is; f is uniform for a right sampler. The expected coverage at alpha is the fraction of cases with
    f < alpha; a curve above the diagonal at high alpha and below at low means too unsure, the reverse too sure.
    References must be made without the truth of their own case, and must depend on the source: with others, a
    sampler that ignores its source passes.

    Args:
        samples: (num_samples, cases, dims) summary vectors; 5-20 numbers a case are best.
        truth: (cases, dims).
        references: (cases, dims).
        levels: number of credibility levels, evenly spaced on [0, 1].
        scale: divide each dimension by its range over the truths first, so that units do not weigh.
        seed: of the 1000 draws behind `area_null95`, and of broken ties.

    Raises:
        ParameterError: shapes do not go together; NaN among the values.

    Source: Lemos, Coogan, Hezaveh & Perreault-Levasseur (2023), ICML, arXiv:2302.03026.
    """
    samples, truth, _ = as_samples(samples, truth)
    references = np.asarray(getattr(references, "value", references), np.float64)
    if truth.ndim != 2 or references.shape != truth.shape:
        raise ParameterError(
            f"references must have the shape (cases, dims) of truth, but have {references.shape} and {truth.shape}."
        )
    if not (np.isfinite(samples).all() and np.isfinite(truth).all() and np.isfinite(references).all()):
        raise ParameterError("samples, truth or references hold values that are not finite; set those cases aside.")
    width = np.ptp(truth, axis=0) if scale else np.ones(truth.shape[1])
    width = np.where(width > 0, width, 1.0)
    near = np.sqrt(np.sum(((samples - references) / width) ** 2, axis=-1))
    far = np.sqrt(np.sum(((truth - references) / width) ** 2, axis=-1))
    return tarp_curve(ranks(near, far, seed), len(samples), levels, seed)


def tarp_curve(rank, num_samples: int, levels: int = 50, seed: int = 0, independent: int | None = None) -> Tarp:
    """The `Tarp` of (cases,) ranks of the truth's distance among `num_samples` samples' distances.

    `independent` is how many of the cases are independent (all by default), for `area_null95`.
    """
    alpha = np.linspace(0.0, 1.0, levels + 1)
    rng = np.random.default_rng([seed, 2])
    cases = len(rank)
    uniform = (rank + rng.random(cases)) / (num_samples + 1)
    expected = coverage_below(uniform[None], alpha)[0]
    draws = min(independent or cases, cases)
    null = np.concatenate([coverage_below(rng.random((10, draws)), alpha) for _ in range(100)])
    areas = np.mean(np.abs(null - alpha), axis=1)
    area = float(np.mean(np.abs(expected - alpha)))
    return Tarp(alpha, expected, area, float(np.quantile(areas, 0.95)), cases, rank)


def coverage_below(uniform: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Fraction of each row (rows, cases) below each level: (rows, levels)."""
    return np.stack([np.searchsorted(np.sort(row), alpha, side="right") / row.size for row in uniform])
