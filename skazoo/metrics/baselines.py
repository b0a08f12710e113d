"""Cheap mappers that a learned one has to beat. They fit in seconds, on numpy alone, and speak a mapper's interface.

Those here are deterministic: `sample` gives the same map `num_samples` times, and `evaluate` draws it once. More are in
`regression_baselines` (HI-halo relation, quantile regression) and `telescope_baselines` (CLEAN, Wiener filter).
Maps are in linear physical units, channels last, as `skazoo.datasets.pairs` gives them.
"""

from __future__ import annotations

import numpy as np

from ..errors import DatasetError, ParameterError
from .pixel_scores import block_means
from .profiles import pixel_radii

__all__ = ["Baseline", "HistogramMatching", "MeanProfile", "NearestNeighbour", "Rescale", "fit_baselines"]


class Baseline:
    """The interface; a subclass learns in `learn` and predicts in `predict`.

    Args:
        source: names of the source fields.
        target: names of the target fields.
    """

    deterministic = True
    fitted = False

    def __init__(self, source=("dark_matter",), target=("hi",)):
        self.source, self.target = as_names(source), as_names(target)

    def fit(self, pairs, limit: int = 2000) -> Baseline:
        """Learn from batches (source (B, H, W, C), target (B, H, W, D)) of the training split; returns self.

        Args:
            pairs: iterable of batches, such as `skazoo.datasets.pairs(train, ..., augment=False)`; may be infinite.
            limit: maps to take at most.

        Raises:
            DatasetError: no batch, wrong shapes, or values that are not finite.
        """
        sources, targets, count = [], [], 0
        for source, target in pairs:
            source, target = np.asarray(source, np.float32), np.asarray(target, np.float32)
            self.check(source)
            if target.shape != (*source.shape[:3], len(self.target)):
                raise DatasetError(f"targets of shape {target.shape} do not go with sources of shape {source.shape}.")
            if not (np.isfinite(source).all() and np.isfinite(target).all()):
                raise DatasetError("pairs hold values that are not finite; a baseline cannot learn from them.")
            sources.append(source[: limit - count])
            targets.append(target[: limit - count])
            count += len(sources[-1])
            if count >= limit:
                break
        if not sources:
            raise DatasetError("pairs is empty: a baseline needs at least one batch to fit.")
        self.learn(np.concatenate(sources), np.concatenate(targets))
        self.fitted = True
        return self

    def sample(self, source, num_samples: int = 1, seed: int = 0) -> np.ndarray:
        """Give the prediction `num_samples` times: (num_samples, B, H, W, D) float32; `seed` has no effect.

        Raises:
            ParameterError: the baseline is not fitted.
            DatasetError: the source has another shape than (B, H, W, number of source fields).
        """
        if not self.fitted:
            raise ParameterError(f"{type(self).__name__} is not fitted; call fit(pairs) first.")
        source = np.asarray(source, np.float32)
        self.check(source)
        return np.repeat(self.predict(source)[None].astype(np.float32), num_samples, axis=0)

    def check(self, source: np.ndarray) -> None:
        """Raise `DatasetError` unless (B, H, W, number of source fields)."""
        if source.ndim != 4 or source.shape[-1] != len(self.source):
            raise DatasetError(
                f"source must have shape (batch, H, W, {len(self.source)}) for {self.source}, but has {source.shape}."
            )

    def learn(self, source: np.ndarray, target: np.ndarray) -> None:
        raise NotImplementedError

    def predict(self, source: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Rescale(Baseline):
    """The first source map times one constant a target: the ratio of the totals over the training split."""

    def learn(self, source, target):
        whole = source[..., 0].sum(dtype=np.float64)
        if not whole > 0:
            raise DatasetError(f"the totals of source field {self.source[0]!r} do not add up to a positive number.")
        self.ratio = target.sum(axis=(0, 1, 2), dtype=np.float64) / whole

    def predict(self, source):
        return source[..., :1] * self.ratio


class HistogramMatching(Baseline):
    """Each pixel of the first source map to the target value of the same rank among all training pixels.

    Like `Rescale` it sees no pairs, only the two sets of maps: what a mapper trained without pairs has to beat.

    Args:
        ranks: evenly spaced ranks at which the two distributions are kept, and between which values are interpolated.
    """

    def __init__(self, source=("dark_matter",), target=("hi",), ranks: int = 4096):
        super().__init__(source, target)
        self.ranks = ranks

    def learn(self, source, target):
        rank = np.linspace(0.0, 1.0, self.ranks)
        self.values = np.quantile(source[..., 0], rank)
        self.targets = [np.quantile(target[..., c], rank) for c in range(target.shape[-1])]

    def predict(self, source):
        # of equal values, such as empty pixels, the middle rank
        low, high = (np.searchsorted(self.values, source[..., 0], side=side) for side in ("left", "right"))
        place = np.where(
            high > low, 0.5 * (low + high - 1), np.interp(source[..., 0], self.values, np.arange(self.ranks))
        )
        return np.stack([np.interp(place, np.arange(self.ranks), values) for values in self.targets], axis=-1)


class MeanProfile(Baseline):
    """A round map with the mean radial profile of training galaxies of the same source total.

    Args:
        bins: classes of equal number in the source's total, between whose median totals profiles are interpolated.
    """

    def __init__(self, source=("dark_matter",), target=("hi",), bins: int = 8):
        super().__init__(source, target)
        self.bins = bins

    def learn(self, source, target):
        totals = log_total(source)
        order = np.argsort(totals, kind="stable")
        ring = rings_of(source.shape[1:3])
        counts = np.bincount(ring.ravel())
        self.totals, self.profiles = [], []
        for members in np.array_split(order, min(self.bins, len(order))):
            mean = target[members].mean(axis=0, dtype=np.float64)
            self.totals.append(np.median(totals[members]))
            self.profiles.append(
                [np.bincount(ring.ravel(), mean[..., c].ravel()) / counts for c in range(target.shape[-1])]
            )
        self.totals, self.profiles = np.asarray(self.totals), np.asarray(self.profiles)

    def predict(self, source):
        ring = rings_of(source.shape[1:3])
        place = np.interp(log_total(source), self.totals, np.arange(len(self.totals)))
        below = np.minimum(place.astype(int), max(len(self.totals) - 2, 0))
        above = np.minimum(below + 1, len(self.totals) - 1)
        part = (place - below)[:, None, None]
        profiles = (1 - part) * self.profiles[below] + part * self.profiles[above]  # (B, D, rings)
        return np.moveaxis(profiles[:, :, ring], 1, -1)


class NearestNeighbour(Baseline):
    """The target of the training galaxy whose source is most alike: least squares over 8 x 8 block means in dex.

    Fields with negative values are compared linearly, over their standard deviation.
    """

    def learn(self, source, target):
        self.positive = (source >= 0).all(axis=(0, 1, 2))
        means = source.mean(axis=(0, 1, 2), dtype=np.float64)
        self.floor = np.where(self.positive & (means > 0), 1e-4 * means, 1.0)
        self.width = np.maximum(source.std(axis=(0, 1, 2), dtype=np.float64), 1e-30)
        self.features, self.targets = self.describe(source), target

    def describe(self, source):
        parts = []
        for channel in range(source.shape[-1]):
            blocks = block_means(source[..., channel].astype(np.float64), min(8, *source.shape[1:3]))
            if self.positive[channel]:
                parts.append(np.log10(np.maximum(blocks, self.floor[channel])))
            else:
                parts.append(blocks / self.width[channel])
        return np.concatenate(parts, axis=1)

    def predict(self, source):
        features = self.describe(source)
        distance = np.sum(self.features**2, axis=1)[None] - 2 * features @ self.features.T
        return self.targets[np.argmin(distance, axis=1)]


def fit_baselines(pairs, source, target, limit: int = 2000, view=None) -> dict:
    """Fit every baseline on the same batches: {"rescale": ..., "mean profile": ..., ...}.

    Where the source has "dark_matter" and the target is of totals, the relation is among them; where the source is the
    dirty image and the target shines, CLEAN and the Wiener filter are.

    Args:
        pairs: iterable of batches (source, target) of the training split; it is read once.
        source, target: field names.
        limit: maps to take at most.
        view: how the dataset was observed (`builder.builder_config.view`); by default as the toy configurations are.
    """
    from .regression_baselines import HaloRelation, QuantileRegression
    from .reobservation import SHINING
    from .telescope_baselines import Clean, WienerFilter

    kept, count = [], 0
    for batch in pairs:
        kept.append(batch)
        count += len(batch[0])
        if count >= limit:
            break
    kinds = {"rescale": Rescale, "histogram matching": HistogramMatching}
    kinds |= {"mean profile": MeanProfile, "nearest neighbour": NearestNeighbour}
    if as_names(source)[0] == "dark_matter":
        kinds["HI-halo relation"] = HaloRelation
    kinds["quantile regression"] = QuantileRegression
    found = {name: kind(source, target).fit(kept, limit) for name, kind in kinds.items()}
    if "ska" in as_names(source) and as_names(target) in [(name,) for name in SHINING]:
        found |= {"CLEAN": Clean(source, target, view), "Wiener filter": WienerFilter(source, target, view)}
    return found


def as_names(fields) -> tuple[str, ...]:
    """Field names as a tuple, also of one name."""
    return (fields,) if isinstance(fields, str) else tuple(fields)


def log_total(source: np.ndarray) -> np.ndarray:
    """log10 (B,) of the total of the first source map, of 1e-30 where that is not positive."""
    return np.log10(np.maximum(source[..., 0].sum(axis=(1, 2), dtype=np.float64), 1e-30))


def rings_of(shape: tuple[int, int]) -> np.ndarray:
    """Whole-pixel rings (H, W) about the middle of the frame."""
    return np.unique(pixel_radii(tuple(shape)).astype(int), return_inverse=True)[1].reshape(shape)
