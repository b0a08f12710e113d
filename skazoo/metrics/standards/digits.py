"""Handwritten digits of 8 x 8 pixels and 17 grey levels, from scikit-learn's own wheel: likelihoods without a download.

Levels 0 ... 16 are made continuous by uniform noise on [0, 1), so that -log2 of a density, averaged over the noise and
over pixels, is an upper bound of the bits a pixel of the discrete digits (Theis, van den Oord & Bethge 2016,
arXiv:1511.01844), for every family alike. The 1,797 digits are split 1437/360, stratified by class. There is no source:
it is a map of zeros, so that p(target | source) = p(target).

To beat, in bits a pixel of the test digits, computed here: each pixel's own histogram (2.43), the best tree of pairs
(2.21, discrete: for models of levels), and a mixture of 100 diagonal Gaussians (2.63, of the continuous digits).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...errors import ParameterError
from .benchmark import Benchmark, Score

__all__ = ["benchmarks", "chow_liu_bits", "digits", "factorised_bits", "mixture_bits"]

LEVELS, SIZE = 17, 8
HELD_OUT = 144  # of the training digits, on which the best weights are chosen: so few are soon learned by heart
NOISES = 8  # draws of the dequantising noise that a score is averaged over
SMOOTHING = 0.1  # added to every count


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Training (1437, 8, 8) and test (360, 8, 8) digits, whole numbers 0 ... 16.

    Raises:
        ParameterError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ParameterError("the standard 'digits' needs scikit-learn: pip install scikit-learn") from error
    data = load_digits()
    parts = train_test_split(data.images, test_size=360, stratify=data.target, random_state=0)
    return tuple(part.astype(int) for part in parts)


def factorised_bits(train: np.ndarray, test: np.ndarray) -> float:
    """Bits a pixel where each pixel has its own distribution and knows nothing of the others."""
    table = marginals(train)
    flat = test.reshape(len(test), -1)
    return float(-np.mean(np.log2(table[np.arange(flat.shape[1])[None], flat])))


def chow_liu_bits(train: np.ndarray, test: np.ndarray, levels: int = LEVELS) -> float:
    """Bits a pixel of the best tree: each pixel depends on one other, chosen by mutual information.

    Source: Chow & Liu (1968), IEEE Trans. Information Theory 14, 462.
    """
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    flat, unseen = train.reshape(len(train), -1), test.reshape(len(test), -1)
    hot = np.eye(levels)[flat]  # (n, D, levels)
    dims = flat.shape[1]
    matrix = hot.reshape(len(flat), -1)
    pairs = (matrix.T @ matrix).reshape(dims, levels, dims, levels).transpose(0, 2, 1, 3) + SMOOTHING
    pairs /= pairs.sum(axis=(2, 3), keepdims=True)
    alone = pairs.sum(axis=3)
    information = np.sum(pairs * np.log(pairs / (alone[..., None] * alone.transpose(1, 0, 2)[:, :, None, :])), (2, 3))
    np.fill_diagonal(information, 0.0)
    tree = minimum_spanning_tree(1.0 / (1e-9 + information) * (1 - np.eye(dims)))
    order, parents = breadth_first_order(tree, 0, directed=False)
    bits = -np.log2(marginals(train, levels)[0, unseen[:, 0]])
    for child in order[1:]:
        joint = pairs[parents[child], child]
        conditional = joint / joint.sum(axis=1, keepdims=True)
        bits = bits - np.log2(conditional[unseen[:, parents[child]], unseen[:, child]])
    return float(bits.mean() / dims)


def mixture_bits(train: np.ndarray, test: np.ndarray, components: int = 100, seed: int = 0) -> float:
    """Bits a pixel of the continuous digits under a mixture of diagonal Gaussians."""
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(seed)
    several = np.concatenate([continuous(train, rng) for _ in range(3)]).reshape(-1, SIZE * SIZE)
    model = GaussianMixture(components, covariance_type="diag", reg_covar=0.05, random_state=seed, max_iter=60)
    model.fit(several)
    scores = [model.score(continuous(test, rng).reshape(len(test), -1)) for _ in range(NOISES)]
    return float(-np.mean(scores) / np.log(2) / SIZE**2)


def marginals(train: np.ndarray, levels: int = LEVELS) -> np.ndarray:
    """Smoothed histogram (64, levels) of each pixel."""
    flat = train.reshape(len(train), -1)
    counts = np.stack([np.bincount(column, minlength=levels) for column in flat.T]) + SMOOTHING
    return counts / counts.sum(axis=1, keepdims=True)


def continuous(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels with uniform noise on [0, 1) added."""
    return images + rng.random(images.shape)


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch: no source (n, 8, 8, 1), and training digits, drawn with replacement, with fresh noise."""
    rng = np.random.default_rng(seed)
    train = digits()[0][HELD_OUT:]
    return as_pairs(continuous(train[rng.integers(0, len(train), n)], rng))


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """The training digits that `draw` leaves out, each with `NOISES` draws of noise."""
    few = digits()[0][:HELD_OUT]
    return as_pairs(continuous(np.concatenate([few] * NOISES), np.random.default_rng(0)))


def as_pairs(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(source, target) maps of images (n, 8, 8)."""
    target = images[..., None].astype(np.float32)
    return np.zeros_like(target), target


def benchmarks() -> list[Benchmark]:
    """The one problem, for the command."""

    def make(family, arguments: dict, seed: int):
        from ...datasets.transforms import Affine

        train, _ = digits()
        shift, scale = float(train.mean()) + 0.5, float(train.std())
        transforms = {"nothing": Affine(), "digit": Affine(shift, scale)}
        arguments = dict(arguments)
        if arguments.pop("per_level", False):  # a family of levels gets those of the digits
            arguments |= {"levels": LEVELS, "low": -shift / scale, "high": (LEVELS - shift) / scale}
        return family("nothing", "digit", SIZE, transforms=transforms, seed=seed, **arguments)

    return [Benchmark("", make, draw, judge, held_out)]


def judge(mapper, seed: int = 0) -> dict[str, Score]:
    """Bits a pixel of the test digits, and how samples lie among them in the space of pixels."""
    from ..feature_space import manifold

    train, test = digits()
    rng = np.random.default_rng(seed)
    nothing = np.zeros((len(test), SIZE, SIZE, 1), np.float32)
    bits = np.nan
    if mapper.likelihood:
        nats = [mapper.log_prob(continuous(test, rng)[..., None].astype(np.float32), nothing) for _ in range(NOISES)]
        bits = float(-np.mean(nats) / np.log(2) / SIZE**2)
    drawn = np.asarray(mapper.sample(nothing, num_samples=1, seed=seed))[0, ..., 0]
    real = continuous(test, rng).reshape(len(test), -1)
    found = manifold(real, drawn.reshape(len(test), -1), scale=False)
    best = manifold(real, continuous(train[: len(test)], rng).reshape(len(test), -1), scale=False)
    return {
        "bits a pixel": Score(bits, factorised_bits(train, test), "", "reference: each pixel by itself"),
        "": Score(bits, mixture_bits(train, test), "", "reference: mixture of 100 Gaussians"),
        " ": Score(bits, chow_liu_bits(train, test), "", "reference: best tree of levels (discrete)"),
        "density": Score(found.density, best.density, "", "reference: training digits"),
        "coverage": Score(found.coverage, best.coverage, "", "reference: training digits"),
    }
