"""Everything that is measured of one target field of one mapper, galaxy by galaxy, in memory that hardly grows."""

from __future__ import annotations

import numpy as np

from .amount_scores import AmountScores
from .hydrogen_scores import HydrogenScores
from .memory_scores import MemoryScores
from .noise_bins import NoiseBins
from .pixel_scores import PixelScores
from .relation_scores import RelationScores
from .reobservation import SHINING
from .scales import Scale
from .spectral_scores import SpectralScores
from .structure_scores import StructureScores
from .telescope_scores import TelescopeScores

__all__ = ["FieldScores"]


class FieldScores:
    """Adds up the metrics of one field.

    Args:
        scale: how pixels of the field are compared.
        num_samples: samples a galaxy.
        seed: of broken ties.
        source: names of the source fields.
        train: coarse training maps of the field (see `training_maps`), for the test of memory.
        view: how the dataset was observed, where the source is "ska"; see `observation_of`.
    """

    def __init__(self, scale: Scale, num_samples: int, seed: int, source=(), train=None, view=None):
        self.scale = scale
        self.pixels = PixelScores(scale, num_samples, seed)
        self.spectra = SpectralScores()
        self.amounts = AmountScores(scale, seed)
        self.structure, self.relations, self.source = StructureScores(scale), RelationScores(), tuple(source)
        self.hydrogen = HydrogenScores() if scale.field == "hi" else None
        self.memory = None if train is None else MemoryScores(scale, train)
        seen = "ska" in self.source and scale.field in SHINING
        self.telescope = TelescopeScores(scale.field, view) if seen else None
        self.noise_bins = NoiseBins(scale) if seen else None
        self.scored = self.set_aside = self.nonfinite_samples = 0
        self.galaxies = set()

    def prepare(self, truths: np.ndarray, pixel_kpc: float) -> None:
        """Fix bins and ranges from the first batch of truths (n, H, W), before the first `add`."""
        self.pixels.prepare(self.scale.apply(truths))
        self.spectra.prepare(truths.shape[1:], pixel_kpc)
        self.amounts.prepare(truths.shape[1:], pixel_kpc)
        self.structure.prepare(self.scale.apply(truths), pixel_kpc)
        self.relations.prepare(truths.shape[1:], pixel_kpc)

    def add(self, truth, samples, source, partners: dict, example: dict, galaxy) -> bool:
        """Score one map.

        Args:
            truth: (H, W) and samples: (M, H, W), linear, in the field's unit.
            source: block means of the source on its own comparison scale.
            partners: the other fields of the example; see `RelationScores.add`.
            example: for the side of its pixels, and its observation.
            galaxy: what tells galaxies apart; views of one galaxy are not independent.

        Returns:
            False where a sample is not finite: those are counted and the map is set aside, not averaged away.
        """
        bad = int(np.sum(~np.isfinite(samples).all(axis=(1, 2))))
        if bad:
            self.nonfinite_samples += bad
            self.set_aside += 1
            return False
        pixel_kpc = float(example["pixel_kpc"])
        truth, samples = truth.astype(np.float64), samples.astype(np.float64)
        self.scored += 1
        self.galaxies.add(galaxy)
        self.pixels.add(self.scale.apply(truth), self.scale.apply(samples), source)
        self.spectra.add(truth, samples, pixel_kpc)
        self.amounts.add(truth, samples, pixel_kpc)
        self.structure.add(truth, samples, galaxy)
        self.relations.add(truth, samples, partners, pixel_kpc)
        if self.hydrogen:
            self.hydrogen.add(truth, samples, pixel_kpc)
        if self.memory:
            self.memory.add(truth, samples)
        if self.telescope:
            self.telescope.add(example, truth, samples)
            self.noise_bins.add(example, truth, samples)
        return True

    def metrics(self) -> dict[str, float]:
        """All numbers, one float each; NaN where undefined; empty where no map could be scored."""
        if not self.scored:
            return {}
        independent = len(self.galaxies)
        found = self.pixels.metrics(independent) | self.spectra.metrics(independent) | self.amounts.metrics(independent)
        found |= self.structure.metrics() | self.relations.metrics(self.source[0] if self.source else "")
        for part in (self.hydrogen, self.memory, self.telescope, self.noise_bins):
            found |= part.metrics() if part else {}
        return {name: float(value) for name, value in found.items()}

    def curves(self) -> dict:
        """Small arrays behind the figures; empty where no map could be scored."""
        if not self.scored:
            return {}
        found = self.pixels.curves(len(self.galaxies)) | self.spectra.curves() | self.amounts.curves()
        found |= self.structure.curves() | self.relations.curves()
        return found | (self.hydrogen.curves() if self.hydrogen else {})

    def cases(self) -> dict[str, int]:
        """How many maps were scored, and how many were not and why."""
        return {
            "scored": self.scored,
            "set_aside": self.set_aside,
            "nonfinite_samples": self.nonfinite_samples,
            "empty_truths": self.amounts.empty_truths,
            "other_pixel_scales": self.spectra.other_scales,
        }
