r"""Three-point statistics of maps: the bispectrum of equilateral and squeezed triangles.

Conventions are those of `spectra`: angular wavenumbers in kpc^-1, mean subtracted, Hann window by default, amplitude
and unit kept. With X(k) = pixel^2 sum_x w(x) (X(x) - <X>) exp(-i k.x),

    B(k1, k2, k3) = < X(k1) X(k2) X(k3) > / (A <w^3>)   over all closed triangles with sides in the three rings,

in unit^3 kpc^4: 0 for a Gaussian field, a^3 B for X -> a X. All triangles are taken at once: with D_i the map filtered
to ring i and I_i the same of a map of ones in Fourier space, the mean is sum_x D1 D2 D3 / sum_x I1 I2 I3. Rings end at
2/3 of the Nyquist wavenumber, up to where triangles do not wrap around.

The reduced bispectrum Q = B / (P1 P2 + P2 P3 + P3 P1) of the contrast X/<X> - 1 has no unit and little dependence on k:
X = g + f (g^2 - <g^2>) with a Gaussian g has Q = 2 f, to lowest order.

Source: Scoccimarro (2000), ApJ 544, 597 (the estimator); Fry (1984), ApJ 279, 499 (Q).
"""

from __future__ import annotations

from functools import lru_cache

import astropy.units as u
import numpy as np
import scipy.fft

from ..errors import ParameterError, check_choice
from .inputs import as_maps, as_pixel_scale
from .spectra import fluctuations, wavenumber_bins, window_plane

__all__ = ["bispectrum", "reduced_bispectrum"]

SHAPES = ("equilateral", "squeezed")
REACH = 2 / 3  # of the Nyquist wavenumber


def bispectrum(maps, pixel_scale=None, shape: str = "equilateral", window: str | None = "hann"):
    """B(k) of maps, with their unit and amplitude kept.

    Args:
        maps: (n, H, H) or (H, H) array or Quantity in linear physical units, or `Map`s.
        pixel_scale: side of a pixel (Quantity, or number of kpc).
        shape: "equilateral", k1 = k2 = k3 = k; or "squeezed", k1 the lowest ring and k2 = k3 = k.
        window: "hann" for cut-outs, None for periodic maps.

    Returns:
        k: (bins,) kpc^-1, rings k_f wide.
        b: (n, bins) in unit^3 kpc^4; exactly 0 for a constant map.

    Raises:
        ParameterError: another shape or window; maps too small.
    """
    scale, spoken = as_pixel_scale(pixel_scale, maps)
    values, unit = as_maps("maps", maps)
    check_choice("shape", shape, SHAPES)
    k, b, _ = three_point(filtered_to_rings(values, scale, window), scale, shape, window)
    k = k / u.kpc if spoken else k
    return k, b if unit is None else b * (unit**3 * u.kpc**4)


def reduced_bispectrum(maps, pixel_scale=None, shape: str = "equilateral", window: str | None = "hann"):
    """Q(k) of the contrast X/<X> - 1 of positive maps; see `bispectrum`.

    Returns:
        k (bins,) kpc^-1 and Q (n, bins) without unit; NaN where a map has no power or no positive mean.
    """
    check_choice("shape", shape, SHAPES)
    scale, spoken = as_pixel_scale(pixel_scale, maps)
    k, found = reduced_bispectra(as_maps("maps", maps)[0], scale, (shape,), window)
    return (k / u.kpc if spoken else k), found[shape]


def reduced_bispectra(values: np.ndarray, scale: float, shapes=SHAPES, window: str | None = "hann"):
    """k (bins,) and shape -> Q (n, bins) of maps (n, H, H); the shapes share the filtering, which is the work."""
    mean = values.mean(axis=(1, 2), keepdims=True)
    known = np.isfinite(mean) & (mean > 0)
    contrast = np.divide(values, mean, out=np.full(values.shape, np.nan), where=known)
    parts = filtered_to_rings(contrast, scale, window)
    result = {}
    for shape in shapes:
        k, b, products = three_point(parts, scale, shape, window)
        result[shape] = np.divide(b, products, out=np.full(b.shape, np.nan), where=products > 0)
    return k, result


def filtered_to_rings(values: np.ndarray, scale: float, window: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Maps (n, H, H) filtered to each ring (bins, n, H, H), and their P(k) (n, bins)."""
    if values.shape[1] != values.shape[2]:
        raise ParameterError(f"the bispectrum needs square maps, not {values.shape[1:]}.")
    bins, rings, _ = ring_filters(values.shape[1:], scale, SHAPES[0])
    modes = fluctuations(values, scale, window)  # |mode|^2 is P(k)
    power = bins.average(np.abs(modes) ** 2)[:, : len(rings)]
    return np.stack([scipy.fft.ifft2(modes * ring).real for ring in rings]), power


def three_point(parts: tuple[np.ndarray, np.ndarray], scale: float, shape: str, window: str | None):
    """k (bins,), B (n, bins), and P1 P2 + P2 P3 + P3 P1 (n, bins) out of what `filtered_to_rings` gives."""
    check_choice("shape", shape, SHAPES)
    filtered, power = parts
    size = filtered.shape[2:]
    bins, rings, triangles = ring_filters(size, scale, shape)
    plane, area = window_plane(window, size), size[0] * size[1] * scale**2
    first = filtered if shape == "equilateral" else filtered[:1]
    sums = np.sum(first * filtered**2, axis=(2, 3)).T / triangles
    # fluctuations() holds a factor A^-1/2 per mode, and a window of unit mean square
    b = sums * np.sqrt(area) / np.mean(plane**3)
    one = power if shape == "equilateral" else power[:, :1]
    return bins.k[: len(rings)], b, 2 * one * power + power**2


@lru_cache(maxsize=16)
def ring_filters(shape: tuple[int, int], scale: float, which: str):
    """Wavenumber bins, their ring masks (bins, H, W), and sum_x I1 I2 I3 of each triangle."""
    bins = wavenumber_bins(shape, scale)
    count = int(np.sum(bins.edges[1:] <= REACH * np.pi / scale))
    if count < 2:
        raise ParameterError(f"maps of {shape[0]} x {shape[1]} pixels are too small for a bispectrum.")
    rings = np.zeros((count, shape[0] * shape[1]))
    for number in range(count):
        rings[number, bins.averaging[number].indices] = 1.0
    rings = rings.reshape(count, *shape)
    ones = scipy.fft.ifft2(rings).real
    first = ones if which == "equilateral" else ones[:1]
    return bins, rings, np.sum(first * ones**2, axis=(1, 2))
