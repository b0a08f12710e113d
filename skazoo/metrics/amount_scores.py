"""Totals, radial profiles and morphology of one field, on linear maps, added up galaxy by galaxy."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from . import morphology
from .averages import MEDIAN_ERROR, band, divided, mean, standard_error
from .calibration import pit
from .one_point import total_bias
from .pixel_scores import seed_of
from .probabilistic import crps
from .profiles import half_mass_radius, radial_edges, radial_profile
from .scales import Scale
from .spectral_scores import SHOWN

__all__ = ["AmountScores"]

SHAPES = ("concentration", "asymmetry", "clumpiness", "gini", "m20")


class AmountScores:
    """Scores of one number a galaxy: the total of a positive field, or the mean of a signed one; sizes and shapes.

    Args:
        scale: says whether the field is positive, and its floor: totals and profiles below it count as at it.
        seed: of broken ties.
    """

    def __init__(self, scale: Scale, seed: int):
        self.scale, self.seed = scale, seed
        self.rows = defaultdict(list)
        self.undefined = defaultdict(int)
        self.empty_truths = self.cases = 0

    def prepare(self, shape: tuple[int, int], pixel_kpc: float) -> None:
        """Fix the rings of the profiles, in pixels, and the pixel scale they are quoted at."""
        self.shape, self.edges, self.pixel_kpc = shape, radial_edges(shape, 1.0), pixel_kpc

    def add(self, truth: np.ndarray, samples: np.ndarray, pixel_kpc: float) -> None:
        """Score truth (H, W) and samples (M, H, W), linear."""
        self.cases += 1
        if not self.scale.logarithmic:
            self.add_number("total", truth.mean(), samples.mean(axis=(1, 2)))
            return
        if not truth.sum() > 0:
            self.empty_truths += 1
            return
        ratios = total_bias(samples, truth[None])
        self.undefined["total"] += int(np.sum(~np.isfinite(ratios)))
        self.rows["total_ratio"].append(ratios)
        least, area = self.scale.floor * truth.size, 2 * np.log10(pixel_kpc)
        both = np.maximum(np.concatenate([truth[None], samples]), 0.0)
        totals = np.log10(np.maximum(both.sum(axis=(1, 2)), least)) + area
        self.add_number("total", totals[0], totals[1:])
        logs = np.log10(np.maximum(radial_profile(both, 1.0, self.edges)[1], self.scale.floor))
        self.rows["profile_error"].append(np.nanmedian(np.abs(logs[1:] - logs[0])))
        self.rows["profile_truth"].append(logs[0].astype(np.float32))
        self.rows["profile_samples"].extend(logs[1 : SHOWN + 1].astype(np.float32))
        radius = half_mass_radius(both, pixel_kpc)
        self.undefined["radius"] += int(np.sum(~np.isfinite(radius[1:])))
        self.rows["radius_ratio"].append(np.log10(radius[1:] / radius[0]))
        self.add_number("radius", radius[0], radius[1:])
        for name in SHAPES:
            values = getattr(morphology, name)(both[: SHOWN + 1])
            self.rows[f"{name}_truth"].append(values[0])
            self.rows[f"{name}_samples"].extend(values[1:])

    def add_number(self, name: str, truth: float, samples: np.ndarray) -> None:
        """Score one number; where a sample has none (NaN), the galaxy is left out of this number and counted."""
        if not (np.isfinite(truth) and np.isfinite(samples).all()):
            self.undefined[f"{name}_cases"] += 1
            return
        rows, count, truth = self.rows, len(samples), np.asarray(truth)
        rows[f"crps_{name}"].append(float(crps(samples, truth)))
        rows[f"error_{name}"].append((samples.mean() - truth) ** 2)
        if count > 1:
            rows[f"variance_{name}"].append(samples.var(ddof=1) * (count + 1) / count)
            rows[f"pit_{name}"].append(float(pit(samples, truth, seed_of(self.seed, self.cases, len(name)))))

    def metrics(self, independent: int) -> dict[str, float]:
        """Numbers over all galaxies, of which `independent` are not views of one another; NaN where undefined."""
        rows = self.rows
        found = {f"undefined_{name}": count for name, count in self.undefined.items()}
        for name in ("total", "radius") if self.scale.logarithmic else ("total",):
            found[f"crps_{name}"] = mean(rows[f"crps_{name}"])
            found[f"crps_{name}_error"] = standard_error(rows[f"crps_{name}"], independent)
            ratio = divided(mean(rows[f"variance_{name}"]), mean(rows[f"error_{name}"]))
            found[f"spread_skill_{name}"] = np.sqrt(ratio)
            if rows[f"{name}_ratio"]:
                found |= self.bias(name, np.concatenate(rows[f"{name}_ratio"]), independent)
        if self.scale.logarithmic:
            found["profile_error"] = float(np.median(rows["profile_error"])) if rows["profile_error"] else np.nan
            for name in SHAPES:
                found[f"{name}_shift"] = shift(rows[f"{name}_truth"], rows[f"{name}_samples"])
        return found

    @staticmethod
    def bias(name: str, ratios: np.ndarray, independent: int) -> dict[str, float]:
        """Median, half the 16-84 % range, and the standard error of the median, of what is defined."""
        known = ratios[np.isfinite(ratios)]
        if not known.size:
            return dict.fromkeys((f"{name}_bias", f"{name}_scatter", f"{name}_bias_error"), np.nan)
        low, middle, high = np.quantile(known, (0.16, 0.5, 0.84))
        error = MEDIAN_ERROR * (high - low) / 2 / np.sqrt(independent)
        return {f"{name}_bias": middle, f"{name}_scatter": (high - low) / 2, f"{name}_bias_error": error}

    def curves(self) -> dict:
        """Ranks of the totals; bands of log10 of the radial profiles."""
        found = {"pit_total": np.asarray(self.rows["pit_total"])}
        if self.rows["profile_truth"]:
            radius, _ = radial_profile(np.zeros((1, *self.shape)), 1.0, self.edges)
            found["profile_radius_kpc"] = radius * self.pixel_kpc
            found["profile_truth"] = band(self.rows["profile_truth"])
            found["profile_samples"] = band(self.rows["profile_samples"])
        return found


def shift(truths, samples) -> float:
    """Mean of the samples less that of the truths, over the scatter of the truths; NaN where that is 0 or unknown."""
    truths, samples = np.asarray(truths, np.float64), np.asarray(samples, np.float64)
    truths, samples = truths[np.isfinite(truths)], samples[np.isfinite(samples)]
    if truths.size < 2 or not samples.size or truths.std() == 0:
        return np.nan
    return float((samples.mean() - truths.mean()) / truths.std())
