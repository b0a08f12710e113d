"""The projection kernel: particles with a smoothing length onto a pixel grid, conserving mass.

Every particle is a sphere with the kernel of `spline`, whose support has the given radius h (below in pixels). Each
pixel receives the kernel's mean over its area:

- h <= 4: shares of up to 9 x 9 pixels by the kernel's integral over rectangles, in vectorised blocks (`tiles`);
- larger: value at the pixel's centre plus the Laplacian's 1/24, which makes the error fall as h^-4; divided by the
  sum over all pixels, within the frame or not, up to h = 14, from where that sum is the integral to 1e-7.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ..errors import ParameterError, SimulationError, check_positive
from .spline import SPLINE, marginal_coefficients
from .tiles import BLOCK, FAST, SIDES, add_nine, add_points, add_quarters, add_square

__all__ = ["project"]

_SQUARE = 0.5 * (SIDES[0] - 1), 0.5 * (SIDES[1] - 1)  # largest support radii (pixels) of the squares of `tiles`
_SUMMED = 14.0  # up to here the weights are divided by their own sum
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
def _sampled(image, values, x, y, h, a, b, square, line):
    """Add one kernel by its pixel means; returns the share inside the frame."""
    npix = image.shape[1]
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
            for f in range(len(image)):
                _add_row(image[f, row, low:], weights, high - low + 1, values[f] / total)
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
            for f in range(len(image)):
                _add_row(image[f, row, start:], line, width, values[f])
    return kept


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _sort(position, support, start, npix, scale, work, inside, x, y, h, which, count):
    """Sort a block of particles by the way they are drawn, without branches.

    Appends to row c of x, y, h (pixels) and which (number of the particle), count[c] long so far, for the classes c:
    within one pixel; touching 2 or 3 pixels each way, all in the frame; touching SIDES[0], SIDES[1] or more pixels
    each way, some in the frame; outside or not finite. Sets `inside` to 1 or, for the last, 0.
    work: (>= 4, >= n) scratch.
    """
    n, half, width = len(support), 0.5 * npix, float(npix)
    px, py, size, kind = work[0, :n], work[1, :n], work[2, :n], work[3, :n]
    for i in range(n):
        px[i] = position[i, 0] * scale + half
    for i in range(n):
        py[i] = position[i, 1] * scale + half
    for i in range(n):
        length = support[i] * scale
        size[i] = 1e-6 if 0.0 <= length < 1e-6 else length  # a point is a tiny disc
    for i in range(n):
        r, right, top = size[i], px[i] + size[i], py[i] + size[i]
        left, bottom = right - 2.0 * r, top - 2.0 * r
        known = (0.0 <= r < math.inf) & (min(right, top) > 0.0) & (max(left, bottom) < width)
        alone = (r < 0.5) & (left >= np.floor(right)) & (bottom >= np.floor(top)) & (min(left, bottom) >= 0.0)
        room = 1.0 if r <= 0.5 else 2.0  # pixels to the left and below that may be touched
        fits = (r <= 1.0) & (min(right, top) >= room) & (max(right, top) < width)
        larger = 3.0 + (1.0 if r > _SQUARE[0] else 0.0) + (1.0 if r > _SQUARE[1] else 0.0)
        kind[i] = (0.0 if alone else room if fits else larger) if known else 6.0
    for i in range(n):
        inside[i] = 1.0 if kind[i] < 6.0 else 0.0
    for i in range(n):
        c = np.uint64(int(kind[i]))
        k = np.uint64(count[c])
        x[c, k], y[c, k], h[c, k], which[c, k] = px[i], py[i], size[i], start + i
        count[c] += 1


@numba.njit(parallel=True, cache=True, fastmath=FAST, error_model="numpy")
def _deposit(position, support, values, npix, scale, chunks, spline, marginal):
    count = len(support)
    images = np.empty((chunks, values.shape[1], npix, npix))
    inside = np.empty(count)
    unusable = np.zeros(chunks, np.int64)
    for chunk in numba.prange(chunks):
        image = images[chunk]
        image[:] = 0.0
        # lists by class, each drawn when a block is full: room for a block more
        x, y, h = np.empty((7, 2 * BLOCK)), np.empty((7, 2 * BLOCK)), np.empty((7, 2 * BLOCK))
        which, number = np.empty((7, 2 * BLOCK), np.int64), np.zeros(7, np.int64)
        work, patch = np.empty((4 * SIDES[-1], 2 * BLOCK)), np.empty((3, SIDES[-1] ** 2))
        reach = 2 * int(_SUMMED) + 4
        square, line, b = np.empty((reach, reach)), np.empty(npix), np.empty(6)
        last = (chunk + 1) * count // chunks
        for start in range(chunk * count // chunks, last, BLOCK):
            stop = min(start + BLOCK, last)
            _sort(
                position[start:stop], support[start:stop], start, npix, scale, work, inside[start:stop],
                x, y, h, which, number,
            )  # fmt: skip
            for c in range(7):
                n = number[c]
                if n == 0 or (n < BLOCK and stop < last):
                    continue
                number[c] = 0
                rows, px, py, size = which[c, :n], x[c, :n], y[c, :n], h[c, :n]
                if c == 0:
                    add_points(image, values, rows, px, py)
                elif c == 1:
                    add_quarters(image, values, rows, px, py, size, marginal, work)
                elif c == 2:
                    add_nine(image, values, rows, px, py, size, marginal, work)
                elif c < 5:
                    add_square(image, values, rows, px, py, size, marginal, work, SIDES[c - 3], patch, inside)
                elif c == 5:
                    for k in range(n):
                        share = _sampled(image, values[rows[k]], px[k], py[k], size[k], spline, b, square, line)
                        # a kernel inside the frame loses nothing to rounding
                        inside[rows[k]] = 1.0 if abs(share - 1.0) < 1e-12 else share
                else:
                    for i in rows:
                        usable = 0.0 <= support[i] < math.inf
                        usable &= abs(position[i, 0]) < math.inf and abs(position[i, 1]) < math.inf
                        unusable[chunk] += 1 - int(usable)
    for row in numba.prange(npix):
        for chunk in range(1, chunks):
            for field in range(values.shape[1]):
                for column in range(npix):
                    images[0, field, row, column] += images[chunk, field, row, column]
    return images[0], inside, unusable.sum()


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
        density), and the fraction (N,) of each particle that lies inside the frame.
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
    chunks = max(1, min(_CHUNKS, len(support) // _PER_CHUNK, _IMAGE_BYTES // (8 * fields * npix**2)))
    constants = np.array(SPLINE), tuple(marginal_coefficients())
    source = None
    if period is not None:
        check_positive("period", period)
        shifted, source = _periodic_images(position, support, extent, period)
    rows = (position, support, values) if source is None else (shifted, support[source], values[source])
    images, inside, unusable = _deposit(*rows, npix, npix / extent, chunks, *constants)
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
