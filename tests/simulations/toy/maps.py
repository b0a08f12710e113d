"""Plain histogram maps and their summaries, independent of the library's renderer."""

import numpy as np
from scipy.ndimage import gaussian_filter

from skazoo.physics import hi_mass

NPIX, EXTENT = 64, 100.0
FIELDS = ("dark_matter", "hi", "gas", "stars")
FLOORS = {"dark_matter": 1e4, "hi": 1e2, "gas": 1e3, "stars": 1e3}
_Y, _X = np.mgrid[:NPIX, :NPIX] - (NPIX - 1) / 2
_R = np.hypot(_X, _Y)
_RINGS = [(_R >= low) & (_R < high) for low, high in ((0, 3), (3, 6), (6, 10), (10, 16), (16, 24), (24, 32))]
_PROFILE = np.minimum((_R / 2).astype(int), 22)


def log_maps(particles) -> dict:
    """log10 surface density (Msun/kpc^2) of each field, along z, 64 pixels over 100 kpc.

    Every particle is blurred by about its own size: by octaves, from one pixel on.
    """
    gas, dark, stars = particles.gas, particles.dark_matter, particles.stars
    cell = np.cbrt(3.0 / (4.0 * np.pi) * gas.mass.value / gas.density.value)
    columns = {
        "dark_matter": (dark, dark.mass.value, dark.smoothing_length.value / 3.0),
        "hi": (gas, hi_mass(gas).value, cell),
        "gas": (gas, gas.mass.value, cell),
        "stars": (stars, stars.mass.value, stars.smoothing_length.value / 3.0),
    }
    return {
        name: np.log10(np.maximum(_deposit(species.position.value, weight, size), FLOORS[name]))
        for name, (species, weight, size) in columns.items()
    }


def _deposit(position, weight, size):
    scale = NPIX / EXTENT
    pixel = np.floor(position[:, :2] * scale + NPIX / 2).astype(int)
    near = ((pixel >= 0) & (pixel < NPIX)).all(axis=1) & (np.abs(position[:, 2]) < EXTENT / 2)
    octave = np.clip(np.round(np.log2(np.maximum(size * scale, 1.0))), 0, 3).astype(int)
    image = np.zeros((NPIX, NPIX))
    for step in range(4):
        rows = np.flatnonzero(near & (octave == step))
        flat = pixel[rows, 1] * NPIX + pixel[rows, 0]
        part = np.bincount(flat, weight[rows], NPIX**2).reshape(NPIX, NPIX) * scale**2
        image += gaussian_filter(part, 2.0**step, truncate=2.5)
    return image


def _shape(image):
    """Mean of the rings, quadrupole, and what departs from the radial profile."""
    profile = np.bincount(_PROFILE.ravel(), image.ravel()) / np.bincount(_PROFILE.ravel())
    rest = image - profile[_PROFILE]
    weight = (_R < 24) / (_R**2 + 4.0)
    quadrupole = [(rest * weight * (_X**2 - _Y**2)).mean(), (rest * weight * 2.0 * _X * _Y).mean()]
    return [image[ring].mean() for ring in _RINGS], quadrupole, rest


def summary(source: dict, target: dict, fields) -> list:
    """Summaries of a pair: ring means of both, and how alignment, residuals and clumps of the two agree."""
    rings, axis, clumps = _shape(source["dark_matter"])
    peaks = np.argsort(clumps.ravel())[-40:]
    numbers = list(rings)
    for name in fields:
        rings, own_axis, rest = _shape(target[name])
        aligned = axis[0] * own_axis[0] + axis[1] * own_axis[1]
        spread = rest.std() + 1e-9
        numbers += rings + [
            aligned,
            aligned / (np.hypot(*axis) * np.hypot(*own_axis) + 1e-9),
            (clumps * rest).mean() / clumps.std() / spread,
            rest.ravel()[peaks].mean() / spread,
        ]
    return numbers


def discriminate(first, second, given: int = 6) -> float:
    """Five-fold cross-validated AUC of a likelihood-ratio classifier between two sets of paired summaries.

    Each class is a Gaussian of the later columns whose mean is a quadratic function of the first `given`.
    The i-th rows of both sets (the same halo) are always in one fold.
    """
    centre, spread = first.mean(axis=0), first.std(axis=0) + 1e-9
    sets = [(values - centre) / spread for values in (first, second)]
    count = len(first)
    fold = np.arange(count) % 5
    score = np.zeros((2, count))
    for k in range(5):
        held = fold == k
        models = [_conditional(values[~held], given) for values in sets]
        for row, values in enumerate(sets):
            like = [_log_density(values[held], given, *model) for model in models]
            score[row, held] = like[1] - like[0]
    rank = np.argsort(np.argsort(score.ravel()))
    return float((rank[count:].sum() - count * (count - 1) / 2) / count**2)


def _quadratic(values):
    rows, columns = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones((len(values), 1)), values, values[:, rows] * values[:, columns]], axis=1)


def _conditional(values, given):
    design, target = _quadratic(values[:, :given]), values[:, given:]
    weights = np.linalg.solve(design.T @ design + 5.0 * np.eye(design.shape[1]), design.T @ target)
    rest = target - design @ weights
    return weights, rest.T @ rest / len(rest) + 1e-3 * np.eye(rest.shape[1])


def _log_density(values, given, weights, covariance):
    rest = values[:, given:] - _quadratic(values[:, :given]) @ weights
    square = np.einsum("ij,ji->i", rest, np.linalg.solve(covariance, rest.T))
    return -0.5 * square - 0.5 * np.linalg.slogdet(covariance)[1]
