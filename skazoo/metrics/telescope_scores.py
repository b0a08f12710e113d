"""For targets that shine, beside a dirty image: do the samples, observed again, agree with what was observed?"""

from __future__ import annotations

import numpy as np

from .reobservation import jansky_per_unit, observation_of, reduced_chi_square
from .spectral_scores import SHOWN

__all__ = ["TelescopeScores"]


class TelescopeScores:
    """chi^2 of re-observed samples and of the re-observed truth, and the flux that a sample puts on the sky.

    Args:
        field: "hi" or "brightness_temperature".
        view: of the dataset's configuration; see `observation_of`.
    """

    def __init__(self, field: str, view=None):
        self.field, self.view = field, view
        self.samples, self.truths, self.flux = [], [], []

    def add(self, example: dict, truth: np.ndarray, samples: np.ndarray) -> None:
        """Observe truth (H, W) and some of the samples (M, H, W), linear, with the example's telescope."""
        observation = observation_of(example, self.view)
        factor = jansky_per_unit(self.field, observation, float(example["redshift"]))
        skies = np.concatenate([truth[None], samples[:SHOWN]]).astype(np.float64) * factor
        chi = reduced_chi_square(skies, np.asarray(example["ska"], np.float64), observation)
        self.truths.append(chi[0])
        self.samples.extend(chi[1:])
        flux = skies.sum(axis=(1, 2))
        if flux[0] > 0:
            self.flux.extend(flux[1:] / flux[0] - 1)

    def metrics(self) -> dict[str, float]:
        """Medians over galaxies; the flux error in percent, with half its 16-84 % range."""
        low, middle, high = np.quantile(self.flux, (0.16, 0.5, 0.84)) if self.flux else (np.nan,) * 3
        return {
            "chi_square": float(np.median(self.samples)) if self.samples else np.nan,
            "chi_square_truth": float(np.median(self.truths)) if self.truths else np.nan,
            "flux_error": 100 * float(middle),
            "flux_scatter": 100 * float(high - low) / 2,
        }
