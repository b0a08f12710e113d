"""Statistics of each map field over the training split, gathered shard by shard."""

from __future__ import annotations

import zlib

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
    """Running statistics of one field: `update` with maps, `merge` with those of other shards, then `result`.

    The pixels of the quantiles are drawn at places that depend on the seed and the name of the map only.
    """

    def __init__(self, field: str, seed: int = 0):
        self.field, self.seed = field, seed
        self.maps = self.pixels = self.zeros = 0
        self.sums = np.zeros(4)  # of x, x^2, compressed x, its square
        self.low, self.high = np.inf, -np.inf
        self._sample: list[np.ndarray] = []

    def update(self, data: np.ndarray, name: str | None = None) -> None:
        """Add one map (H, W) with the name of its example (default: its number)."""
        values = np.asarray(data, np.float64).ravel()
        small = compressed(self.field, values)
        self.sums += values.sum(), values @ values, small.sum(), small @ small
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        self.zeros += int((values == 0.0).sum())
        rng = np.random.default_rng((self.seed, zlib.crc32(str(self.maps if name is None else name).encode())))
        self._sample.append(values[rng.integers(values.size, size=min(_PIXELS_PER_MAP, values.size))])
        self.maps += 1
        self.pixels += values.size

    def state(self) -> dict[str, np.ndarray]:
        """All of it as arrays, for a file; see `merge`."""
        counts = np.array([self.maps, self.pixels, self.zeros], np.int64)
        sample = np.concatenate(self._sample) if self._sample else np.zeros(0)
        return {"counts": counts, "sums": self.sums, "range": np.array([self.low, self.high]), "sample": sample}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add what another one gathered, given its `state()`. The order of merging counts in the last digit only."""
        maps, pixels, zeros = (int(n) for n in state["counts"])
        self.maps, self.pixels, self.zeros = self.maps + maps, self.pixels + pixels, self.zeros + zeros
        self.sums = self.sums + state["sums"]
        self.low, self.high = min(self.low, state["range"][0]), max(self.high, state["range"][1])
        self._sample.append(state["sample"])

    def result(self) -> dict:
        """Plain numbers: maps, min, max, mean, std, zero_fraction, floor, quantiles, and compressed_mean,
        compressed_std (of the maps after the field's compression: what a network's normalisation needs)."""
        mean, square, compressed_mean, compressed_square = (float(s) / self.pixels for s in self.sums)
        sample = np.quantile(np.concatenate(self._sample), _QUANTILES)
        return {
            "maps": self.maps,
            "min": float(self.low),
            "max": float(self.high),
            "mean": mean,
            "std": float(np.sqrt(max(square - mean**2, 0.0))),
            "zero_fraction": self.zeros / self.pixels,
            "floor": FIELDS[self.field].floor,
            "compressed_mean": compressed_mean,
            "compressed_std": float(np.sqrt(max(compressed_square - compressed_mean**2, 0.0))),
            "quantiles": {str(q): float(value) for q, value in zip(_QUANTILES, sample, strict=True)},
        }
