"""Scores of HI maps alone: covering fraction of damped absorbers, and the size-mass relation of the disc."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .averages import mean
from .hydrogen import damped_fraction, hi_mass_and_diameter, size_residual
from .spectral_scores import SHOWN

__all__ = ["HydrogenScores"]


class HydrogenScores:
    """HI column densities and diameters, truths against samples, galaxy by galaxy."""

    def __init__(self):
        self.rows = defaultdict(list)

    def add(self, truth: np.ndarray, samples: np.ndarray, pixel_kpc: float) -> None:
        """Measure truth (H, W) and samples (M, H, W), linear, Msun kpc^-2."""
        maps = np.maximum(np.concatenate([truth[None], samples[:SHOWN]]), 0.0)
        damped = damped_fraction(maps)
        self.rows["damped_excess"].append(damped[1:].mean() - damped[0])
        mass, diameter = hi_mass_and_diameter(maps, pixel_kpc)
        for who, part in (("truth", slice(0, 1)), ("samples", slice(1, None))):
            self.rows[f"mass_{who}"].extend(mass[part])
            self.rows[f"diameter_{who}"].extend(diameter[part])

    def metrics(self) -> dict[str, float]:
        """Offset of the samples from the truths about the size-mass relation, and scatter about it, in dex."""
        found = {"damped_excess": 100 * mean(self.rows["damped_excess"])}
        for who in ("truth", "samples"):
            residual = size_residual(self.rows[f"mass_{who}"], self.rows[f"diameter_{who}"])
            residual = residual[np.isfinite(residual)]
            found[f"size_offset_{who}"] = float(np.mean(residual)) if residual.size else np.nan
            found[f"size_scatter_{who}"] = float(np.std(residual)) if residual.size > 1 else np.nan
        found["size_shift"] = found["size_offset_samples"] - found["size_offset_truth"]
        return found

    def curves(self) -> dict:
        """Mass (Msun) and diameter (kpc) of each truth and of the samples."""
        return {f"hi_{name}": np.asarray(self.rows[name]) for name in self.rows if name != "damped_excess"}
