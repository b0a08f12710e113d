"""How fields go together: cross-spectra of a target with the source and the other targets, in samples and truths."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .averages import band
from .spectra import fluctuations, wavenumber_bins
from .spectral_scores import HIGH, SHOWN, correlation, greatest, same_scale

__all__ = ["RelationScores"]


class RelationScores:
    """r_ab(k) between this field and its partners: of the samples, and of the truths, which it should equal.

    Galaxies of another pixel scale than the first are left out here; `SpectralScores` counts them.
    """

    def __init__(self):
        self.rows = defaultdict(list)

    def prepare(self, shape: tuple[int, int], pixel_kpc: float) -> None:
        """Fix the wavenumbers."""
        self.pixel_kpc, self.bins = pixel_kpc, wavenumber_bins(shape, pixel_kpc)

    def add(self, truth: np.ndarray, samples: np.ndarray, partners: dict, pixel_kpc: float) -> None:
        """Correlate truth (H, W) and samples (M, H, W) with those of other fields.

        Args:
            partners: field -> (its truth (H, W), its samples (M, H, W) or None for a source, which has none).
        """
        if not same_scale(pixel_kpc, self.pixel_kpc):
            return
        mine = np.concatenate([truth[None], samples[:SHOWN]])
        mine = fluctuations(mine, pixel_kpc, "hann")
        power = self.bins.average(np.abs(mine) ** 2)
        for name, (other, drawn) in partners.items():
            theirs = other[None] if drawn is None else np.concatenate([other[None], drawn[:SHOWN]])
            theirs = fluctuations(theirs.astype(np.float64), pixel_kpc, "hann")
            cross = self.bins.average((mine * theirs.conj()).real)
            r = correlation(cross, power, self.bins.average(np.abs(theirs) ** 2))
            self.rows[f"{name}_truth"].append(r[0].astype(np.float32))
            self.rows[f"{name}_samples"].extend(r[1:].astype(np.float32))

    def metrics(self, source: str) -> dict[str, float]:
        """Largest |difference| of the median r_ab(k), samples against truths, k < 0.7 Nyquist; by kind of partner."""
        trusted = self.bins.k * self.pixel_kpc / np.pi <= HIGH
        gaps = {}
        for name in self.partners():
            medians = [band(self.rows[f"{name}_{who}"])["median"] for who in ("truth", "samples")]
            gaps[name] = greatest(np.abs(medians[1] - medians[0])[trusted])
        others = [gap for name, gap in gaps.items() if name != source and np.isfinite(gap)]
        found = {"relation_source": gaps.get(source, np.nan)}
        return found | ({"relation_targets": max(others)} if others else {})

    def partners(self) -> list[str]:
        """The other fields."""
        return [name.removesuffix("_truth") for name in self.rows if name.endswith("_truth")]

    def curves(self) -> dict:
        """Bands of r_ab(k) over galaxies, by partner."""
        return {
            "relations": {
                name: {who: band(self.rows[f"{name}_{who}"]) for who in ("truth", "samples")}
                for name in self.partners()
            }
        }
