"""Kernels that are small against the pixel: the exact share of each of the few pixels they touch.

Most gas cells of a galaxy cover less than a pixel, so millions of particles pass through here. Blocks of them are
weighed by loops without branches or tables and with few arrays each, which the compiler turns into vector
instructions (it gives up on a loop with many arrays, that may overlap); then they are added one by one. Weights are
float32, sums float64.

When editing this file or `vectors.py`, delete `__pycache__/*.nb*` beside it: numba's cache on disk does not see that
the kernel of `projection.py` calls this one.
"""

from __future__ import annotations

import numba
import numpy as np

from .spline import CORRELATION, marginal_coefficients
from .vectors import CORNERS, SATURATION, add_corners, square_functions

__all__ = ["BLOCK", "FAST", "PAD", "add_quarters", "add_squares4", "add_squares8", "add_squares16", "place", "quarters"]

BLOCK = 1024  # particles weighed at once: enough that weights have left the store buffer when they are added
# sums may be reordered, but NaN and infinity keep their meaning
FAST = {"reassoc", "contract", "nsz", "arcp"}
PAD = 16  # pixels around the frame, so that every square that touches it lies within the image
_B = tuple(np.asarray(SATURATION * marginal_coefficients(), np.float32))
_G = tuple(np.asarray(CORRELATION, np.float32))
_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def place(position, support, scale, half, x, y, h):
    """Centres x, y and support radii h (n,) in pixels; a point is a tiny disc."""
    for i in range(len(h)):
        x[i] = position[i, 0] * scale + half
    for i in range(len(h)):
        y[i] = position[i, 1] * scale + half
    for i in range(len(h)):
        length = support[i] * scale
        h[i] = 1e-6 if 0.0 <= length < 1e-6 else length


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def quarters(x, y, h, width, small):
    """Set `small` to 1 where `add_quarters` can draw a particle, else 0; returns how many.

    What is left when the particles are taken `CORNERS` at a time is not small.
    """
    count, n = 0.0, len(h) - len(h) % CORNERS
    small[n:] = 0.0
    for i in range(n):
        within = (min(x[i], y[i]) - h[i] >= 0.0) & (max(x[i], y[i]) + h[i] < width)
        small[i] = 1.0 if (0.0 <= h[i] <= 0.5) & within else 0.0
        count += small[i]
    return int(count)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _crossing(x, h, u):
    """Where the last pixel edge that the kernel reaches cuts it, in support radii from its centre."""
    for k in range(len(u)):
        u[k] = np.float32((np.floor(x[k] + h[k]) - x[k]) / h[k])


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _left(crossing, share, correlation):
    """Kernel's share left of a line, and the correlation term there."""
    b0, b1, b2, b3, b4, b5, b6, b7 = _B
    g0, g1, g2, g3 = _G
    for k in range(len(share)):
        u = max(crossing[k], -_ONE)
        s = u * u
        power = b0 + s * (b1 + s * (b2 + s * (b3 + s * (b4 + s * (b5 + s * (b6 + s * b7))))))
        share[k] = min(max(_HALF + u * power, _ZERO), _ONE)
        end = (_ONE - s) * (_ONE - s)
        correlation[k] = u * end * end * (g0 + s * (g1 + s * (g2 + s * g3)))


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _quarter(left, g, below, f, w0, w1, w2, w3):
    """Shares of the four pixels around a corner, without what the approximation leaves below zero; they sum to 1."""
    for k in range(len(left)):
        both = left[k] * below[k] - g[k] * f[k]
        a, b = max(both, _ZERO), max(below[k] - both, _ZERO)
        c, d = max(left[k] - both, _ZERO), max(_ONE - below[k] - left[k] + both, _ZERO)
        norm = _ONE / (a + b + c + d)
        w0[k], w1[k], w2[k], w3[k] = a * norm, b * norm, c * norm, d * norm


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _pixel(x, y, h, small, pitch, frame, first):
    """Number of the lower left of the four pixels; 0, which nobody reads, where a particle is not small."""
    for k in range(len(first)):
        number = np.floor(y[k] + h[k]) * pitch + np.floor(x[k] + h[k]) + frame
        first[k] = np.int64(number if small[k] > 0.0 else 0.0)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_quarters(images, pitch, values, x, y, h, small, first, work):
    """Add the particles of a block that cross at most one pixel edge each way (h <= 1/2), all within the frame.

    Args:
        images: (F, P^2) flat, P = pitch pixels a side, of which the outer `PAD` lie outside the frame; added to.
        values: (n, F).
        x, y, h: (n,) centres and support radii, pixels.
        small: (n,) from `quarters`; the others go to pixel 0.
        first, work: (n,) int64 and (8, n) float32 scratch.
    """
    n = len(h)
    left, g, below, f = work[4, :n], work[5, :n], work[6, :n], work[7, :n]
    w0, w1, w2, w3 = work[0, :n], work[1, :n], work[2, :n], work[3, :n]
    _crossing(x, h, w0)
    _crossing(y, h, w1)
    _left(w0, left, g)
    _left(w1, below, f)
    _quarter(left, g, below, f, w0, w1, w2, w3)
    _pixel(x, y, h, small, float(pitch), float((PAD - 1) * (pitch + 1)), first)
    fields = len(images)
    flat = values.ravel()
    for field in range(fields):
        image = images[field]
        for k in range(0, n - n % CORNERS, CORNERS):
            add_corners(image, pitch, first, k, work, flat, field, fields)


def _squares(side):
    """Function that adds the particles that touch at most side x side pixels, within the frame or cut by it."""
    weigh, add = square_functions(side)

    @numba.njit(cache=True, fastmath=FAST, error_model="numpy")
    def add_squares(images, pitch, values, x, y, h, which, patch, inside):
        npix = pitch - 2 * PAD
        for k in which:
            right, top = np.floor(x[k] + h[k]), np.floor(y[k] + h[k])
            total = weigh(x[k], y[k], right, top, 1.0 / h[k], patch)
            column, row = int(right) - side + 1, int(top) - side + 1
            first = (row + PAD) * pitch + column + PAD
            for field in range(len(images)):
                add(images[field], first, pitch, patch, values[k, field] / total)
            if column < 0 or row < 0 or column + side > npix or row + side > npix:
                kept = 0.0
                for j in range(max(-row, 0), min(npix - row, side)):
                    for i in range(max(-column, 0), min(npix - column, side)):
                        kept += patch[j * side + i]
                inside[k] = kept / total

    return add_squares


# arguments of `add_quarters`, and: which, rows to draw; patch (side^2,) float32 scratch; inside, set to the share
# inside the frame where that is not 1
add_squares4, add_squares8, add_squares16 = _squares(4), _squares(8), _squares(16)
