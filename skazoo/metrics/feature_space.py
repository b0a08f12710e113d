r"""Do the samples cover the real maps, and lie among them? Precision, recall, density, coverage, in a feature space.

Balls reach from each point to its k-th nearest neighbour of the same set (the point itself not counted):

    precision = share of samples in any ball of a real map       recall = share of real maps in any ball of a sample
    density   = mean number of real balls about a sample, over k  coverage = share of real balls that hold a sample

All are in [0, 1] but density, which is 1 on average for equal distributions and insensitive to outliers. For as many
samples as real maps of the same distribution, coverage is 1 - (1/2)^k on average, close below 1; precision and recall
have no such value. Features need one scale: by default each is divided by its spread over the real maps.

Source: Naeem, Oh, Uh, Choi & Yoo (2020), ICML, arXiv:2002.09797; Kynkaanniemi et al. (2019), arXiv:1904.06991.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from ..errors import ParameterError

__all__ = ["Manifold", "manifold"]


class Manifold(NamedTuple):
    """Outcome of `manifold`."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real, samples, k: int = 5, scale: bool = True) -> Manifold:
    """Precision, recall, density and coverage of samples against real maps.

    Args:
        real: (n, d) features of real maps; samples: (m, d) of samples, one a source; such as `scattering_features`.
        k: neighbours that a ball reaches to.
        scale: divide each feature by its spread over the real maps.

    Raises:
        ParameterError: not more than k rows, several widths, or values that are not finite.
    """
    real, samples = np.asarray(real, np.float64), np.asarray(samples, np.float64)
    if real.ndim != 2 or samples.ndim != 2 or real.shape[1] != samples.shape[1]:
        raise ParameterError(f"features must be (n, d) and (m, d), but are {real.shape} and {samples.shape}.")
    if k != int(k) or k < 1 or min(len(real), len(samples)) <= k:
        raise ParameterError(f"k = {k} neighbours need a whole k of at least 1 and more than k rows.")
    if not (np.isfinite(real).all() and np.isfinite(samples).all()):
        raise ParameterError("features hold values that are not finite; leave those maps out and count them.")
    if scale:
        width = real.std(axis=0)
        width = np.where(width > 0, width, 1.0)
        real, samples = real / width, samples / width
    reach_real, reach_samples = reach(real, k), reach(samples, k)
    distance = cdist(real, samples)
    among_real = distance < reach_real[:, None]
    return Manifold(
        precision=float(among_real.any(axis=0).mean()),
        recall=float((distance < reach_samples[None, :]).any(axis=1).mean()),
        density=float(among_real.sum(axis=0).mean() / k),
        coverage=float((distance.min(axis=1) < reach_real).mean()),
    )


def reach(points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest neighbour."""
    return np.partition(cdist(points, points), k, axis=1)[:, k]
