"""The handwritten digits of `digits` in black and white: ink where the level is 8 or more, in nats an image.

For families that know levels, whose probability of an image is then exact. To beat, computed here: the best tree of
pairs (20.6 nats); each pixel by itself needs 25.2.
"""

from __future__ import annotations

import math

import numpy as np

from .benchmark import Benchmark, Score
from .digits import HELD_OUT, SIZE, as_pairs, chow_liu_bits, digits

__all__ = ["benchmarks"]

INK = 8


def binary() -> tuple[np.ndarray, np.ndarray]:
    """Training (1437, 8, 8) and test (360, 8, 8) digits, 0 or 1."""
    return tuple((part >= INK).astype(int) for part in digits())


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of training digits, drawn with replacement, in the middle of their levels."""
    train = binary()[0][HELD_OUT:]
    return as_pairs(train[np.random.default_rng(seed).integers(0, len(train), n)] + 0.5)


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """The training digits that `draw` leaves out."""
    return as_pairs(binary()[0][:HELD_OUT] + 0.5)


def benchmarks() -> list[Benchmark]:
    """The one problem, for the command."""

    def make(family, arguments: dict, seed: int):
        from ...datasets.transforms import Affine

        transforms = {"nothing": Affine(), "digit": Affine(1.0, 1.0)}
        levels = {"levels": 2, "low": -1.0, "high": 1.0}
        return family("nothing", "digit", SIZE, transforms=transforms, seed=seed, **arguments, **levels)

    return [Benchmark("", make, draw, judge, held_out)]


def judge(mapper) -> dict[str, Score]:
    """Nats an image of the test digits. A level's step is 1, so that density and probability are the same number."""
    train, test = binary()
    source, target = as_pairs(test + 0.5)
    nats = float(-np.mean(mapper.log_prob(target, source)))
    tree = chow_liu_bits(train, test, 2) * SIZE**2 * math.log(2)
    return {"nats an image": Score(nats, tree, "", "reference: best tree")}
