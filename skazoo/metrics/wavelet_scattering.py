r"""Scattering coefficients: what a small fixed convolutional network with wavelets sees in a map.

    S1(j, l) = < |X * psi_jl| >_x        S2(j1, l1, j2, l2) = < ||X * psi_j1l1| * psi_j2l2| >_x,   j2 > j1

with Morlet wavelets psi at scales 2^j (j = 0 ... J-1) in L directions over half a turn. Averaged over directions: S1
over l, S2 over l1 at fixed |l2 - l1|. S1 follows the power spectrum, S2 / S1 the sparsity and shape of structure beyond
it. Features are the logarithms ln S1 and ln(S2 / S1), which have no unit and few outliers.

Give maps on a comparison scale (dex, or linear for signed fields); convolutions wrap around at the edges.

Sources: Bruna & Mallat (2013), IEEE PAMI 35, 1872; Cheng, Ting, Menard & Bruna (2020), MNRAS 499, 5902 (reduced
coefficients); Zhao, Ting, Diao & Mao (2023), MNRAS 526, 1699 (Frechet scattering distance).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft

from ..errors import ParameterError
from .inputs import as_maps

__all__ = ["frechet_distance", "scattering", "scattering_features"]

DIRECTIONS = 4
FAINT = 1e-12  # below this share of the largest, a coefficient is rounding


def scattering(maps, scales: int | None = None, directions: int = DIRECTIONS) -> tuple[np.ndarray, np.ndarray]:
    """S1 (n, J) and S2 (n, J (J-1)/2, L//2 + 1) averaged over directions, in the unit of the maps.

    Args:
        maps: (n, H, W).
        scales: J; log2 of the smaller side less 2 by default.
        directions: L.

    The order of the pairs is (0, 1), (0, 2) ... (J-2, J-1); the last axis is |l2 - l1| from 0 to L//2.
    """
    values, _ = as_maps("maps", maps)
    most = int(np.log2(min(values.shape[1:]))) - 1
    scales = most - 1 if scales is None else scales
    if not 2 <= scales <= most:
        raise ParameterError(f"scales must lie between 2 and {most} for maps of {values.shape[1:]}, but is {scales}.")
    bank = wavelets(values.shape[1:], scales, directions)
    first = np.zeros((len(values), scales))
    second = np.zeros((len(values), scales * (scales - 1) // 2, directions // 2 + 1))
    pairs = {pair: number for number, pair in enumerate((i, j) for i in range(scales) for j in range(i + 1, scales))}
    turns = np.abs(np.arange(directions)[:, None] - np.arange(directions)[None, :])
    turns = np.minimum(turns, directions - turns)
    weight = 1.0 / np.bincount(turns.ravel())
    for index, image in enumerate(values):
        seen = scipy.fft.fft2((image - image.mean()).astype(np.float32))
        for j in range(scales):
            outline = np.abs(scipy.fft.ifft2(seen * bank[j]))  # (L, H, W)
            first[index, j] = outline.mean()
            if j == scales - 1:
                continue
            again = scipy.fft.fft2(outline)
            for other in range(j + 1, scales):
                found = reduced(again, bank[other])
                means = np.abs(scipy.fft.ifft2(found)).mean(axis=(2, 3))  # (l1, l2)
                row = second[index, pairs[j, other]]
                np.add.at(row, turns, means * weight[turns])
    return first, second


def reduced(spectra: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Products (l1, l2, h, w) of spectra and filters, on the coarsest grid that holds the band of the filters.

    The wavelets of large scales have no power at high wavenumbers, so the same map comes out with fewer pixels.
    """
    rows, columns = filters.shape[1:]
    used = np.max(np.abs(filters), axis=0) > 1e-4
    need = max(np.max(np.abs(waves(side))[used.any(axis=1 - axis)]) for axis, side in enumerate((rows, columns)))
    while min(rows, columns) % 4 == 0 and min(rows, columns) // 4 > need:
        rows, columns = rows // 2, columns // 2
    take = np.ix_(waves(rows), waves(columns))
    factor = np.float32(rows * columns / (filters.shape[1] * filters.shape[2]))
    part = filters[(slice(None), *take)] * factor
    return spectra[(slice(None), *take)][:, None] * part[None]


def waves(side: int) -> np.ndarray:
    """Wavenumbers in FFT order as whole numbers, which as indices find the same ones in a longer axis."""
    return np.round(scipy.fft.fftfreq(side, 1 / side)).astype(int)


@lru_cache(maxsize=4)
def wavelets(shape: tuple[int, int], scales: int, directions: int) -> np.ndarray:
    """Morlet wavelets in Fourier space (J, L, H, W), float32: peak near 3 pi / 4 / 2^j, zero mean, peak value 1."""
    rows, columns = (2 * np.pi * np.fft.fftfreq(side) for side in shape)
    bank = np.zeros((scales, directions, *shape))
    for j in range(scales):
        centre, width, thin = 0.75 * np.pi / 2**j, 0.8 * 2**j, 4.0 / directions
        for l in range(directions):
            angle = np.pi * l / directions
            for up in (-1, 0, 1):  # the aliases of a band that reaches over the Nyquist wavenumber
                for right in (-1, 0, 1):
                    y, x = rows[:, None] + 2 * np.pi * up, columns[None, :] + 2 * np.pi * right
                    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
                    envelope = 0.5 * width**2 * (across / thin) ** 2
                    bell = np.exp(-0.5 * width**2 * (along - centre) ** 2 - envelope)
                    low = np.exp(-0.5 * width**2 * along**2 - envelope)
                    bank[j, l] += bell - np.exp(-0.5 * (width * centre) ** 2) * low
            bank[j, l, 0, 0] = 0.0
            bank[j, l] /= np.abs(bank[j, l]).max()
    return bank.astype(np.float32)


def scattering_features(maps, scales: int | None = None) -> np.ndarray:
    """ln S1 and ln(S2 / S1) of maps, one row a map (n, features); NaN for a constant map, which has no structure."""
    first, second = scattering(maps, scales)
    count = first.shape[1]
    parents = np.array([i for i in range(count) for _ in range(i + 1, count)])
    flat = np.concatenate([first, second.reshape(len(second), -1)], axis=1)
    known = (flat > FAINT * flat.max(axis=1, keepdims=True)).all(axis=1) & np.isfinite(flat).all(axis=1)
    features = np.full(flat.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.log(second / first[:, parents, None]).reshape(len(second), -1)
        features[known] = np.concatenate([np.log(first), relative], axis=1)[known]
    return features


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    r"""Squared Frechet distance of two sets of features (n, d), (m, d), each taken as Gaussian.

    |mean_a - mean_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)), in the unit of the features squared. It is biased
    upwards for few rows, so compare it only with the distance of as many real maps from real maps.

    Raises:
        ParameterError: fewer than 2 rows, several widths, or values that are not finite.

    Source: Dowson & Landau (1982), J. Multivariate Analysis 12, 450; Heusel et al. (2017), arXiv:1706.08500.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ParameterError(
            f"features must be (n, d) and (m, d) with 2 rows or more, but are {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ParameterError("features hold values that are not finite; leave those maps out and count them.")
    one, two = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (a, b))
    root = psd_root(one)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0.0)).sum()
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(gap @ gap + np.trace(one) + np.trace(two) - 2 * cross)


def psd_root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
