"""Two-point scores of one field, on linear maps, added up galaxy by galaxy."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .averages import MEDIAN_ERROR, band, defined_mean, divided, standard_error
from .spectra import fluctuations, wavenumber_bins

__all__ = ["HIGH", "LOW", "SHOWN", "SpectralScores"]

SHOWN = 4  # samples of each galaxy that enter distributions over galaxies: exchangeable, so a few will do
LOW, MIDDLE, HIGH = 0.3, 0.5, 0.7  # of the Nyquist wavenumber: large scales end, gates end, trusted scales end
CURVES = ("power_truth", "power_samples", "transfer", "transfer_of_mean", "r_truth", "r_samples", "r_mean")


class SpectralScores:
    """Power, transfer function, correlation with the truth and among samples.

    Everything is kept at the wavenumbers (kpc^-1) of the first galaxy; maps of another pixel scale are interpolated
    to them where they overlap, and counted.
    """

    def __init__(self):
        self.rows = defaultdict(list)
        self.other_scales = 0

    def prepare(self, shape: tuple[int, int], pixel_kpc: float) -> None:
        """Fix the wavenumbers."""
        self.pixel_kpc, self.k = pixel_kpc, wavenumber_bins(shape, pixel_kpc).k

    def add(self, truth: np.ndarray, samples: np.ndarray, pixel_kpc: float) -> None:
        """Measure truth (H, W) and samples (M, H, W), linear."""
        stack = np.concatenate([truth[None], samples, samples.mean(axis=0, keepdims=True)])
        modes = fluctuations(stack, pixel_kpc, "hann")
        bins = wavenumber_bins(truth.shape, pixel_kpc)
        power = bins.average(np.abs(modes) ** 2)
        of_truth, of_samples, of_mean = power[0], power[1:-1], power[-1]
        r = correlation(bins.average((modes[1:] * modes[0].conj()).real), power[1:], of_truth)
        found = {
            "power_truth": [of_truth],
            "power_mean": [of_samples.mean(axis=0)],
            "power_samples": of_samples[:SHOWN],
            "transfer": np.sqrt(divided(of_samples[:SHOWN], of_truth)),
            "transfer_of_mean": [np.sqrt(divided(of_mean, of_truth))],
            "r_truth": [r[:-1].mean(axis=0)],
            "r_mean": [r[-1]],
        }
        if len(samples) > 1:
            pairs = modes[1:-1]
            cross = bins.average((pairs * np.roll(pairs, 1, axis=0).conj()).real)
            found["r_samples"] = [correlation(cross, of_samples, np.roll(of_samples, 1, axis=0)).mean(axis=0)]
        self.other_scales += not same_scale(pixel_kpc, self.pixel_kpc)
        for name, rows in found.items():
            self.rows[name].extend(self.on_common_k(bins.k, values, pixel_kpc) for values in rows)

    def on_common_k(self, k: np.ndarray, values: np.ndarray, pixel_kpc: float) -> np.ndarray:
        """Values at the common wavenumbers; NaN outside the range of `k`."""
        if not same_scale(pixel_kpc, self.pixel_kpc):
            values = np.interp(self.k, k, values, left=np.nan, right=np.nan)
        return np.asarray(values, np.float32 if np.max(np.abs(values), initial=0) < 1e30 else np.float64)

    def metrics(self, independent: int) -> dict[str, float]:
        """Numbers over large (k < 0.3 Nyquist) and small (0.3-0.7) scales; NaN where undefined."""
        share = self.k * self.pixel_kpc / np.pi
        low, high, trusted = share < LOW, (share >= LOW) & (share <= HIGH), share <= HIGH
        rows = {name: np.asarray(values, np.float64) for name, values in self.rows.items()}
        median = {name: band(rows[name])["median"] for name in CURVES if name in rows}
        found = {
            "transfer_low": np.mean(median["transfer"][low]),
            "transfer_high": np.mean(median["transfer"][high]),
            "transfer_mean_high": np.mean(median["transfer_of_mean"][high]),
            "transfer_misfit": greatest(np.abs(self.transfer() - 1)),
            "correlation_low": np.mean(median["r_truth"][low]),
            "correlation_high": np.mean(median["r_truth"][high]),
        }
        for name, part in (("transfer_low", low), ("transfer_high", high)):
            found[f"{name}_error"] = found[name] * self.relative_error(rows["transfer"][:, part], independent)
        found |= self.power_misfit(rows["power_mean"][:, trusted], rows["power_truth"][:, trusted], independent)
        if "r_samples" in rows:
            found["correlation_samples"] = np.mean(median["r_samples"][low])
            gaps = defined_mean((rows["r_truth"] - rows["r_samples"])[:, trusted].T)
            gaps = gaps[np.isfinite(gaps)]
            error = standard_error(gaps, independent)
            found["exchange_gap"] = gaps.mean() if gaps.size else np.nan
            found["exchange_sigma"] = divided(found["exchange_gap"], error)
        return found

    def transfer(self) -> np.ndarray:
        """T(k), median over galaxies, at k <= 0.5 Nyquist."""
        trusted = self.k * self.pixel_kpc / np.pi <= MIDDLE
        return band(np.asarray(self.rows["transfer"], np.float64))["median"][trusted]

    @staticmethod
    def relative_error(transfer: np.ndarray, independent: int) -> float:
        """Relative standard error of the median of T, out of the scatter of ln T averaged over the scales (n, bins)."""
        with np.errstate(divide="ignore"):
            logs = defined_mean(np.log(transfer).T)
        logs = logs[np.isfinite(logs)]  # T = 0: a sample without structure, which the median counts and ln cannot
        if independent < 2 or logs.size < 2:
            return np.nan
        low, high = np.quantile(logs, (0.16, 0.84))
        return float(MEDIAN_ERROR * (high - low) / 2 / np.sqrt(independent))

    @staticmethod
    def power_misfit(samples: np.ndarray, truths: np.ndarray, independent: int) -> dict[str, float]:
        """Largest relative misfit of the mean power, in percent, and the largest in standard errors."""
        known = np.isfinite(samples).all(axis=0) & np.isfinite(truths).all(axis=0)
        if not known.any():
            return {"power_ratio": np.nan, "power_sigma": np.nan}
        gap = (samples - truths)[:, known]
        expected = truths[:, known].mean(axis=0)
        misfit = np.abs(divided(gap.mean(axis=0), expected))
        errors = np.array([standard_error(column, independent) for column in gap.T])
        sigmas = np.abs(divided(gap.mean(axis=0), errors))
        return {"power_ratio": 100 * greatest(misfit), "power_sigma": greatest(sigmas)}

    def curves(self) -> dict:
        """Bands over galaxies: quantiles 16, 50, 84 %."""
        found = {"k_per_kpc": self.k, "pixel_kpc": self.pixel_kpc}
        return found | {name: band(self.rows[name]) for name in CURVES if name in self.rows}


def correlation(cross, a, b):
    """r(k) out of a cross-power and two powers, NaN where one of them is 0."""
    return divided(cross, np.sqrt(a * b))


def same_scale(a: float, b: float) -> bool:
    """Whether two pixel scales agree to a part in a thousand."""
    return abs(a / b - 1) < 1e-3


def greatest(values: np.ndarray) -> float:
    """Largest of the defined values, NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else np.nan
