"""Scores by how far a galaxy stands out of the noise: where does a deconvolution, learned or not, stop to help?"""

from __future__ import annotations

import numpy as np

from .probabilistic import crps
from .scales import Scale
from .spectra import fluctuations, wavenumber_bins
from .spectral_scores import LOW, correlation

__all__ = ["BINS", "NoiseBins"]

BINS = {"faint": (0.0, 5.0), "middle": (5.0, 15.0), "bright": (15.0, np.inf)}  # peak of the dirty map over its noise


class NoiseBins:
    """CRPS, and flux and r(k) of the posterior mean, in three classes of signal to noise.

    The mean, not a sample, stands beside CLEAN and the Wiener filter, which are single estimates too.
    """

    def __init__(self, scale: Scale):
        self.scale, self.rows = scale, []

    def add(self, example: dict, truth: np.ndarray, samples: np.ndarray) -> None:
        """Score truth (H, W) and samples (M, H, W), linear, of an example with `ska` and `noise_rms`."""
        signal = float(np.max(example["ska"]) / example["noise_rms"])
        mean = samples.mean(axis=0)
        miss = float(np.mean(crps(self.scale.apply(samples), self.scale.apply(truth))))
        total = float(truth.sum())
        flux = abs(float(mean.sum()) / total - 1) if total > 0 else np.nan
        pixel_kpc = float(example["pixel_kpc"])
        modes = fluctuations(np.stack([truth, mean]), pixel_kpc, "hann")
        bins = wavenumber_bins(truth.shape, pixel_kpc)
        power = bins.average(np.abs(modes) ** 2)
        r = correlation(bins.average((modes[1] * modes[0].conj()).real[None])[0], power[1], power[0])
        large = r[bins.k * pixel_kpc / np.pi < LOW]
        large = large[np.isfinite(large)]  # of a map without structure there is none
        self.rows.append((signal, miss, flux, large.mean() if large.size else np.nan))

    def metrics(self) -> dict[str, float]:
        """Mean CRPS, median |flux error| in percent and mean r(k < 0.3 Nyquist) of each class; NaN where empty."""
        rows, found = np.asarray(self.rows, np.float64).reshape(-1, 4), {}

        def of(function, values):
            values = values[np.isfinite(values)]
            return float(function(values)) if values.size else np.nan

        for name, (low, high) in BINS.items():
            part = rows[(rows[:, 0] >= low) & (rows[:, 0] < high)]
            found[f"cases_{name}"] = float(len(part))
            found[f"crps_{name}"] = of(np.mean, part[:, 1])
            found[f"flux_error_{name}"] = 100 * of(np.median, part[:, 2])
            found[f"correlation_{name}"] = of(np.mean, part[:, 3])
        return found
