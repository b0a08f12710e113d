"""The projection kernel: particles with a smoothing length onto a pixel grid, conserving mass.

Every particle is a sphere with the kernel of `spline`, whose support has the given radius h (below in pixels). Each
pixel receives the kernel's mean over its area:

- h <= 1, inside the frame: exact shares of up to 3 x 3 pixels, in vectorised blocks (`tiles`);
- h <= 4: exact shares from the table of the kernel's integral over rectangles;
- larger: value at the pixel's centre plus the Laplacian's 1/24, which makes the error fall as h^-4; divided by the
  sum over all pixels, within the frame or not, up to h = 14, from where that sum is the integral to 1e-7.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ..errors import ParameterError, SimulationError, check_positive
from .spline import CELLS, SPLINE, corner_table, marginal_coefficients
from .tiles import BLOCK, FAST, add_across_edge, add_nine, add_quarters

__all__ = ["project"]

_TABULATED = 4.0  # largest support radius (pixels) that is integrated over pixels by the table
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
def _tabulated(image, values, x, y, h, table, at, part, below):
    """Add one kernel by differences of its integral; returns the share inside the frame."""
    npix = image.shape[1]
    first_column, last_column = math.floor(x - h), math.floor(x + h)
    first_row, last_row = math.floor(y - h), math.floor(y + h)
    per_pixel = 0.5 * CELLS / h
    for k in range(last_column - first_column + 1):
        node = min((first_column + k + 1 - x + h) * per_pixel, float(CELLS))
        at[k] = min(int(node), CELLS - 1)
        part[k] = node - at[k]
        below[k] = 0.0
    kept = 0.0
    for row in range(first_row, last_row + 1):
        node = min((row + 1 - y + h) * per_pixel, float(CELLS))
        r = min(int(node), CELLS - 1)
        rest = node - r
        left = 0.0  # of this row
        for k in range(last_column - first_column + 1):
            c, fraction = at[k], part[k]
            low = table[r, c] + fraction * (table[r, c + 1] - table[r, c])
            high = table[r + 1, c] + fraction * (table[r + 1, c + 1] - table[r + 1, c])
            corner = low + rest * (high - low)
            weight = max(corner - below[k] - left, 0.0)
            left, below[k] = corner - below[k], corner
            column = first_column + k
            if 0 <= row < npix and 0 <= column < npix:
                kept += weight
                for f in range(len(image)):
                    image[f, row, column] += weight * values[f]
    return kept


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
def _sort(position, support, start, npix, scale, x, y, h, which, inside):
    """Sort a block of particles by the way they are drawn: crossing up to one pixel edge, up to two, larger ones.

    Fills row 0, 1 or 2 of x, y, h (pixels) and which (number of the particle); returns how many are in each, and
    how many particles are not finite.
    """
    quarters, nine, large, unusable = 0, 0, 0, 0
    for i in range(len(support)):
        px, py = position[i, 0] * scale + 0.5 * npix, position[i, 1] * scale + 0.5 * npix
        size = support[i] * scale
        if not (0.0 <= size < math.inf and -size < px < npix + size and -size < py < npix + size):
            inside[i] = 0.0
            usable = 0.0 <= support[i] < math.inf and abs(position[i, 0]) < math.inf and abs(position[i, 1]) < math.inf
            unusable += 1 - int(usable)
            continue
        size = max(size, 1e-6)  # a point is a tiny disc
        right, top = px + size, py + size
        inside[i] = 1.0
        if size <= 0.5 and right >= 1.0 and top >= 1.0 and right < npix and top < npix:
            x[0, quarters], y[0, quarters], h[0, quarters], which[0, quarters] = px, py, size, start + i
            quarters += 1
        elif 0.5 < size <= 1.0 and right >= 2.0 and top >= 2.0 and right < npix and top < npix:
            x[1, nine], y[1, nine], h[1, nine], which[1, nine] = px, py, size, start + i
            nine += 1
        else:
            x[2, large], y[2, large], h[2, large], which[2, large] = px, py, size, start + i
            large += 1
    return quarters, nine, large, unusable


@numba.njit(parallel=True, cache=True, fastmath=FAST, error_model="numpy")
def _deposit(position, support, values, npix, scale, chunks, spline, marginal, table):
    count = len(support)
    images = np.zeros((chunks, values.shape[1], npix, npix))
    inside = np.empty(count)
    unusable = np.zeros(chunks, np.int64)
    for chunk in numba.prange(chunks):
        image = images[chunk]
        x, y, h, which = (
            np.empty((3, BLOCK)),
            np.empty((3, BLOCK)),
            np.empty((3, BLOCK)),
            np.empty((3, BLOCK), np.int64),
        )
        work, at, part, below = np.empty((12, BLOCK)), np.empty(16, np.int64), np.empty(16), np.empty(16)
        side = 2 * int(_SUMMED) + 4
        patch = np.empty((1, 5, 5))
        square, line, b = np.empty((side, side)), np.empty(npix), np.empty(6)
        last = (chunk + 1) * count // chunks
        for start in range(chunk * count // chunks, last, BLOCK):
            stop = min(start + BLOCK, last)
            n, m, large, odd = _sort(
                position[start:stop], support[start:stop], start, npix, scale, x, y, h, which, inside[start:stop]
            )
            unusable[chunk] += odd
            add_quarters(image, values, which[0, :n], x[0, :n], y[0, :n], h[0, :n], marginal, work)
            add_nine(image, values, which[1, :m], x[1, :m], y[1, :m], h[1, :m], marginal, work)
            for k in range(large):
                i, size = which[2, k], h[2, k]
                if size <= 1.0:
                    one = slice(k, k + 1)
                    inside[i] = add_across_edge(
                        image, values[i], x[2, one], y[2, one], h[2, one], marginal, work, patch
                    )
                elif size <= _TABULATED:
                    inside[i] = _tabulated(image, values[i], x[2, k], y[2, k], size, table, at, part, below)
                else:
                    inside[i] = _sampled(image, values[i], x[2, k], y[2, k], size, spline, b, square, line)
    total = images[0]
    for chunk in range(1, chunks):
        total += images[chunk]
    return total, inside, unusable.sum()


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
    constants = np.array(SPLINE), tuple(marginal_coefficients()), corner_table()
    source = None
    if period is not None:
        check_positive("period", period)
        shifted, source = _periodic_images(position, support, extent, period)
    rows = (position, support, values) if source is None else (shifted, support[source], values[source])
    images, inside, unusable = _deposit(*rows, npix, npix / extent, chunks, *constants)
    if unusable:
        _refuse(position, support)
    inside = inside if source is None else np.bincount(source, inside, minlength=len(support))
    # a kernel inside the frame loses nothing to rounding
    return images, np.where(np.abs(inside - 1.0) < 1e-12, 1.0, inside)


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
