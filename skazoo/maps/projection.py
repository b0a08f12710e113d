"""The projection kernel: particles with a smoothing length onto a pixel grid, conserving mass.

Every particle is a sphere with the kernel of `spline`, whose support has the given radius h (below in pixels). Each
pixel receives the kernel's mean over its area:

- h <= 1/2 (`tiles`) and h <= 6 (`vectors`): shares of 2 x 2 up to 16 x 16 pixels by the kernel's integral over
  rectangles;
- larger: value at the pixel's centre plus the Laplacian's 1/24, which makes the error fall as h^-4; divided by the
  sum over all pixels, within the frame or not, up to h = 14, from where that sum is the integral to 1e-7.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ..errors import ParameterError, SimulationError, check_positive
from .spline import SPLINE
from .tiles import FAST, PAD, add_quarters, add_squares4, add_squares8, add_squares16

__all__ = ["project"]

# largest support radii (pixels) for squares of 4, 8, 16 pixels a side; the last would hold up to 7.5, but beyond 6 the
# mean at the pixel is the more accurate
_SQUARES = 1.5, 3.5, 6.0
_SUMMED = 14.0  # up to here the weights are divided by their own sum
_BLOCK = 1024
_CHUNKS = 8  # at most; set by the data alone, so that the order of summation does not depend on the number of threads
_PER_CHUNK = 500  # fewer particles than this are not worth another image
_IMAGE_BYTES = 2**30  # all images of the chunks together


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _row(out, count, gap, first, inverse, b):
    """Kernel at `count` pixels of a row; t = gap - dx^2 / h^2 from dx = first on. Returns the sum."""
    total = 0.0
    for j in range(count):
        dx = first + j
        t = max(gap - dx * dx * inverse, 0.0)
        weight = t * (b[0] + t * (b[1] + t * (b[2] + t * (b[3] + t * (b[4] + t * b[5])))))
        out[j] = weight
        total += weight
    return total


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _add_row(row, weights, count, value):
    for j in range(count):
        row[j] += value * weights[j]


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _pixel_mean(inverse, a, b):
    """Coefficients b of t, ..., t^6 of (F + Laplacian F / 24) / h^2, F(t) = a0 t^3 + ... + a3 t^6, t = 1 - r^2 / h^2.

    The Laplacian of F is 4 ((1 - t) F'' - F') / h^2. `inverse` is 1 / h^2.
    """
    q = inverse / 6.0
    b[0] = inverse * q * 6.0 * a[0]
    b[1] = inverse * q * (12.0 * a[1] - 9.0 * a[0])
    b[2] = inverse * (a[0] + q * (20.0 * a[2] - 16.0 * a[1]))
    b[3] = inverse * (a[1] + q * (30.0 * a[3] - 25.0 * a[2]))
    b[4] = inverse * (a[2] - q * 36.0 * a[3])
    b[5] = inverse * a[3]


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _sampled(images, pitch, npix, values, x, y, h, a, b, square, line):
    """Add one kernel by its pixel means; returns the share inside the frame."""
    first_column, last_column = math.floor(x - h), math.floor(x + h)
    first_row, last_row = math.floor(y - h), math.floor(y + h)
    inverse = 1.0 / (h * h)
    _pixel_mean(inverse, a, b)
    low_row, high_row = max(first_row, 0), min(last_row, npix - 1)
    low, high = max(first_column, 0), min(last_column, npix - 1)
    kept = 0.0
    if h <= _SUMMED:
        total, width = 0.0, last_column - first_column + 1
        for row in range(first_row, last_row + 1):
            gap = 1.0 - (row + 0.5 - y) ** 2 * inverse
            total += _row(square[row - first_row], width, gap, first_column + 0.5 - x, inverse, b)
        for row in range(low_row, high_row + 1):
            weights = square[row - first_row, low - first_column :]
            begin = (row + PAD) * pitch + low + PAD
            for f in range(len(images)):
                _add_row(images[f, begin:], weights, high - low + 1, values[f] / total)
        if low_row == first_row and high_row == last_row and low == first_column and high == last_column:
            return 1.0
        for row in range(low_row, high_row + 1):
            kept += square[row - first_row, low - first_column : high - first_column + 1].sum()
        return kept / total
    for row in range(low_row, high_row + 1):
        gap = 1.0 - (row + 0.5 - y) ** 2 * inverse
        if gap <= 0.0:
            continue
        reach = h * math.sqrt(gap)
        start = max(low, math.floor(x - reach))
        width = min(high, math.floor(x + reach)) - start + 1
        if width > 0:
            kept += _row(line, width, gap, start + 0.5 - x, inverse, b)
            begin = (row + PAD) * pitch + start + PAD
            for f in range(len(images)):
                _add_row(images[f, begin:], line, width, values[f])
    return kept


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _divide(position, support, npix, scale, rest, x, y, h, which, count):
    """Divide particles by the way they are drawn; count[c] of them into row c of x, y, h (pixels) and which.

    The rows: squares of 4, 8, 16 pixels, larger, outside the frame or not finite.
    """
    count[:] = 0
    for i in rest:
        px, py, r = position[i, 0] * scale + 0.5 * npix, position[i, 1] * scale + 0.5 * npix, support[i] * scale
        if 0.0 <= r < 1e-6:
            r = 1e-6  # a point is a tiny disc
        touches = (min(px, py) + r > 0.0) & (max(px, py) - r < npix) & (0.0 <= r < math.inf)
        c = (int(r > _SQUARES[0]) + int(r > _SQUARES[1]) + int(r > _SQUARES[2])) if touches else 4
        k = count[c]
        x[c, k], y[c, k], h[c, k], which[c, k] = px, py, r, i
        count[c] += 1


@numba.njit(parallel=True, cache=True, fastmath=FAST, error_model="numpy")
def _deposit(position, support, values, npix, scale, chunks, spline, inside):
    count, fields = values.shape
    pitch = npix + 2 * PAD
    images = np.empty((chunks, fields, pitch * pitch))
    unusable = np.zeros(chunks, np.int64)
    for chunk in numba.prange(chunks):
        image = images[chunk]
        image[:] = 0.0
        rest, number = np.empty(_BLOCK + 1, np.int64), np.empty(5, np.int64)
        x, y, h = np.empty((5, _BLOCK)), np.empty((5, _BLOCK)), np.empty((5, _BLOCK))
        which, patch = np.empty((5, _BLOCK), np.int64), np.empty(16 * 16, np.float32)
        reach = 2 * int(_SUMMED) + 4
        square, line, b = np.empty((reach, reach)), np.empty(npix), np.empty(6)
        last = (chunk + 1) * count // chunks
        for start in range(chunk * count // chunks, last, _BLOCK):
            stop = min(start + _BLOCK, last)
            places, radii, those, within = (
                position[start:stop],
                support[start:stop],
                values[start:stop],
                inside[start:stop],
            )
            within[:] = 1.0
            others = add_quarters(image, npix, places, radii, those, scale, rest)
            _divide(places, radii, npix, scale, rest[:others], x, y, h, which, number)
            n4, n8, n16, larger, outside = number
            add_squares4(image, npix, those, which[0, :n4], x[0], y[0], h[0], patch, within)
            add_squares8(image, npix, those, which[1, :n8], x[1], y[1], h[1], patch, within)
            add_squares16(image, npix, those, which[2, :n16], x[2], y[2], h[2], patch, within)
            for n in range(larger):
                i = which[3, n]
                share = _sampled(image, pitch, npix, those[i], x[3, n], y[3, n], h[3, n], spline, b, square, line)
                # a kernel inside the frame loses nothing to rounding
                within[i] = 1.0 if abs(share - 1.0) < 1e-12 else share
            for n in range(outside):
                within[which[4, n]] = 0.0
                usable = 0.0 <= h[4, n] < math.inf and abs(x[4, n]) < math.inf and abs(y[4, n]) < math.inf
                unusable[chunk] += 1 - int(usable)
    result = np.empty((fields, npix, npix))
    for row in numba.prange(npix):
        begin = (row + PAD) * pitch + PAD
        for field in range(fields):
            result[field, row] = images[0, field, begin : begin + npix]
            for chunk in range(1, chunks):
                for column in range(npix):
                    result[field, row, column] += images[chunk, field, begin + column]
    return result, unusable.sum()


def project(position, support, values, npix: int, extent: float, period: float | None = None):
    """Deposit particles on a square grid centred on the origin.

    Args:
        position: (N, 2) or (N, 3) array; columns 0 and 1 are x (image column) and y (image row, upwards).
        support: (N,) kernel support radii, same length unit.
        values: (N, F) quantities to deposit, such as masses.
        npix: pixels along each side.
        extent: side of the frame, same length unit.
        period: side of a periodic box in x and y, same length unit: every image of a particle that reaches the
            frame is drawn. None: no images.

    Returns:
        images (F, npix, npix), float64, the summed `values` per pixel (divide by the pixel area for a surface
        density), and the fraction (N,), float32, of each particle that lies inside the frame.
        The result does not depend on the number of threads.

    Raises:
        ParameterError: npix, extent or period not positive.
        SimulationError: positions or support radii that are not finite, or negative radii.
    """
    if int(npix) != npix or npix < 1:
        raise ParameterError(f"npix must be a whole number of pixels, at least 1, but is {npix}.")
    check_positive("extent", extent)
    position = np.ascontiguousarray(position, np.float64)
    support = np.ascontiguousarray(support, np.float64)
    values = np.ascontiguousarray(values, np.float64)
    npix, fields = int(npix), values.shape[1]
    chunks = max(1, min(_CHUNKS, len(support) // _PER_CHUNK, _IMAGE_BYTES // (8 * fields * (npix + 2 * PAD) ** 2)))
    source = None
    if period is not None:
        check_positive("period", period)
        shifted, source = _periodic_images(position, support, extent, period)
    rows = (position, support, values) if source is None else (shifted, support[source], values[source])
    inside = np.empty(len(rows[0]), np.float32)  # filled by the threads
    images, unusable = _deposit(*rows, npix, npix / extent, chunks, np.array(SPLINE), inside)
    if unusable:
        _refuse(position, support)
    return images, inside if source is None else np.bincount(source, inside, minlength=len(support))


def _refuse(position, support):
    """Name the particles that cannot be drawn."""
    for name, good in (
        ("positions are not finite", np.isfinite(position).all(axis=1)),
        ("support radii are not finite", np.isfinite(support)),
        ("support radii are negative", support >= 0.0),
    ):
        if not good.all():
            raise SimulationError(
                f"{(~good).sum()} of {len(good)} {name} (first at row {int(np.argmin(good))}); remove those particles."
            )


def _periodic_images(position, support, extent, period):
    """Positions (M, 2) of all images that reach the frame, and the row (M,) that each is an image of."""
    home = position[:, :2] - period * np.round(position[:, :2] / period)
    reach = 0.5 * extent + support
    number = math.ceil((float(reach.max(initial=0.0)) + 0.5 * period) / period)
    steps = np.arange(-number, number + 1) * period
    shifted, source = [], []
    for dx in steps:
        for dy in steps:
            near = np.flatnonzero((np.abs(home[:, 0] + dx) < reach) & (np.abs(home[:, 1] + dy) < reach))
            shifted.append(home[near] + np.array([dx, dy]))
            source.append(near)
    return np.concatenate(shifted), np.concatenate(source)
