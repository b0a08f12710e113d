"""Structure beyond the power spectrum: Minkowski functionals, peaks, bispectrum, scattering; galaxy by galaxy."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np

from .averages import band
from .feature_space import manifold
from .local_maxima import peak_counts
from .minkowski_functionals import minkowski
from .scales import Scale
from .spectral_scores import SHOWN
from .three_point import reduced_bispectra
from .wavelet_scattering import frechet_distance, scattering_features

__all__ = ["StructureScores", "misfit"]

THRESHOLDS, HEIGHTS = 9, 6
NEIGHBOURS = 5  # of the balls of precision, recall, density and coverage
SCATTERED = 1  # samples of each galaxy that are scattered: as many as truths, as the Frechet distance wants


class StructureScores:
    """Compares distributions over galaxies of what one map shows, truths against samples.

    Args:
        scale: how pixels of the field are compared; the bispectrum is taken on linear maps of positive fields.
    """

    def __init__(self, scale: Scale):
        self.scale = scale
        self.rows = defaultdict(list)
        self.halves = []
        self.numbers = {}

    def prepare(self, truths: np.ndarray, pixel_kpc: float) -> None:
        """Fix thresholds from the first batch of truths (n, H, W), on the comparison scale."""
        self.pixel_kpc, self.size = pixel_kpc, min(truths.shape[1:])
        above = truths[truths > truths.min()]
        tail = 0.2 if self.scale.logarithmic else 0.005  # the faint fifth is sky; a signed field has two sides
        low, high = np.quantile(above, (tail, 0.995)) if above.size else (0.0, 1.0)
        high = high if high > low else low + 1.0
        self.thresholds = np.linspace(low, high, THRESHOLDS)
        self.heights = np.linspace(low, high + 0.5 * (high - low), HEIGHTS + 1)

    def add(self, truth: np.ndarray, samples: np.ndarray, galaxy) -> None:
        """Measure truth (H, W) and samples (M, H, W), linear. Galaxies fall into two halves, in turn."""
        linear = np.concatenate([truth[None], samples[:SHOWN]])
        maps = self.scale.apply(linear)
        self.keep("minkowski", np.moveaxis(minkowski(maps, self.thresholds), 0, 1))
        classes = np.append(self.heights[:-1], np.inf)  # the highest is open: a peak can be far too bright
        self.keep("peaks", peak_counts(maps, classes).astype(float))
        if self.scale.logarithmic and truth.shape[0] == truth.shape[1] and self.size >= 16:
            for shape, q in reduced_bispectra(linear[:3], 1.0)[1].items():
                self.keep(shape, q)
        if self.size >= 16:
            own = features_of(np.ascontiguousarray(maps[0]).tobytes(), maps[0].shape)
            self.keep("features", np.concatenate([own, scattering_features(maps[1 : 1 + SCATTERED])]))
            self.halves.append(self.numbers.setdefault(galaxy, len(self.numbers)) % 2)

    def keep(self, name: str, values: np.ndarray) -> None:
        """Put the first row with the truths and the rest with the samples."""
        self.rows[f"{name}_truth"].append(values[0])
        self.rows[f"{name}_samples"].extend(values[1:])

    def metrics(self) -> dict[str, float]:
        """Misfits in standard deviations of the truths, and distances in the space of scattering features."""
        rows = {name: np.asarray(values) for name, values in self.rows.items()}
        found = {}
        found["minkowski_misfit"] = misfit(rows["minkowski_truth"], rows["minkowski_samples"])
        # what no truth shows still counts: as the scatter of one peak in all of them
        one = 1 / np.sqrt(len(rows["peaks_truth"]))
        found["peaks_misfit"] = misfit(rows["peaks_truth"], rows["peaks_samples"], one)
        for shape in ("equilateral", "squeezed"):
            if f"{shape}_truth" in rows:
                found[f"bispectrum_{shape}"] = misfit(rows[f"{shape}_truth"], rows[f"{shape}_samples"])
        if "features_truth" in rows:
            found |= self.distances(rows["features_truth"], rows["features_samples"])
        return found

    def distances(self, truths: np.ndarray, samples: np.ndarray) -> dict[str, float]:
        """Frechet distance of samples from other galaxies' truths, and of truths from those; neighbours in features."""
        half, known = np.asarray(self.halves), np.isfinite(truths).all(axis=1) & np.isfinite(samples).all(axis=1)
        found = {"undefined_scattering": int(np.sum(~known))}
        truths, samples, half = truths[known], samples[known], half[known]
        names = ("frechet", "frechet_floor", "frechet_ratio", "precision", "recall", "density", "feature_coverage")
        found |= dict.fromkeys(names, np.nan)
        if min(np.sum(half == 0), np.sum(half == 1)) > 1:
            width = truths.std(axis=0)
            width = np.where(width > 0, width, 1.0)
            parts = [(one / width)[half == side] for one in (truths, samples) for side in (0, 1)]
            found["frechet_floor"] = frechet_distance(parts[0], parts[1])
            crossed = frechet_distance(parts[2], parts[1]) + frechet_distance(parts[3], parts[0])
            found["frechet"] = crossed / 2
            if found["frechet_floor"] > 0:
                found["frechet_ratio"] = found["frechet"] / found["frechet_floor"]
        if len(truths) > NEIGHBOURS:
            placed = manifold(truths, samples, NEIGHBOURS)
            found |= dict(zip(names[3:], placed, strict=True))
        return found

    def curves(self) -> dict:
        """Means of the Minkowski functionals and peak counts; bands of the reduced bispectra."""
        rows = {name: np.asarray(values) for name, values in self.rows.items()}
        found = {"thresholds": self.thresholds, "heights": self.heights}
        for who in ("truth", "samples"):
            for number in range(3):
                found[f"minkowski_{number}_{who}"] = rows[f"minkowski_{who}"][:, number].mean(axis=0)
            found[f"peaks_{who}"] = rows[f"peaks_{who}"].mean(axis=0)
            for shape in ("equilateral", "squeezed"):
                if f"{shape}_{who}" in rows:
                    found[f"bispectrum_{shape}_{who}"] = band(rows[f"{shape}_{who}"])
        if "equilateral_truth" in rows:
            count = rows["equilateral_truth"].shape[1]
            found["bispectrum_k_per_kpc"] = 2 * np.pi / (self.size * self.pixel_kpc) * np.arange(1, count + 1)
        return found


@lru_cache(maxsize=256)
def features_of(values: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Scattering features (1, d) of the float64 map of these bytes: truths come again with every baseline."""
    features = scattering_features(np.frombuffer(values).reshape(shape))
    features.setflags(write=False)
    return features


def misfit(truths: np.ndarray, samples: np.ndarray, least: float = 0.0) -> float:
    """Root mean square over all numbers of (mean of samples - mean of truths) / scatter of truths; NaN below 2 truths.

    A scatter below `least` counts as `least`; numbers without any are left out. Medians and half the 16-84 % range
    stand for mean and scatter where the truths have tails (beyond 3 times as wide).
    """
    truths = np.asarray(truths, np.float64).reshape(len(truths), -1)
    samples = np.asarray(samples, np.float64).reshape(len(samples), -1)
    truths, samples = truths[np.isfinite(truths).all(axis=1)], samples[np.isfinite(samples).all(axis=1)]
    if len(truths) < 2 or not len(samples):
        return np.nan
    gap, width = samples.mean(axis=0) - truths.mean(axis=0), truths.std(axis=0)
    low, middle, high = np.quantile(truths, (0.16, 0.5, 0.84), axis=0)
    tailed = (high > low) & (width > 1.5 * (high - low))
    gap = np.where(tailed, np.median(samples, axis=0) - middle, gap)
    width = np.where(tailed, (high - low) / 2, width)
    width = np.maximum(width, least)
    used = width > 1e-9 * np.abs(truths).max(initial=0)
    return float(np.sqrt(np.mean((gap[used] / width[used]) ** 2))) if used.any() else np.nan
