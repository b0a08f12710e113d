"""Ways between two points of a latent space."""

from __future__ import annotations

import numpy as np

__all__ = ["mixed"]


def mixed(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """From `first` (share 0) to `second` (1) along the arc of each row (B, ...), whose length goes over evenly.

    A straight way would lead through points nearer to the middle than any that a Gaussian draws (arXiv:1609.04468).
    """
    shape = (len(first), -1)
    a, b = first.reshape(shape).astype(np.float64), second.reshape(shape).astype(np.float64)
    length_a, length_b = (np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b))
    cosine = np.sum(a * b, axis=1, keepdims=True) / (length_a * length_b)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.maximum(np.sin(angle), 1e-6)
    straight = np.sin(angle) < 1e-4  # nearly parallel: the arc is a line
    of_a = np.where(straight, 1.0 - share, np.sin((1.0 - share) * angle) / sine)
    of_b = np.where(straight, share, np.sin(share * angle) / sine)
    way = of_a * a / length_a + of_b * b / length_b
    return (way * ((1.0 - share) * length_a + share * length_b)).reshape(first.shape).astype(np.float32)
