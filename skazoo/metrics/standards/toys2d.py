"""Three densities in the plane, with entropies that are known: the lowest negative log-likelihood there is.

    8 gaussians    means on a circle of radius 4, deviation 0.5, all divided by 1.414       2.832 nats
    checkerboard   uniform on half of the squares of [-4, 4]^2                              ln 32 = 3.4657 nats
    moons          two half circles with Gaussian noise of 0.1 (scikit-learn's make_moons)  1.006 nats

A point is a map: of one pixel with the targets x and y, or, for families that go from pixel to pixel, of one row with
two pixels. There is no source: it is zero.

Source of the first two: Grathwohl et al. (2019), FFJORD, arXiv:1810.01367.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from .benchmark import Benchmark, Score

__all__ = ["PROBLEMS", "benchmarks", "draw_points", "log_density"]

PROBLEMS = ("8gaussians", "checkerboard", "moons")
SCALE, SPREAD, NOISE = 1.414, 0.5, 0.1
ARC = 400  # points that stand for each half circle: closer than a tenth of the noise, so that their sum is the integral
TEST = 10_000


def centres() -> np.ndarray:
    """Means (8, 2) of the Gaussians."""
    angle = np.arange(8) * np.pi / 4
    return 4.0 / SCALE * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def moons(angle: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Points (n, 2) of the upper or lower half circle, without noise."""
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    other = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=-1)
    return np.where(lower[:, None], other, upper)


def draw_points(problem: str, n: int, seed: int) -> np.ndarray:
    """Independent points (n, 2), float64."""
    rng = np.random.default_rng(seed)
    if problem == "8gaussians":
        return centres()[rng.integers(0, 8, n)] + SPREAD / SCALE * rng.standard_normal((n, 2))
    if problem == "checkerboard":
        column, row = rng.integers(0, 4, n), rng.integers(0, 2, n)
        corner = np.stack([2 * column - 4, 4 * row - 4 + 2 * (column % 2)], axis=-1)
        return corner + 2 * rng.random((n, 2))
    return moons(np.pi * rng.random(n), rng.random(n) < 0.5) + NOISE * rng.standard_normal((n, 2))


def log_density(problem: str, points: np.ndarray) -> np.ndarray:
    """ln p of points (n, 2), nats."""
    points = np.asarray(points, np.float64)
    if problem == "checkerboard":
        cell = np.floor((points + 4) / 2).astype(int)
        inside = ((cell >= 0) & (cell < 4)).all(axis=1) & ((cell.sum(axis=1) % 2) == 0)
        return np.where(inside, -np.log(32.0), -np.inf)
    if problem == "8gaussians":
        means, width = centres(), SPREAD / SCALE
    else:
        angle = np.pi * (np.arange(ARC) + 0.5) / ARC
        means = np.concatenate([moons(angle, np.full(ARC, side)) for side in (False, True)])
        width = NOISE
    found = []
    for part in np.array_split(points, max(1, len(points) // 1000)):
        squares = np.sum((part[:, None] - means[None]) ** 2, axis=-1)
        found.append(logsumexp(-0.5 * squares / width**2, axis=1))
    return np.concatenate(found) - np.log(len(means)) - np.log(2 * np.pi * width**2)


def entropy(problem: str, n: int = 40_000, seed: int = 12345) -> float:
    """-<ln p> in nats, by Monte Carlo to about 0.005; exact for the checkerboard."""
    if problem == "checkerboard":
        return float(np.log(32.0))
    return float(-np.mean(log_density(problem, draw_points(problem, n, seed))))


def as_pairs(points: np.ndarray, row: bool) -> tuple[np.ndarray, np.ndarray]:
    """(source, target) maps of points (n, 2): of one pixel and two targets, or of one row of two pixels."""
    target = points.astype(np.float32).reshape((-1, 1, 2, 1) if row else (-1, 1, 1, 2))
    return np.zeros((*target.shape[:3], 1), np.float32), target


def benchmarks() -> list[Benchmark]:
    """All three, for the command. Settings with `row` make maps of one row."""
    return [benchmark(problem) for problem in PROBLEMS]


def benchmark(problem: str) -> Benchmark:
    """One of them."""
    row = [False]  # `make` learns the shape from the family's settings, `draw` and `judge` follow

    def make(family, arguments: dict, seed: int):
        from ...datasets.transforms import Affine

        arguments = dict(arguments)
        row[0] = arguments.pop("row", False)
        spread = float(draw_points(problem, 4000, 0).std())
        target = ("x",) if row[0] else ("x", "y")
        transforms = {"nothing": Affine()} | {name: Affine(0.0, spread) for name in target}
        return family("nothing", target, arguments.pop("image_size", 1), transforms=transforms, seed=seed, **arguments)

    def draw(n: int, seed: int):
        return as_pairs(draw_points(problem, n, seed), row[0])

    def judge(mapper) -> dict[str, Score]:
        points = draw_points(problem, TEST, 777)
        source, target = as_pairs(points, row[0])
        floor, nll = entropy(problem), np.nan
        if mapper.likelihood:
            nll = float(-np.mean(mapper.log_prob(target, source)))
        drawn = np.asarray(mapper.sample(source[:2000], num_samples=1, seed=0)).reshape(-1, 2)
        inside = log_density(problem, drawn) > np.quantile(log_density(problem, points), 0.01) - 1e-9
        return {
            "nll": Score(nll, floor, "nats", str(mapper.likelihood or "")),
            "nll gap": Score(nll + float(np.mean(log_density(problem, points))), 0.0, "nats", "on the same points"),
            "samples inside": Score(float(inside.mean()), 0.99, "", "where the density is that of 99 % of points"),
        }

    return Benchmark(problem, make, draw, judge)
