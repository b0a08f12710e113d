r"""Proper scores of an ensemble against one truth: fair CRPS and energy score.

A proper score is best, on average, for the true conditional distribution and nothing else, so these are the numbers
by which mappers are ranked. "Fair" (Ferro 2014, QJRMS 140, 1917) means unbiased for a finite ensemble: the
expected score is that of the distribution behind the samples, whatever their number.

Rules: samples (num_samples, ...) and truth (...) share a unit; a sample that is not finite gives a score of NaN, which
is never averaged away here; the lower the score the better.
"""

from __future__ import annotations

import numpy as np

from .inputs import as_samples

__all__ = ["crps", "energy_score", "pairwise_distances"]


def crps(samples, truth):
    r"""Fair continuous ranked probability score of each element, in the unit of `truth`.

    CRPS = (1/M) sum_i |x_i - y| - 1/(2 M (M-1)) sum_ij |x_i - x_j|

    With one sample the second term is undefined and taken as 0: the score is then the absolute error, which is the
    CRPS of a deterministic prediction. Cost O(M log M) an element, through the sorted form
    sum_ij |x_i - x_j| = 2 sum_i (2 i - M - 1) x_(i).

    Args:
        samples: (num_samples, ...) array or Quantity.
        truth: (...) array or Quantity.

    Returns:
        (...) score, of the shape and unit of `truth`. It can be slightly negative, being unbiased.

    Raises:
        ParameterError: shapes or units do not go together.

    Source: Gneiting & Raftery (2007), JASA 102, 359, eq. 20; Ferro (2014).
    """
    samples, truth, unit = as_samples(samples, truth)
    count = len(samples)
    score = np.mean(np.abs(samples - truth), axis=0)
    if count > 1:
        weights = 2.0 * np.arange(1, count + 1) - count - 1
        known = np.isfinite(samples).all(axis=0)
        ordered = np.sort(np.where(known, samples, 0.0), axis=0)
        score = score - np.tensordot(weights, ordered, axes=1) / (count * (count - 1))
        score = np.where(known, score, np.nan)
    return score if unit is None else score * unit


def pairwise_distances(samples) -> np.ndarray:
    """Euclidean distances (M, M) between the M samples (M, ...), each taken as one vector."""
    vectors = np.asarray(samples, np.float64).reshape(len(samples), -1)
    vectors = vectors - vectors.mean(axis=0)  # shrinks the numbers that cancel below
    gram = vectors @ vectors.T
    squares = np.diag(gram)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * gram, 0.0))
    np.fill_diagonal(distances, 0.0)
    return distances


def energy_score(samples, truth) -> float:
    r"""Fair energy score of one vector (or map): the CRPS of many dimensions, which also sees correlations.

    ES = (1/M) sum_i |x_i - y| - 1/(2 M (M-1)) sum_ij |x_i - x_j|, with Euclidean norms over all axes but the first

    Args:
        samples: (num_samples, ...) array or Quantity.
        truth: (...) array or Quantity.

    Returns:
        one number in the unit of `truth` times the root of nothing: divide by sqrt(truth.size) for an rms per pixel.

    Raises:
        ParameterError: shapes or units do not go together.

    Source: Gneiting & Raftery (2007), eq. 22.
    """
    samples, truth, unit = as_samples(samples, truth)
    count = len(samples)
    score = float(np.mean(np.linalg.norm((samples - truth).reshape(count, -1), axis=1)))
    if count > 1:
        score -= float(np.sum(pairwise_distances(samples))) / (2 * count * (count - 1))
    return score if unit is None else score * unit
