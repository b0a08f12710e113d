"""Scores and calibration of the pixels of one field, on its comparison scale, added up galaxy by galaxy."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .averages import divided, mean, standard_error
from .calibration import Tarp, pit, ranks, tarp_curve
from .image import ms_ssim, psnr, ssim
from .one_point import wasserstein_of_histograms
from .probabilistic import crps, energy_score, pairwise_distances
from .profiles import pixel_radii
from .scales import Scale

__all__ = ["BLOCKS", "PIT_BINS", "RINGS", "PixelScores", "block_means"]

RINGS = 8  # of equal width, over which calibration is followed outwards
BLOCKS = 4  # block means a side: 16 numbers a map for TARP
PIT_BINS = 20


class PixelScores:
    """CRPS, energy score, image quality, ranks, coverage, TARP, pixel distribution.

    Args:
        scale: how pixels of the field are compared.
        num_samples: samples a galaxy; with one, nothing is said of the spread.
        seed: of broken ties.
    """

    def __init__(self, scale: Scale, num_samples: int, seed: int):
        self.scale, self.num_samples, self.seed = scale, num_samples, seed
        self.rows = defaultdict(list)  # one number or short vector a galaxy
        self.sums = defaultdict(float)  # sums over pixels

    def prepare(self, truths: np.ndarray) -> None:
        """Fix ranges from the first batch of truths (n, H, W) on the comparison scale."""
        low, high = float(truths.min()), float(truths.max())
        self.data_range = self.scale.span or (high - low) or 1.0
        if self.scale.logarithmic:  # steps of 0.01 dex, from the floor to 3 dex above the first batch
            start = np.log10(self.scale.floor)
            self.edges = start + 0.01 * np.arange(int(100 * (high + 3 - start)) + 2)
        else:
            margin = 2 * ((high - low) or 1.0)
            self.edges = np.linspace(low - margin, high + margin, 2501)
        half = min(truths.shape[1:]) / 2
        self.ring = np.minimum((pixel_radii(truths.shape[1:]) / half * RINGS).astype(int), RINGS).ravel()

    def add(self, truth: np.ndarray, samples: np.ndarray, source: np.ndarray) -> None:
        """Score truth (H, W) and samples (M, H, W) on the comparison scale.

        `source` (BLOCKS^2,) are the block means of the source on its own scale, from which TARP's reference is made.
        """
        rows, sums, count = self.rows, self.sums, len(samples)
        centre = samples.mean(axis=0)
        error = (centre - truth) ** 2
        rows["crps"].append(crps(samples, truth).mean())
        rows["energy_score"].append(energy_score(samples, truth) / np.sqrt(truth.size))
        rows["error"].append(error.mean())
        rows["psnr"].append(psnr(centre, truth, self.data_range))
        if min(truth.shape) > 10:
            rows["ssim"].append(ssim(centre, truth, self.data_range))
            rows["ms_ssim"].append(ms_ssim(centre, truth, self.data_range))
        sums["ring_count"] += np.bincount(self.ring, minlength=RINGS + 1)
        sums["ring_error"] += np.bincount(self.ring, error.ravel(), RINGS + 1)
        sums["truth_pdf"] += histogram(truth, self.edges)
        sums["sample_pdf"] += histogram(samples, self.edges)
        if self.scale.logarithmic:
            bottom = self.edges[0] + 1e-9
            rows["floor_excess"].append(np.mean(samples <= bottom) - np.mean(truth <= bottom))
        if count > 1:
            rows["coarse_truth"].append(block_means(truth[None])[0].astype(np.float32))
            rows["coarse_samples"].append(block_means(samples).astype(np.float32))
            rows["coarse_source"].append(source)
            self.add_spread(truth, samples)

    def add_spread(self, truth: np.ndarray, samples: np.ndarray) -> None:
        """What takes an ensemble: spread, diversity, place of the truth among the samples."""
        count = len(samples)
        variance = samples.var(axis=0, ddof=1) * (count + 1) / count
        self.rows["variance"].append(variance.mean())
        self.rows["diversity"].append(np.sum(pairwise_distances(samples) ** 2) / (count * (count - 1) * truth.size))
        self.sums["ring_variance"] += np.bincount(self.ring, variance.ravel(), RINGS + 1)
        place = pit(samples, truth, seed_of(self.seed, len(self.rows["crps"]))).ravel()
        self.sums["pit_map"] += place.reshape(truth.shape)
        self.sums["pit"] += np.bincount(np.minimum((place * PIT_BINS).astype(int), PIT_BINS - 1), minlength=PIT_BINS)
        for level in (68, 95):
            covered = np.abs(place - 0.5) < level / 200
            self.sums[f"ring_coverage_{level}"] += np.bincount(self.ring, covered, RINGS + 1)

    def metrics(self, independent: int) -> dict[str, float]:
        """Numbers over all galaxies, of which `independent` are not views of one another; NaN where undefined."""
        rows, sums = self.rows, self.sums
        found = {name: mean(rows[name]) for name in ("crps", "energy_score", "psnr", "ssim", "ms_ssim")}
        for name in ("crps", "energy_score"):
            found[f"{name}_error"] = standard_error(rows[name], independent)
        found["rmse"], found["spread"] = np.sqrt(mean(rows["error"])), np.sqrt(mean(rows["variance"]))
        found["diversity"] = np.sqrt(mean(rows["diversity"]))
        found["spread_skill"] = np.sqrt(divided(mean(rows["variance"]), mean(rows["error"])))
        for level in (68, 95):
            known = "pit" in sums
            share = np.sum(sums[f"ring_coverage_{level}"]) / np.sum(sums["pit"]) if known else np.nan
            found[f"coverage_{level}"] = 100 * share
        curves = self.tarp(independent)
        found["tarp_area"] = curves[0].area if curves else np.nan
        found["tarp_deviation"] = np.max(np.abs(curves[0].expected_coverage - curves[0].levels)) if curves else np.nan
        found["tarp_sample_area"] = curves[1].area if curves else np.nan
        found["tarp_null95"] = curves[0].area_null95 if curves else np.nan
        found["pixel_distance"] = wasserstein_of_histograms(sums["truth_pdf"], sums["sample_pdf"], self.edges)
        if self.scale.logarithmic:
            found["floor_excess"] = 100 * mean(rows["floor_excess"])
            found["floor_excess_error"] = 100 * standard_error(rows["floor_excess"], independent)
        return found

    def tarp(self, independent: int) -> tuple[Tarp, ...]:
        """TARP of block means with references from the source, and from a held-out sample; () without an ensemble.

        The reference from the source is its block means, standardised over galaxies and brought to the mean and
        spread of the samples: no truth goes into it.
        """
        if not self.rows["coarse_truth"]:
            return ()
        truth = np.asarray(self.rows["coarse_truth"], np.float64)
        samples = np.asarray(self.rows["coarse_samples"], np.float64).swapaxes(0, 1)
        source = np.asarray(self.rows["coarse_source"], np.float64)
        width = source.std(axis=0)
        standard = (source - source.mean(axis=0)) / np.where(width > 0, width, 1.0)
        reference = samples.mean(axis=(0, 1)) + samples.std(axis=(0, 1)) * standard
        curves = []
        for points, drawn in ((reference, samples), (samples[-1], samples[:-1])):
            near, far = np.linalg.norm(drawn - points, axis=-1), np.linalg.norm(truth - points, axis=-1)
            curves.append(tarp_curve(ranks(near, far, self.seed), len(drawn), independent=independent, seed=self.seed))
        return tuple(curves)

    def curves(self, independent: int) -> dict:
        """Arrays behind the figures of calibration and of the pixel distribution."""
        sums = self.sums
        counts = np.maximum(sums["ring_count"], 1)[:RINGS]
        found = {"ring_error": np.sqrt(sums["ring_error"][:RINGS] / counts)}
        found["edges"], found["truth_pdf"], found["sample_pdf"] = self.densities()
        outer_inner = self.tarp(independent)
        if outer_inner:
            outer, inner = outer_inner
            found["pit_map"] = (sums["pit_map"] / len(self.rows["variance"])).astype(np.float32)
            found["pit_pixels"] = sums["pit"] / np.mean(sums["pit"])
            found["ring_spread"] = np.sqrt(sums["ring_variance"][:RINGS] / counts)
            for level in (68, 95):
                found[f"ring_coverage_{level}"] = sums[f"ring_coverage_{level}"][:RINGS] / counts
            found["tarp"] = {
                "levels": outer.levels,
                "source": outer.expected_coverage,
                "sample": inner.expected_coverage,
                "galaxies": independent,
            }
        return found

    def densities(self, bins: int = 80):
        """Edges and densities of truth and samples, in at most `bins` bins over the range in use."""
        used = np.flatnonzero((self.sums["truth_pdf"] > 0) | (self.sums["sample_pdf"] > 0))
        step = max(1, -(-(used[-1] + 1 - used[0]) // bins))
        places = np.append(np.arange(used[0], used[-1] + 1, step), min(used[-1] + 1, len(self.edges) - 1))
        edges = self.edges[places]
        density = [
            np.add.reduceat(self.sums[name], places[:-1]) / (self.sums[name].sum() * np.diff(edges))
            for name in ("truth_pdf", "sample_pdf")
        ]
        return edges, *density


def block_means(maps: np.ndarray, blocks: int = BLOCKS) -> np.ndarray:
    """Means of (n, H, W) maps over `blocks` x `blocks` equal cells: (n, blocks^2); spare edge pixels are left out."""
    rows, columns = maps.shape[1] // blocks, maps.shape[2] // blocks
    top, left = (maps.shape[1] - rows * blocks) // 2, (maps.shape[2] - columns * blocks) // 2
    inner = maps[:, top : top + rows * blocks, left : left + columns * blocks]
    return inner.reshape(len(maps), blocks, rows, blocks, columns).mean(axis=(2, 4)).reshape(len(maps), -1)


def histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts over evenly spaced edges, what lies outside in the outermost bins."""
    place = (values.ravel() - edges[0]) * ((len(edges) - 1) / (edges[-1] - edges[0]))
    place = np.clip(place, 0, len(edges) - 2).astype(np.int64)
    return np.bincount(place, minlength=len(edges) - 1).astype(np.float64)


def seed_of(*parts: int) -> int:
    """One seed out of several numbers, different for each combination."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
