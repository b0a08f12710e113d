"""Baselines that know a little astronomy or statistics: the HI-halo relation, and quantile regression of each pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, optimize

from .baselines import Baseline, MeanProfile, log_total
from .profiles import pixel_radii
from .scales import scale_of

__all__ = ["HaloRelation", "QuantileRegression"]


class HaloRelation(MeanProfile):
    """The total from a fitted relation to the source's total, painted with the mean profile of galaxies of that total.

    M_target = M0 (M / Mmin)^alpha exp(-(Mmin / M)^0.35), M the total of the first source map, by least squares in dex;
    a power law with a cut at low mass, as hydrodynamical simulations have it for HI.

    Source: Villaescusa-Navarro et al. (2018), ApJ 866, 135, eq. 13.
    """

    def learn(self, source, target):
        whole = target.sum(axis=(1, 2), dtype=np.float64)  # (n, D)
        unit = target / np.where(whole > 0, whole, 1.0)[:, None, None]
        super().learn(source, unit.astype(np.float32))
        mass = log_total(source)
        self.pivot = float(np.median(mass))
        self.relations = []
        for channel in range(target.shape[-1]):
            known = whole[:, channel] > 0
            self.relations.append(fitted(mass[known] - self.pivot, np.log10(whole[known, channel])))

    def predict(self, source):
        shape = super().predict(source)
        sums = shape.sum(axis=(1, 2), keepdims=True)
        totals = np.stack([relation(log_total(source) - self.pivot, *one) for one in self.relations], axis=-1)
        return shape / np.where(sums > 0, sums, 1.0) * 10 ** totals[:, None, None]


def relation(mass, level, slope, cut):
    """log10 of the total: mass is log10 (M / pivot), cut log10 (Mmin / pivot)."""
    return level + slope * (mass - cut) - np.log10(np.e) * 10 ** (0.35 * (cut - mass))


def fitted(mass: np.ndarray, total: np.ndarray) -> tuple[float, float, float]:
    """Parameters of `relation`; robust to outliers; a constant where there are too few points for more."""
    if not len(mass):
        return -np.inf, 0.0, -10.0
    start = (float(np.median(total)), 0.5, float(mass.min() - 1.0))
    if len(mass) < 4 or np.ptp(mass) == 0:
        return start[0], 0.0, -10.0
    bounds = ([-np.inf, -3.0, -8.0], [np.inf, 5.0, float(mass.max()) + 1.0])
    found = optimize.least_squares(lambda p: relation(mass, *p) - total, start, bounds=bounds, loss="soft_l1")
    return tuple(float(value) for value in found.x)


class QuantileRegression(Baseline):
    """Each pixel by itself: its distribution given the source there and around, drawn anew for every pixel.

    A linear model of the source (value and smoothed values on the comparison scale, their squares, the radius) gives
    the expected value; its residuals, in classes of equal number of the expected value, give the quantiles, and so a
    spread that varies. Calibrated pixel by pixel, but neighbours know nothing of each other: the samples are noisy
    where a right sample is smooth. Works on dex for logarithmic fields.

    Args:
        classes: of the expected value.
        levels: quantiles of each class.
        pixels: training pixels to take at most.
        seed: of which pixels.
    """

    deterministic = False
    SMOOTHING = (0.0, 1.5, 4.0)  # pixels

    def __init__(self, source=("dark_matter",), target=("hi",), classes=24, levels=64, pixels=200_000, seed=0):
        super().__init__(source, target)
        self.classes, self.levels, self.pixels, self.seed = classes, levels, pixels, seed
        self.source_scales = [scale_of(name) for name in self.source]
        self.target_scales = [scale_of(name) for name in self.target]

    def learn(self, source, target):
        rng = np.random.default_rng(self.seed)
        take = max(1, min(len(source), self.pixels // source[0, ..., 0].size))
        chosen = np.sort(rng.permutation(len(source))[:take])
        features = self.features(source[chosen])
        flat = features.reshape(-1, features.shape[-1])
        self.shift, self.width = flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-12)
        design = self.design(flat)
        levels = (np.arange(self.levels) + 0.5) / self.levels
        self.weights, self.centres, self.quantiles = [], [], []
        for channel, scale in enumerate(self.target_scales):
            values = scale.apply(target[chosen, ..., channel]).ravel()
            ridge = 1e-6 * len(design) * np.eye(design.shape[1])
            weights = np.linalg.solve(design.T @ design + ridge, design.T @ values)
            expected = design @ weights
            order = np.array_split(np.argsort(expected, kind="stable"), self.classes)
            self.weights.append(weights)
            self.centres.append(np.array([expected[part].mean() for part in order]))
            self.quantiles.append(np.stack([np.quantile(values[part], levels) for part in order]))

    def sample(self, source, num_samples: int = 1, seed: int = 0, rows=None) -> np.ndarray:
        """Draws (num_samples, B, H, W, D) float32; row number `rows[j]` gives the same samples in any batch."""
        expected = Baseline.sample(self, source)[0].astype(np.float64)  # checks, then the model's expectation
        rows = range(len(expected)) if rows is None else rows
        result = np.empty((num_samples, *expected.shape), np.float32)
        for index, row in enumerate(rows):
            level = np.random.default_rng((seed, int(row))).random((num_samples, *expected.shape[1:]), np.float32)
            for channel, scale in enumerate(self.target_scales):
                drawn = self.at(channel, expected[index, ..., channel], level[..., channel])
                result[:, index, ..., channel] = outward(drawn, scale)
        return result

    def at(self, channel: int, expected: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Quantile `level` (M, H, W) at the expected value (H, W), linear between classes and between levels."""
        centres, table = self.centres[channel], self.quantiles[channel]
        place = np.interp(expected, centres, np.arange(len(centres)))
        below = np.minimum(place.astype(int), max(len(centres) - 2, 0))
        above, part = np.minimum(below + 1, len(centres) - 1), place - below
        column = np.clip(level * self.levels - 0.5, 0, self.levels - 1)
        left = np.minimum(column.astype(int), self.levels - 2)
        rest = column - left

        def along(row):
            return (1 - rest) * table[row, left] + rest * table[row, left + 1]

        return (1 - part) * along(below) + part * along(above)

    def predict(self, source):
        design = self.design(self.features(source))
        return np.stack([design @ weights for weights in self.weights], axis=-1)

    def design(self, features: np.ndarray) -> np.ndarray:
        """Constant, standardised features and their squares, on the last axis."""
        standard = (features - self.shift) / self.width
        return np.concatenate([np.ones((*standard.shape[:-1], 1)), standard, standard**2], axis=-1)

    def features(self, source: np.ndarray) -> np.ndarray:
        """(B, H, W, F): each source field smoothed in three ways, and the radius in the frame."""
        found = []
        for channel, scale in enumerate(self.source_scales):
            maps = scale.apply(source[..., channel])
            found += [ndimage.gaussian_filter(maps, (0, width, width), mode="nearest") for width in self.SMOOTHING]
        radius = pixel_radii(source.shape[1:3]) / source.shape[1]
        found.append(np.broadcast_to(radius, source.shape[:3]))
        return np.stack(found, axis=-1)


def outward(values: np.ndarray, scale) -> np.ndarray:
    """From the comparison scale back to linear values; what is at the floor is empty."""
    if not scale.logarithmic:
        return values
    return np.where(values <= np.log10(scale.floor) + 1e-9, 0.0, 10**values)
