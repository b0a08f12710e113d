"""Directions, rotations and evenly spread random numbers."""

from __future__ import annotations

import numpy as np

__all__ = ["GOLDEN_ANGLE", "cross", "directions", "frame_about", "frames_about", "random_rotation", "stratified"]

GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


def stratified(rng: np.random.Generator, count: int) -> np.ndarray:
    """`count` increasing uniform numbers, one in each of as many equal intervals of [0, 1); float32."""
    return (np.arange(count, dtype=np.float32) + rng.random(count, dtype=np.float32)) / np.float32(max(count, 1))


def directions(rng: np.random.Generator, count: int) -> np.ndarray:
    """Isotropic unit vectors, (3, count) float32."""
    z = 2.0 * rng.random(count, dtype=np.float32) - 1.0
    angle = np.float32(2.0 * np.pi) * rng.random(count, dtype=np.float32)
    flat = np.sqrt(np.maximum(1.0 - z * z, 0.0))
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z])


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation matrix drawn uniformly from SO(3), by a random unit quaternion; (3, 3)."""
    w, x, y, z = rng.standard_normal(4)
    norm = np.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / norm, x / norm, y / norm, z / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def frame_about(axis: np.ndarray) -> np.ndarray:
    """A right-handed orthonormal frame whose third column is the unit vector `axis`; (3, 3)."""
    return frames_about(np.asarray(axis)[None])[0]


def cross(vector: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """vector x vectors, for one vector (3,) and many (3, N)."""
    a, b, c = vector
    x, y, z = vectors
    return np.stack([b * z - c * y, c * x - a * z, a * y - b * x])


def frames_about(axes: np.ndarray) -> np.ndarray:
    """Frames of several axes (n, 3): (n, 3, 3), each as `frame_about`."""
    x, y, z = np.asarray(axes, np.float64).T
    # Duff et al. (2017, JCGT 6): free of branches and of singular directions
    sign = np.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    first = np.stack([1.0 + sign * x * x * a, sign * b, -sign * x], axis=1)
    second = np.stack([b, sign + y * y * a, -y], axis=1)
    return np.stack([first, second, np.stack([x, y, z], axis=1)], axis=2)
