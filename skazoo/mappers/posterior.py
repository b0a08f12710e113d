"""Many samples: drawn in passes of bounded size, and summed up pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .noise import RowNoise

__all__ = ["Posterior", "draw_in_passes", "pixelwise_summary"]


class Posterior(NamedTuple):
    """Pixel-wise summary of samples, in physical units."""

    mean: np.ndarray  # (batch, H, W, C)
    std: np.ndarray  # (batch, H, W, C), n - 1 in the denominator
    quantiles: np.ndarray  # (number of quantiles, batch, H, W, C)


def draw_in_passes(draw: Callable, source: np.ndarray, num_samples: int, seed: int, rows: np.ndarray, chunk: int):
    """`num_samples` draws for each row of `source`, at most `chunk` images at once, which bounds the memory.

    Args:
        draw: (source (n, H, W, S), RowNoise) -> array (n, H, W, T).
        source: (B, H, W, S).
        rows: (B,) numbers of the rows' random streams.

    Returns: (num_samples, B, H, W, T) float32.
    """
    index = np.stack(np.mgrid[:num_samples, : len(source)], axis=-1).reshape(-1, 2)
    parts = []
    for start in range(0, len(index), chunk):
        part = index[start : start + chunk]
        if start:  # fill up the last pass, so that one compiled graph serves all
            part = np.concatenate([part, index[: chunk - len(part)]])
        noise = RowNoise(seed, rows[part[:, 1]], part[:, 0])
        parts.append(np.asarray(draw(source[part[:, 1]], noise), np.float32)[: len(index) - start])
    drawn = np.concatenate(parts)
    return drawn.reshape(num_samples, len(source), *drawn.shape[1:])


def pixelwise_summary(samples: Iterable[np.ndarray], quantiles: Sequence[float]) -> Posterior:
    """Mean, standard deviation and quantiles of the samples (num_samples, H, W, T) of one row after the other."""
    parts = []
    for drawn in samples:
        drawn = drawn.astype(np.float64)
        parts.append((drawn.mean(0), drawn.std(0, ddof=1), np.quantile(drawn, quantiles, axis=0)))
    mean, std, levels = (np.stack(part).astype(np.float32) for part in zip(*parts, strict=True))
    return Posterior(mean, std, np.moveaxis(levels, 1, 0))
