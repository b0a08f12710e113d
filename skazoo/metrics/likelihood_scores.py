"""How probable the truths are under a mapper with a likelihood: nats a map, bits a dimension."""

from __future__ import annotations

import numpy as np

from .averages import standard_error
from .scales import Scale

__all__ = ["LikelihoodScores", "log10_jacobian"]


class LikelihoodScores:
    """Adds up ln p(target | source) over examples; for all target fields together, as `log_prob` gives it.

    bits/dim = -ln p / (ln 2 x number of pixels of all targets). The density is that of linear values in the fields'
    units; for logarithmic fields also per dex, which does not change with the unit: + sum ln(X ln 10) over pixels.

    Args:
        mapper: anything; without `likelihood` and `log_prob` there are no numbers.
        scales: comparison scale of each target field, in order.
        limit: maps to take at most, where a likelihood costs an integration.
    """

    def __init__(self, mapper, scales: list[Scale], limit: int | None = None):
        self.kind = getattr(mapper, "likelihood", None) if hasattr(mapper, "log_prob") else None
        self.mapper, self.scales, self.limit = mapper, scales, limit
        self.bits, self.bits_dex, self.nonfinite = [], [], 0

    def add(self, target: np.ndarray, source: np.ndarray) -> None:
        """Take a batch: target (B, H, W, T) and source (B, H, W, S), linear, float32."""
        room = len(target) if self.limit is None else max(self.limit - len(self.bits) - self.nonfinite, 0)
        target, source = target[:room], source[:room]
        if self.kind is None or not len(target):
            return
        nats = np.asarray(self.mapper.log_prob(target, source), np.float64)
        dims = np.log(2) * target[0].size
        known = np.isfinite(nats)
        self.nonfinite += int(np.sum(~known))
        self.bits.extend(-nats[known] / dims)
        self.bits_dex.extend(-(nats + log10_jacobian(target, self.scales))[known] / dims)

    def metrics(self, independent: int) -> dict[str, float]:
        """Means over maps; empty without a likelihood. A map without a finite one is counted, and spoils the mean."""
        if self.kind is None:
            return {}
        spoiled = self.nonfinite or not self.bits
        return {
            "bits_per_dim": np.nan if spoiled else float(np.mean(self.bits)),
            "bits_per_dim_error": standard_error(self.bits, independent),
            "bits_per_dim_dex": np.nan if spoiled else float(np.mean(self.bits_dex)),
            "likelihood_maps": float(len(self.bits)),
            "nonfinite_likelihoods": float(self.nonfinite),
        }


def log10_jacobian(target: np.ndarray, scales: list[Scale]) -> np.ndarray:
    """ln |dX / dlog10 X| summed over the pixels of the logarithmic channels of (B, H, W, T): (B,)."""
    total = np.zeros(len(target))
    for channel, scale in enumerate(scales):
        if scale.logarithmic:
            values = np.maximum(target[..., channel].astype(np.float64), scale.floor)
            total += np.sum(np.log(values * np.log(10)), axis=(1, 2))
    return total
