"""Where the galaxy is, and its particles around it without the edges of the periodic box."""

from __future__ import annotations

import numpy as np

from ..errors import SimulationError

__all__ = ["densest_point", "unwrap"]


def unwrap(position: np.ndarray, centre: np.ndarray, box: float | None) -> np.ndarray:
    """Positions relative to `centre`, each by its nearest periodic image; (N, 3), same unit as the input.

    Raises:
        SimulationError: a position lies outside the box by more than a box length (the file's box is wrong).
    """
    offset = np.asarray(position, np.float64) - centre
    if not box:
        return offset
    if len(offset) and np.nanmax(np.abs(offset)) > 2.0 * box:
        raise SimulationError(
            f"positions reach {np.nanmax(np.abs(offset)):g} from the centre in a box of side {box:g}; "
            "BoxSize, Coordinates or the centre is wrong."
        )
    return offset - box * np.round(offset / box)


def densest_point(position: np.ndarray, mass: np.ndarray, box: float | None, neighbours: int = 64) -> np.ndarray:
    """Position of the particle with the highest local density, by the distance to its n-th neighbour.

    Samples of more than 200,000 particles are thinned evenly first; ties go to the first particle.
    """
    from scipy.spatial import cKDTree

    step = max(1, len(position) // 200_000)
    points, weights = np.asarray(position[::step], np.float64), np.asarray(mass[::step], np.float64)
    if box:
        points = np.mod(points, box)
    tree = cKDTree(points, boxsize=box or None)
    number = min(neighbours, len(points))
    distance, index = tree.query(points, k=number, workers=-1)
    if number == 1:
        return points[0]
    enclosed = weights[index].sum(axis=1)
    radius = np.maximum(distance[:, -1], np.finfo(float).tiny)
    return points[int(np.argmax(enclosed / radius**3))]
