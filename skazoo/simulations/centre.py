"""Where the galaxy is, and its particles around it without the edges of the periodic box."""

from __future__ import annotations

import numpy as np

from ..errors import SimulationError

_STRIP = 8192

__all__ = ["densest_point", "shift", "shrinking_sphere", "unwrap"]


def unwrap(position: np.ndarray, centre: np.ndarray, box: float | None, overwrite: bool = False) -> np.ndarray:
    """Positions relative to `centre`, each by its nearest periodic image; (N, 3), same unit as the input.

    Args:
        overwrite: the memory of `position` may be used.

    Raises:
        SimulationError: a position lies outside the box by more than a box length (the file's box is wrong).
    """
    offset = np.array(position, np.float64, copy=None if overwrite else True, order="C")
    minus = -np.asarray(centre, np.float64)
    for start in range(0, len(offset), _STRIP):  # all steps while the rows are in the processor's cache
        rows = offset[start : start + _STRIP]
        shift(rows, minus)
        farthest = max(-rows.min(), rows.max()) if box else 0.0
        if not farthest <= 2.0 * (box or 0.0):
            raise SimulationError(
                f"positions reach {farthest:g} from the centre in a box of side {box:g}; "
                "BoxSize, Coordinates or the centre is wrong."
            )
        if box and farthest > 0.5 * box:  # else all are near already, and most galaxies are far from the edges
            rows -= box * np.round(rows / box)
    return offset


def shift(rows: np.ndarray, vector: np.ndarray) -> None:
    """Add (3,) to the rows of a contiguous (N, 3) in place.

    NumPy's loop over three columns takes four times as long as this one over a thousand rows at a time.
    """
    flat, strip = rows.reshape(-1), np.tile(vector.astype(rows.dtype), 1024)
    whole = len(flat) // len(strip) * len(strip)
    flat[:whole].reshape(-1, len(strip))[...] += strip
    flat[whole:] += strip[: len(flat) - whole]


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


def shrinking_sphere(
    position: np.ndarray, mass: np.ndarray, box: float | None, start: np.ndarray | None = None, fewest: int = 200
) -> np.ndarray:
    """Centre of mass of ever smaller spheres (Power et al. 2003), from all particles down to `fewest`.

    Each sphere is a tenth smaller than the last; it begins about `start`, or about the densest point of a sample,
    so that the edges of a periodic box and a heavy neighbour do not matter.

    Args:
        position, mass: (N, 3) and (N,), any units.

    Returns: (3,), inside the box.
    """
    centre = np.asarray(densest_point(position, mass, box) if start is None else start, np.float64)
    offset = unwrap(position, centre, box)
    distance2 = np.einsum("ij,ij->i", offset, offset)
    shift = np.zeros(3)
    radius = np.sqrt(np.percentile(distance2, 50.0))
    while True:
        inside = distance2 <= radius**2
        if np.count_nonzero(inside) < fewest or radius <= 0:
            break
        shift = np.average(offset[inside], axis=0, weights=mass[inside])
        distance2 = np.einsum("ij,ij->i", offset - shift, offset - shift)
        radius *= 0.9
    centre = centre + shift
    return np.mod(centre, box) if box else centre
