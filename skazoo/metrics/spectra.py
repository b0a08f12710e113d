r"""Two-point statistics of maps in physical units: power, cross-power, transfer function, correlation.

Conventions, the same in every function here:

* wavenumbers are angular, k = 2 pi / wavelength, in kpc^-1; k_f = 2 pi / L for a frame of side L;
* the mean of each map is subtracted, then the map is multiplied by a window w(x);
* P(k) = |pixel^2 sum_x w(x) (X(x) - <X>) exp(-i k.x)|^2 / (A <w^2>), unit [X]^2 kpc^2, A the frame's area.
  It keeps the amplitude: X -> a X gives a^2 P, white noise of variance s^2 gives s^2 pixel^2 at every k;
* bins are k_f wide and centred on 1, 2, ... k_f, up to the Nyquist wavenumber pi/pixel, without the corners of
  the Fourier plane; the k of a bin is the mean |k| of its modes.

The default window is the separable periodic Hann window, right for cut-outs, whose opposite edges do not match. Use
`window=None` for periodic maps; with `corner_modes=True` Parseval's theorem then holds exactly:
sum over bins of P times the number of modes, over A, is the variance of the map.
The top 30 % of the wavenumbers (k > 0.7 pi/pixel) are shaped by the pixel and by the renderer's kernel.

Formulas: Peacock & Dodds (1996), sec. 2; Harris (1978) for the window correction; see also
Villaescusa-Navarro et al. (2022), CAMELS Multifield Dataset, for the same statistics of such maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import astropy.units as u
import numpy as np
from scipy import sparse

from ..errors import ParameterError
from .inputs import as_maps, as_pixel_scale, same_unit

__all__ = [
    "WavenumberBins",
    "cross_correlation",
    "cross_spectrum",
    "power_spectrum",
    "transfer_function",
    "wavenumber_bins",
]

FEWEST_MODES = 8  # of a logarithmic bin; leaner ones are merged with the next


@dataclass(frozen=True, eq=False)
class WavenumberBins:
    """Rings of the Fourier plane of maps of one shape.

    Attributes:
        k: (bins,) mean |k| of the modes in each ring (kpc^-1).
        edges: (bins + 1,) ring boundaries (kpc^-1).
        modes: (bins,) number of Fourier modes in each ring.
        averaging: sparse (bins, H * W) matrix that averages over each ring.
    """

    k: np.ndarray
    edges: np.ndarray
    modes: np.ndarray
    averaging: sparse.csr_matrix

    def average(self, plane: np.ndarray) -> np.ndarray:
        """Average (n, H, W) values in FFT order over the rings: (n, bins)."""
        return (self.averaging @ plane.reshape(len(plane), -1).T).T


def wavenumber_bins(shape, pixel_scale, bins="linear", corner_modes: bool = False) -> WavenumberBins:
    """Divide the Fourier plane of (H, W) maps into rings.

    Args:
        shape: (H, W) of the maps.
        pixel_scale: side of a pixel (Quantity, or number of kpc).
        bins: "linear" for rings k_f wide; a whole number for so many logarithmic rings (fewer where a ring would
            hold under 8 modes); or increasing edges (Quantity, or kpc^-1).
        corner_modes: also take the modes beyond the Nyquist wavenumber, in the corners of the plane.

    Raises:
        ParameterError: no ring holds a mode, or the edges do not increase.
    """
    scale, _ = as_pixel_scale(pixel_scale)
    if isinstance(bins, u.Quantity):
        bins = bins.to_value(u.kpc**-1)
    if not isinstance(bins, (str, int, np.integer)):
        bins = tuple(float(edge) for edge in bins)
    return cached_bins(tuple(int(side) for side in shape[-2:]), scale, bins, bool(corner_modes))


@lru_cache(maxsize=32)
def cached_bins(shape, scale, bins, corner_modes) -> WavenumberBins:
    """`wavenumber_bins` of hashable arguments: shape (H, W), scale in kpc per pixel."""
    rows, columns = (2 * np.pi * np.fft.fftfreq(side, scale) for side in shape)
    radius = np.hypot(rows[:, None], columns[None, :]).ravel()
    fundamental = 2 * np.pi / (max(shape) * scale)
    end = radius.max() if corner_modes else np.pi / scale
    if bins == "linear":
        edges = fundamental * (np.arange(int(end / fundamental + (1.5 if corner_modes else 0.5))) + 0.5)
    elif isinstance(bins, str):
        raise ParameterError(f"bins must be 'linear', a number of logarithmic bins or edges, but is {bins!r}.")
    elif isinstance(bins, (int, np.integer)):
        if bins < 1:
            raise ParameterError(f"bins must be at least 1, but is {bins}.")
        edges = np.geomspace(0.5 * fundamental, end * (1 + 1e-9), bins + 1)
    else:
        edges = np.asarray(bins)
        if len(edges) < 2 or not np.all(np.diff(edges) > 0):
            raise ParameterError("bins must be at least two increasing edges in kpc^-1.")
    if isinstance(bins, (int, np.integer)):
        edges = merge_lean(edges, radius)
    if len(edges) < 2:
        raise ParameterError(f"maps of {shape[0]} x {shape[1]} pixels are too small for a power spectrum.")
    ring = np.digitize(radius, edges) - 1
    ring[radius == 0] = -1  # the mean is no fluctuation
    inside = np.flatnonzero((ring >= 0) & (ring < len(edges) - 1))
    modes = np.bincount(ring[inside], minlength=len(edges) - 1)
    if np.any(modes == 0):
        raise ParameterError("some of the bins hold no Fourier mode of these maps; use wider bins.")
    weights = 1.0 / modes[ring[inside]]
    averaging = sparse.csr_matrix((weights, (ring[inside], inside)), shape=(len(modes), radius.size))
    return WavenumberBins(averaging @ radius, edges, modes, averaging)


def merge_lean(edges: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Drop edges so that every bin holds at least `FEWEST_MODES` of the modes at `radius`."""
    order = np.sort(radius[radius > 0])
    kept = [edges[0]]
    for edge in edges[1:]:
        if np.searchsorted(order, edge) - np.searchsorted(order, kept[-1]) >= FEWEST_MODES:
            kept.append(edge)
    kept[-1] = edges[-1] if len(kept) > 1 else kept[-1]
    return np.asarray(kept)


def window_plane(window: str | None, shape: tuple[int, int]) -> np.ndarray:
    """The window as an (H, W) array, scaled so that the mean of its square is 1."""
    if window is None:
        return np.ones(shape)
    if window != "hann":
        raise ParameterError(f"window must be 'hann' or None, but is {window!r}.")
    rows, columns = (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in shape)
    plane = rows[:, None] * columns[None, :]
    return plane / np.sqrt(np.mean(plane**2))


def fluctuations(maps: np.ndarray, scale: float, window: str | None) -> np.ndarray:
    """Fourier modes (n, H, W) of windowed maps, normalised so that |mode|^2 is P(k)."""
    centred = maps - maps.mean(axis=(-2, -1), keepdims=True)
    centred[np.ptp(maps, axis=(-2, -1)) == 0] = 0.0  # a constant map has no power, not even that of rounding
    area = maps.shape[-2] * maps.shape[-1] * scale**2
    return np.fft.fft2(centred * window_plane(window, maps.shape[-2:])) * (scale**2 / np.sqrt(area))


def power_spectrum(maps, pixel_scale=None, window: str | None = "hann", bins="linear", corner_modes: bool = False):
    """P(k) of maps, with their unit and amplitude kept.

    Args:
        maps: (n, H, W) or (H, W) array or Quantity in linear physical units, a `Map` or a list of them.
        pixel_scale: side of a pixel (Quantity, or number of kpc); may be left out for `Map`s.
        window: "hann" for cut-outs, None for periodic maps.
        bins, corner_modes: see `wavenumber_bins`.

    Returns:
        k: (bins,) kpc^-1, a Quantity where `pixel_scale` is one.
        p: (n, bins) in unit^2 kpc^2, a Quantity where `maps` is one; exactly 0 for a constant map, NaN for a map
            with a pixel that is not finite.

    Raises:
        ParameterError: wrong shape, window or bins; maps of several units or pixel scales.
    """
    k, p = cross_spectrum(maps, maps, pixel_scale, window, bins, corner_modes)
    return k, p


def cross_spectrum(a, b, pixel_scale=None, window="hann", bins="linear", corner_modes=False):
    """Cross-power Re <A(k) B*(k)> of two sets of maps, which may be of different fields; see `power_spectrum`.

    Returns:
        k: (bins,) kpc^-1.
        p: (n, bins) in unit_a unit_b kpc^2. One map in `a` or `b` is paired with all of the other.

    Raises:
        ParameterError: the shapes differ, or the numbers of maps differ and neither is 1.
    """
    scale, spoken = as_pixel_scale(pixel_scale, a, b)
    first, unit_a = as_maps("a", a)
    second, unit_b = (first, unit_a) if b is a else as_maps("b", b)
    check_pair(first, second)
    rings = wavenumber_bins(first.shape, scale, bins, corner_modes)
    one = fluctuations(first, scale, window)
    two = one if b is a else fluctuations(second, scale, window)
    p = rings.average((one * two.conj()).real)
    k = rings.k / u.kpc if spoken else rings.k
    if unit_a is None and unit_b is None:
        return k, p
    unit = (unit_a or u.dimensionless_unscaled) * (unit_b or u.dimensionless_unscaled)
    return k, p * (unit * u.kpc**2)


def cross_correlation(a, b, pixel_scale=None, window="hann", bins="linear", corner_modes=False):
    """r(k) = P_ab / sqrt(P_aa P_bb), dimensionless, in [-1, 1]: are the structures in the same places?

    It is blind to the amplitude at each k, so read it together with `transfer_function`: a blurred prediction has
    a high r. 1 - r^2 is the stochasticity. The fields and units of `a` and `b` may differ.

    Returns:
        k (bins,) kpc^-1 and r (n, bins); NaN where one of the maps has no power at all.
    """
    scale, spoken = as_pixel_scale(pixel_scale, a, b)
    first, second = as_maps("a", a)[0], as_maps("b", b)[0]
    k, cross = cross_spectrum(first, second, scale, window, bins, corner_modes)
    power = power_spectrum(first, scale, window, bins, corner_modes)[1]
    power = power * power_spectrum(second, scale, window, bins, corner_modes)[1]
    r = np.full(cross.shape, np.nan)
    np.divide(cross, np.sqrt(power), out=r, where=power > 0)
    return (k / u.kpc if spoken else k), r


def transfer_function(sample, truth, pixel_scale=None, window="hann", bins="linear", corner_modes=False):
    """T(k) = sqrt(P_sample / P_truth), dimensionless: does the sample have the right power on each scale?

    1 is right, below 1 is blurred, above 1 is too rough. It says nothing of where the structures are.

    Returns:
        k (bins,) kpc^-1 and T (n, bins); NaN where the truth has no power at all.

    Raises:
        ParameterError: `sample` and `truth` differ in shape, or in unit beyond conversion.
    """
    scale, spoken = as_pixel_scale(pixel_scale, sample, truth)
    (first, unit_s), (second, unit_t) = as_maps("sample", sample), as_maps("truth", truth)
    factor = same_unit("truth", unit_t, "sample", unit_s)
    check_pair(first, second, "sample", "truth")
    k, top = power_spectrum(first * factor, scale, window, bins, corner_modes)
    bottom = power_spectrum(second, scale, window, bins, corner_modes)[1]
    top, bottom = np.broadcast_arrays(top, bottom)
    t = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=t, where=bottom > 0)
    return (k / u.kpc if spoken else k), np.sqrt(t)


def check_pair(a: np.ndarray, b: np.ndarray, first: str = "a", second: str = "b") -> None:
    """Raise `ParameterError` unless two sets of maps (n, H, W) can be paired."""
    if a.shape[1:] != b.shape[1:]:
        raise ParameterError(
            f"{first} has maps of {a.shape[1:]} pixels and {second} of {b.shape[1:]}; they must agree."
        )
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ParameterError(f"{first} holds {len(a)} maps and {second} {len(b)}; give as many, or one.")
