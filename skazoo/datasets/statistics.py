"""Statistics of each map field over the training split."""

from __future__ import annotations

import numpy as np

from ..maps.fields import FIELDS

__all__ = ["FieldStatistics", "compressed"]

_PIXELS_PER_MAP = 64  # kept for the quantiles
_QUANTILES = (0.001, 0.01, 0.16, 0.5, 0.84, 0.99, 0.999)


def compressed(field: str, values: np.ndarray) -> np.ndarray:
    """The field's compression (log10 above the floor, asinh, or none), without normalisation; float64."""
    spec = FIELDS[field]
    values = np.asarray(values, np.float64)
    if spec.transform == "log10":
        return np.log10(np.maximum(values, spec.floor))
    return np.arcsinh(values / spec.scale) if spec.transform == "asinh" else values


class FieldStatistics:
    """Running statistics of one field; `update` with maps, then `result`.

    The pixels of the quantiles are drawn at random places that depend on the seed and the number of the map only.
    """

    def __init__(self, field: str, seed: int = 0):
        self.field, self.seed = field, seed
        self.maps = self.pixels = self.zeros = 0
        self.sums = np.zeros(2)
        self.compressed_sums = np.zeros(2)
        self.low, self.high = np.inf, -np.inf
        self._sample: list[np.ndarray] = []

    def update(self, data: np.ndarray) -> None:
        """Add one map (H, W)."""
        values = np.asarray(data, np.float64).ravel()
        small = compressed(self.field, values)
        self.sums += values.sum(), np.square(values).sum()
        self.compressed_sums += small.sum(), np.square(small).sum()
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        self.zeros += int((values == 0.0).sum())
        rng = np.random.default_rng((self.seed, self.maps))
        self._sample.append(rng.choice(values, min(_PIXELS_PER_MAP, values.size), replace=False))
        self.maps += 1
        self.pixels += values.size

    def result(self) -> dict:
        """Plain numbers: maps, min, max, mean, std, zero_fraction, quantiles, and compressed_mean, compressed_std
        (of the maps after the field's compression: what a network's normalisation needs)."""

        def moments(sums):
            mean = sums[0] / self.pixels
            return float(mean), float(np.sqrt(max(sums[1] / self.pixels - mean**2, 0.0)))

        mean, std = moments(self.sums)
        compressed_mean, compressed_std = moments(self.compressed_sums)
        sample = np.quantile(np.concatenate(self._sample), _QUANTILES)
        return {
            "maps": self.maps,
            "min": float(self.low),
            "max": float(self.high),
            "mean": mean,
            "std": std,
            "zero_fraction": self.zeros / self.pixels,
            "floor": FIELDS[self.field].floor,
            "compressed_mean": compressed_mean,
            "compressed_std": compressed_std,
            "quantiles": {str(q): float(value) for q, value in zip(_QUANTILES, sample, strict=True)},
        }
