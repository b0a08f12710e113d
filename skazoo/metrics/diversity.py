r"""Are the samples diverse, and are they new? Conditional diversity and memorisation.

Distances are root mean square differences per pixel, of maps on a comparison scale (dex, or linear for signed fields):
give `Scale.apply(maps)`, or maps already compressed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..errors import ParameterError
from .inputs import as_maps
from .probabilistic import pairwise_distances

__all__ = ["Memorisation", "conditional_diversity", "dihedral", "memorisation", "nearest_neighbours"]


def conditional_diversity(samples, reference=None):
    """Mean distance between two samples of one source, over that of true draws where those are known.

    Args:
        samples: (num_samples, H, W) or (num_samples, cases, H, W), at least 2 samples.
        reference: the same of exact draws for the same sources (an oracle); their number may differ.

    Returns:
        the ratio, 1 for a right sampler, near 0 for one that ignores its noise; without `reference` the mean
        distance itself.

    Raises:
        ParameterError: fewer than 2 samples, wrong dimensions, or exact draws that do not differ.
    """
    found = mean_distance("samples", samples)
    if reference is None:
        return found
    expected = mean_distance("reference", reference)
    if expected == 0:
        raise ParameterError("reference has no diversity: its draws of one source are all equal.")
    return found / expected


def mean_distance(name: str, samples) -> float:
    """Mean pairwise rms distance between samples of one case, over the cases."""
    samples = np.asarray(samples, np.float64)
    if samples.ndim == 3:
        samples = samples[:, None]
    if samples.ndim != 4 or len(samples) < 2:
        raise ParameterError(
            f"{name} must have shape (num_samples, cases, H, W) with at least 2 samples, but has {samples.shape}."
        )
    count, cases = samples.shape[:2]
    sums = [pairwise_distances(samples[:, case]).sum() for case in range(cases)]
    return float(np.mean(sums) / (count * (count - 1)) / np.sqrt(samples[0, 0].size))


def dihedral(maps: np.ndarray) -> np.ndarray:
    """The 8 images (8, n, H, W) of square maps (n, H, W) under turns by 90 degrees and reflection."""
    turned = [np.rot90(maps, turn, axes=(1, 2)) for turn in range(4)]
    return np.stack([*turned, *(one[:, :, ::-1] for one in turned)])


def nearest_neighbours(maps, references, block: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest of the references, also turned and mirrored as in augmentation.

    Args:
        maps: (n, H, H) and references: (m, H, H), square, on a comparison scale.
        block: references a step, which bounds the memory.

    Returns:
        distance (n,) rms per pixel, and index (n,) of that reference.

    Raises:
        ParameterError: the maps are not square or not of one size.
    """
    maps, references = as_maps("maps", maps)[0], as_maps("references", references)[0]
    if maps.shape[1:] != references.shape[1:] or maps.shape[1] != maps.shape[2]:
        raise ParameterError(
            f"maps of {maps.shape[1:]} and references of {references.shape[1:]} must be square, equal."
        )
    centre = references.mean()  # shrinks the numbers that cancel below
    flat = (maps - centre).reshape(len(maps), -1)
    best, index = np.full(len(maps), np.inf), np.zeros(len(maps), np.int64)
    squares = np.sum(flat**2, axis=1)[:, None]
    for start in range(0, len(references), block):
        for image in dihedral(references[start : start + block] - centre):
            other = image.reshape(len(image), -1)
            distance = squares - 2 * flat @ other.T + np.sum(other**2, axis=1)[None]
            nearest = np.argmin(distance, axis=1)
            nearer = distance[np.arange(len(maps)), nearest] < best
            index[nearer] = start + nearest[nearer]
            best[nearer] = distance[nearer, nearest[nearer]]
    return np.sqrt(np.maximum(best, 0.0) / flat.shape[1]), index


@dataclass(frozen=True)
class Memorisation:
    """Outcome of `memorisation`.

    Attributes:
        copied: fraction of samples nearer to a training map than all but `quantile` of unseen maps are.
        expected: that fraction for a sampler that copies nothing, `quantile`.
        z: Mann-Whitney z-score of the distances, samples against unseen maps (Meehan's C_T without cells): below -3
            the samples are too near to the training maps.
        distance, nearest: (n,) distance of each sample to the training maps, and which one.
    """

    copied: float
    expected: float
    z: float
    distance: np.ndarray
    nearest: np.ndarray


def memorisation(samples, train, unseen, quantile: float = 0.01) -> Memorisation:
    """Are samples nearer to the training maps than unseen true maps are, in any of the 8 orientations?

    Args:
        samples: (n, H, H), one or few a source, from sources that the mapper was not trained on.
        train: (m, H, H) the maps it was trained on.
        unseen: (u, H, H) true maps of the test split.
        quantile: of the unseen maps' distances, below which a sample counts as copied.

    Source: Meehan, Chaudhuri & Dasgupta (2020), AISTATS, arXiv:2004.05675.
    """
    if not 0 < quantile < 1:
        raise ParameterError(f"quantile must lie between 0 and 1, but is {quantile}.")
    distance, nearest = nearest_neighbours(samples, train)
    usual, _ = nearest_neighbours(unseen, train)
    copied = float(np.mean(distance < np.quantile(usual, quantile)))
    statistic = stats.mannwhitneyu(distance, usual).statistic
    n, m = len(distance), len(usual)
    z = (statistic - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
    return Memorisation(copied, quantile, float(z), distance, nearest)
