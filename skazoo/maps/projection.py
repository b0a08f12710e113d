"""The projection kernel: particles with a smoothing length onto a pixel grid, conserving mass.

Every particle is a sphere with the M4 cubic spline of Monaghan & Lattanzio (1985), whose compact support has
the given radius. Each particle's pixel weights are divided by their own sum (over the pixels outside the frame
too), so that what falls inside the frame adds up to the particle's share exactly.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numba
import numpy as np

__all__ = ["project"]

_TABLE = 2048  # entries in q^2 of the projected kernel
_MEDIUM = 3.0  # support radii (pixels) up to which small squares tile the kernel; larger ones are sampled at pixels
_SQUARES = (1, 6, 10)  # across the support, for radii up to _SQUARES_UP_TO pixels
_SQUARES_UP_TO = (0.05, 0.7)
_CHUNKS = 8  # fixed, so that the order of summation does not depend on the number of threads


@lru_cache(maxsize=1)
def _kernel_table() -> np.ndarray:
    """Projected cubic spline F(q^2) for q in [0, 1] with unit support, integral 2 pi q F dq = 1."""
    from scipy.integrate import quad

    def density(r):
        if r < 0.5:
            return 8.0 / math.pi * (1.0 - 6.0 * r**2 + 6.0 * r**3)
        return 8.0 / math.pi * 2.0 * (1.0 - r) ** 3 if r < 1.0 else 0.0

    squares = np.linspace(0.0, 1.0, 257)
    values = [
        2.0 * quad(lambda z, s=s: density(math.sqrt(s + z * z)), 0.0, math.sqrt(max(1.0 - s, 0.0)))[0] for s in squares
    ]
    from scipy.interpolate import CubicSpline

    return CubicSpline(squares, values)(np.linspace(0.0, 1.0, _TABLE + 1)).clip(min=0.0)


@lru_cache(maxsize=1)
def _stencils() -> tuple[np.ndarray, np.ndarray]:
    """Squares that tile the unit disc, with their kernel weights; rows are x and y of the centre, half side, weight.

    Stencils of growing fineness follow one another; the second array holds their bounds.
    """
    table, parts, bounds = _kernel_table(), [], [0]
    for across in _SQUARES:
        axis = (np.arange(across) - (across - 1) / 2) * 2.0 / across
        x, y = (a.ravel() for a in np.meshgrid(axis, axis))
        square = x**2 + y**2
        inside = square < 1.0
        weight = np.interp(square[inside] * _TABLE, np.arange(_TABLE + 1), table)
        half = np.full(inside.sum(), 1.0 / across)
        parts.append(np.stack([x[inside], y[inside], half, weight / weight.sum()]))
        bounds.append(bounds[-1] + inside.sum())
    return np.concatenate(parts, axis=1), np.array(bounds)


@numba.njit(cache=True, inline="always")
def _lookup(table, square):
    position = square * (len(table) - 1)
    index = int(position)
    fraction = position - index
    return table[index] * (1.0 - fraction) + table[min(index + 1, len(table) - 1)] * fraction


@numba.njit(parallel=True, cache=True)
def _deposit(x, y, support, values, npix, table, stencil, bounds):
    count, fields = values.shape
    images = np.zeros((_CHUNKS, npix, npix, fields))
    inside = np.zeros(count)
    for chunk in numba.prange(_CHUNKS):
        image = images[chunk]
        scratch = np.empty(npix)
        for i in range(chunk * count // _CHUNKS, (chunk + 1) * count // _CHUNKS):
            px, py, h = x[i], y[i], support[i]
            if px + h <= 0 or py + h <= 0 or px - h >= npix or py - h >= npix:
                continue
            kept = 0.0
            h = max(h, 1e-3)  # a point is a tiny square
            if h <= _MEDIUM:
                size = 0 if h < _SQUARES_UP_TO[0] else (1 if h < _SQUARES_UP_TO[1] else 2)
                half = h * stencil[2, bounds[size]]
                for k in range(bounds[size], bounds[size + 1]):
                    left, bottom = px + h * stencil[0, k] - half, py + h * stencil[1, k] - half
                    column, row = math.floor(left), math.floor(bottom)
                    # share of the square in the next column and row
                    right = max(0.0, left + 2.0 * half - (column + 1)) / (2.0 * half)
                    top = max(0.0, bottom + 2.0 * half - (row + 1)) / (2.0 * half)
                    for step_row in range(2):
                        for step_column in range(2):
                            share = (top if step_row else 1.0 - top) * (right if step_column else 1.0 - right)
                            at_row, at_column = row + step_row, column + step_column
                            if share <= 0.0 or not (0 <= at_row < npix and 0 <= at_column < npix):
                                continue
                            weight = stencil[3, k] * share
                            kept += weight
                            for f in range(fields):
                                image[at_row, at_column, f] += weight * values[i, f]
                inside[i] = kept
                continue
            first_column, last_column = math.floor(px - h), math.floor(px + h)
            first_row, last_row = math.floor(py - h), math.floor(py + h)
            inverse = 1.0 / (h * h)
            crossing = first_column < 0 or first_row < 0 or last_column >= npix or last_row >= npix
            if crossing and h > 8.0:
                norm = h * h  # the sum over pixels equals the integral to 1e-4 here; summing it would cost more
            else:
                norm = 0.0
                for row in range(first_row, last_row + 1):
                    dy = row + 0.5 - py
                    for column in range(first_column, last_column + 1):
                        dx = column + 0.5 - px
                        square = (dx * dx + dy * dy) * inverse
                        if square < 1.0:
                            norm += _lookup(table, square)
            low, high = max(first_column, 0), min(last_column, npix - 1)
            for row in range(max(first_row, 0), min(last_row, npix - 1) + 1):
                dy = row + 0.5 - py
                for column in range(low, high + 1):
                    dx = column + 0.5 - px
                    square = (dx * dx + dy * dy) * inverse
                    scratch[column] = _lookup(table, square) / norm if square < 1.0 else 0.0
                for column in range(low, high + 1):
                    weight = scratch[column]
                    if weight > 0.0:
                        kept += weight
                        for f in range(fields):
                            image[row, column, f] += weight * values[i, f]
            inside[i] = kept
    total = images[0]
    for chunk in range(1, _CHUNKS):
        total += images[chunk]
    return total, inside


def project(position, support, values, npix: int, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Deposit particles on a square grid centred on the origin.

    Args:
        position: (N, 2) or (N, 3) array; columns 0 and 1 are x (image column) and y (image row, upwards).
        support: (N,) kernel support radii, same length unit.
        values: (N, F) quantities to deposit, such as masses.
        npix: pixels along each side.
        extent: side of the frame, same length unit.

    Returns:
        images (F, npix, npix), float64, the summed `values` per pixel (divide by the pixel area for a surface
        density), and the fraction (N,) of each particle that lies inside the frame.
        The result does not depend on the number of threads.
    """
    scale = npix / extent
    pixel = np.ascontiguousarray(np.asarray(position, np.float64)[:, :2].T) * scale + npix / 2
    table, (stencil, bounds) = _kernel_table(), _stencils()
    radii = np.asarray(support, np.float64) * scale
    images, inside = _deposit(
        pixel[0], pixel[1], radii, np.ascontiguousarray(values, np.float64), npix, table, stencil, bounds
    )
    inside[inside > 1.0 - 1e-12] = 1.0  # a kernel inside the frame loses nothing to rounding
    return np.moveaxis(images, -1, 0), inside
