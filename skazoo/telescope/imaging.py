"""The measurement itself: sky to visibilities and back, by non-uniform FFT (finufft).

Conventions, used everywhere in this package:
    V(u, v, w) = sum over pixels of I exp(-2 pi i (u l + v m + w (n - 1))),  n = sqrt(1 - l^2 - m^2)
    image axes are (m, l): row j has m = (j - npix // 2) d, column i has l = (i - npix // 2) d, with d the
    pixel scale in radians, so that the phase centre is the centre of pixel [npix // 2, npix // 2];
    uvw in metres, antenna q minus antenna p for p < q; image in Jy/pixel, visibilities in Jy.
"""

from __future__ import annotations

import astropy.units as u
import finufft
import numpy as np
from astropy.constants import c

from ..errors import ParameterError, check_positive

__all__ = ["image", "point_spread_function", "predict", "w_term_matters", "w_turns"]

W_TURNS = 1e-3  # below this many turns of phase at the corner of the image, w is dropped
ACCURACY = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-9}


def predict(image, pixel_scale, uvw, frequency, w_term: bool | str = "auto") -> np.ndarray:
    """The visibilities of a sky.

    Args:
        image: (npix, npix) Jy/pixel, axes (m, l); float32 is computed in single precision (1e-5), anything
            else in double (1e-6 or better).
        pixel_scale: angle `Quantity` or radians.
        uvw: (..., 3) metres.
        frequency: `Quantity` or Hz.
        w_term: "auto" drops w where `w_term_matters` says it may; True and False force it.

    Returns:
        (...) complex64 or complex128, Jy.

    Raises:
        ParameterError: image not square or not finite, uvw without a last axis of 3.

    The sum is exact for any baseline, but a sky of pixels means nothing beyond 1 / (2 pixel_scale)
    wavelengths: `Observation` leaves longer baselines out.
    """
    image = np.asarray(getattr(image, "value", image))
    if image.ndim != 2 or image.shape[0] != image.shape[1]:
        raise ParameterError(f"image must be square, (npix, npix), but has shape {image.shape}.")
    if not np.isfinite(image).all():
        raise ParameterError("image must be finite, but holds NaN or infinity.")
    real = np.float32 if image.dtype == np.float32 else np.float64
    turns, shape = _phases(uvw, frequency, pixel_scale)
    values = np.ascontiguousarray(image, np.complex64 if real is np.float32 else np.complex128)
    eps = ACCURACY[np.dtype(real)]
    if _use_w(w_term, uvw, frequency, len(image), pixel_scale):
        l, m, drop = _directions(len(image), _radian(pixel_scale), real)
        return finufft.nufft3d3(
            l,
            m,
            drop,
            values.ravel(),
            *_per_radian(turns, pixel_scale, real),
            isign=-1,
            eps=eps,
            nthreads=_threads(turns),
        ).reshape(shape)
    x, y = _fold(turns, real)
    return finufft.nufft2d2(y, x, values, isign=-1, eps=eps, nthreads=_threads(turns)).reshape(shape)


def image(vis, uvw, frequency, npix: int, pixel_scale, weights=None, w_term: bool | str = "auto") -> np.ndarray:
    """The dirty image: sum of w Re(V exp(+2 pi i (u l + v m + w (n - 1)))) over the sum of w.

    Args:
        vis: (...) complex, Jy; complex64 is computed in single precision.
        uvw: (..., 3) metres.
        frequency: `Quantity` or Hz.
        npix, pixel_scale: the image; angle `Quantity` or radians.
        weights: (...) not negative; equal where none are given.
        w_term: as in `predict`.

    Returns:
        (npix, npix) float32 or float64, Jy/beam, axes (m, l).

    Raises:
        ParameterError: shapes that do not fit, negative weights or none above zero.
    """
    vis = np.asarray(vis)
    real = np.float32 if vis.dtype == np.complex64 else np.float64
    turns, shape = _phases(uvw, frequency, pixel_scale)
    if vis.shape != shape:
        raise ParameterError(f"vis has shape {vis.shape}, but uvw is for {shape}.")
    if int(npix) != npix or npix < 1:
        raise ParameterError(f"npix must be a whole number of at least 1, but is {npix}.")
    weights = np.ones(shape) if weights is None else np.asarray(weights)
    if weights.shape != shape:
        raise ParameterError(f"weights have shape {weights.shape}, but uvw is for {shape}.")
    total = weights.sum(dtype=np.float64)
    if not (np.isfinite(total) and total > 0 and weights.min() >= 0):
        raise ParameterError("weights must be finite and not negative, and some of them above zero.")
    strengths = np.ascontiguousarray(vis * (weights / total), np.complex64 if real is np.float32 else np.complex128)
    eps = ACCURACY[np.dtype(real)]
    if _use_w(w_term, uvw, frequency, npix, pixel_scale):
        l, m, drop = _directions(npix, _radian(pixel_scale), real)
        u_, v_, w_ = _per_radian(turns, pixel_scale, real)
        pixels = finufft.nufft3d3(u_, v_, w_, strengths.ravel(), l, m, drop, isign=1, eps=eps, nthreads=_threads(turns))
        return np.ascontiguousarray(pixels.real.reshape(npix, npix))
    x, y = _fold(turns, real)
    return np.ascontiguousarray(
        finufft.nufft2d1(y, x, strengths.ravel(), (npix, npix), isign=1, eps=eps, nthreads=_threads(turns)).real
    )


def point_spread_function(uvw, frequency, npix: int, pixel_scale, weights=None) -> np.ndarray:
    """The dirty image of a 1 Jy point at the phase centre, on the doubled grid: (2 npix, 2 npix) float64.

    Its peak, 1, is at pixel [npix, npix]; every offset between two pixels of the image is on it. w is left
    out: with it there is no one PSF for the whole field.
    """
    shape = np.shape(uvw)[:-1]
    return image(np.ones(shape, np.complex128), uvw, frequency, 2 * npix, pixel_scale, weights, w_term=False)


def w_turns(uvw, frequency, npix: int, pixel_scale) -> float:
    """Largest phase, in turns, that w puts on the corner of the image: max|w| (1 - n)."""
    corner = npix / 2 * np.sqrt(2) * _radian(pixel_scale)
    if corner >= 1:
        raise ParameterError(f"the image reaches {np.degrees(corner):.0f} deg from its centre; make it smaller.")
    w = np.abs(np.asarray(uvw)[..., 2]).max() * _hertz(frequency) / c.value
    return float(w * (1 - np.sqrt(1 - corner**2)))


def w_term_matters(uvw, frequency, npix: int, pixel_scale) -> bool:
    """Whether "auto" takes w along: its phase at the corner of the image exceeds `W_TURNS` turns."""
    return w_turns(uvw, frequency, npix, pixel_scale) > W_TURNS


def _use_w(w_term, uvw, frequency, npix, pixel_scale) -> bool:
    if w_term not in ("auto", True, False):
        raise ParameterError(f"w_term must be 'auto', True or False, but is {w_term!r}.")
    return w_term_matters(uvw, frequency, npix, pixel_scale) if w_term == "auto" else bool(w_term)


def _hertz(frequency) -> float:
    value = frequency.to_value(u.Hz) if isinstance(frequency, u.Quantity) else float(frequency)
    check_positive("frequency", value)
    return value


def _radian(pixel_scale) -> float:
    value = pixel_scale.to_value(u.rad) if isinstance(pixel_scale, u.Quantity) else float(pixel_scale)
    check_positive("pixel_scale", value)
    return value


def _phases(uvw, frequency, pixel_scale) -> tuple[np.ndarray, tuple[int, ...]]:
    """Phase per pixel of each baseline, (3, K) radians, and the shape of the visibilities."""
    uvw = np.asarray(uvw, np.float64)
    if uvw.ndim < 2 or uvw.shape[-1] != 3 or uvw.size == 0:
        raise ParameterError(f"uvw must have shape (..., 3) and hold a baseline, but has {uvw.shape}.")
    factor = 2 * np.pi * _hertz(frequency) / c.value * _radian(pixel_scale)
    phases = uvw.reshape(-1, 3).T * factor
    return phases, uvw.shape[:-1]


def _threads(phases: np.ndarray) -> int:
    """One thread for few baselines, where starting more costs longer than the sum; 0 lets finufft choose."""
    return 1 if phases.shape[1] < 200_000 else 0


def _fold(phases: np.ndarray, real) -> tuple[np.ndarray, np.ndarray]:
    """Phases per pixel along l and m, in [-pi, pi]: a whole turn from pixel to pixel changes nothing."""
    limit = np.nextafter(real(np.pi), real(0))  # rounding to float32 can step over the end by one unit
    folded = (phases[:2] + np.pi) % (2 * np.pi) - np.pi
    return tuple(np.clip(axis.astype(real), -limit, limit) for axis in folded)


def _per_radian(phases: np.ndarray, pixel_scale, real) -> list[np.ndarray]:
    """2 pi (u, v, w) in wavelengths for the three-dimensional transform, u and v within what pixels sample."""
    axes = (*_fold(phases, np.float64), phases[2])
    return [np.ascontiguousarray(axis / _radian(pixel_scale), real) for axis in axes]


def _directions(npix: int, pixel: float, real) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(l, m, n - 1) of every pixel, rows first: (npix^2,) each."""
    axis = (np.arange(npix) - npix // 2) * pixel
    m, l = np.meshgrid(axis, axis, indexing="ij")
    r2 = l**2 + m**2
    drop = -r2 / (1 + np.sqrt(1 - r2))  # n - 1 without cancellation
    return tuple(np.ascontiguousarray(a.ravel(), real) for a in (l, m, drop))
