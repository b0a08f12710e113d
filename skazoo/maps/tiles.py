"""Kernels that are small against the pixel: the exact share of each of the few pixels they touch.

Most gas cells of a galaxy cover less than a pixel, so millions of particles pass through here. Blocks of them are
weighed by loops without branches or tables and with few arrays each, which the compiler turns into vector
instructions (it gives up on a loop with many arrays, that may overlap); then they are added one by one.

When editing this file, delete `__pycache__/*.nb*` beside it: numba's cache on disk does not see that the kernel of
`projection.py` calls this one.
"""

from __future__ import annotations

import numba
import numpy as np

from .spline import CORRELATION

__all__ = ["BLOCK", "FAST", "add_across_edge", "add_nine", "add_quarters"]

BLOCK = 256  # particles weighed at once: their weights stay in the first-level cache
# sums may be reordered, but NaN and infinity keep their meaning
FAST = {"reassoc", "contract", "nsz", "arcp"}
_G0, _G1 = CORRELATION


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _left(x, h, edges, b, share, correlation):
    """Kernel's share left of the last pixel edge (less `edges`) that it crosses, and the correlation term there."""
    b0, b1, b2, b3, b4, b5, b6, b7 = b
    for k in range(len(x)):
        u = max((np.floor(x[k] + h[k]) - edges - x[k]) / h[k], -1.0)
        s = u * u
        power = b0 + s * (b1 + s * (b2 + s * (b3 + s * (b4 + s * (b5 + s * (b6 + s * b7))))))
        share[k] = max(0.5 + u * power, 0.0)
        end = (1.0 - s) * (1.0 - s)
        correlation[k] = u * end * end * (_G0 + s * _G1)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _corner(a, ga, b, gb, both):
    """Share left of one and below another line, within what the shares a and b of either allow."""
    for k in range(len(a)):
        both[k] = min(max(a[k] * b[k] - ga[k] * gb[k], max(0.0, a[k] + b[k] - 1.0)), min(a[k], b[k]))


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_quarters(image, values, which, x, y, h, b, work):
    """Add particles that cross at most one pixel edge each way (h <= 1/2), all within the frame.

    Args:
        image: (F, H, W), added to.
        values: (N, F).
        which: (n,) rows of `values`.
        x, y, h: (n,) centres and support radii, pixels.
        b: tuple of `marginal_coefficients`.
        work: (12, >= n) scratch.
    """
    n = len(x)
    left, g, below, f, both = work[0, :n], work[1, :n], work[2, :n], work[3, :n], work[4, :n]
    _left(x, h, 0.0, b, left, g)
    _left(y, h, 0.0, b, below, f)
    _corner(left, g, below, f, both)
    npix = image.shape[1]
    for field in range(len(image)):
        flat = image[field].ravel()  # a view; unsigned indices into it need no test for a negative sign
        for k in range(n):
            at = np.uint64(int(y[k] + h[k]) * npix + int(x[k] + h[k]))
            value = values[which[k], field]
            flat[at - np.uint64(npix + 1)] += value * both[k]
            flat[at - np.uint64(npix)] += value * (below[k] - both[k])
            flat[at - np.uint64(1)] += value * (left[k] - both[k])
            flat[at] += value * max(1.0 - below[k] - left[k] + both[k], 0.0)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_nine(image, values, which, x, y, h, b, work):
    """Add particles that cross at most two pixel edges each way (h <= 1); arguments of `add_quarters`."""
    n = len(x)
    left1, left2, below1, below2 = work[0, :n], work[1, :n], work[2, :n], work[3, :n]
    g1, g2, f1, f2 = work[4, :n], work[5, :n], work[6, :n], work[7, :n]
    both11, both12, both21, both22 = work[8, :n], work[9, :n], work[10, :n], work[11, :n]
    _left(x, h, 1.0, b, left1, g1)
    _left(x, h, 0.0, b, left2, g2)
    _left(y, h, 1.0, b, below1, f1)
    _left(y, h, 0.0, b, below2, f2)
    _corner(left1, g1, below1, f1, both11)
    _corner(left2, g2, below1, f1, both12)
    _corner(left1, g1, below2, f2, both21)
    _corner(left2, g2, below2, f2, both22)
    for k in range(n):
        column, row = int(x[k] + h[k]), int(y[k] + h[k])
        c11, c12, c21, c22 = both11[k], both12[k], both21[k], both22[k]
        # the approximation may leave a far pixel with -1e-5: cut that off and share the rest alike
        w0, w1, w2 = c11, max(c12 - c11, 0.0), max(below1[k] - c12, 0.0)
        w3, w4 = max(c21 - c11, 0.0), max(c22 - c21 - c12 + c11, 0.0)
        w5, w6 = max(below2[k] - c22 - below1[k] + c12, 0.0), max(left1[k] - c21, 0.0)
        w7, w8 = max(left2[k] - c22 - left1[k] + c21, 0.0), max(1.0 - left2[k] - below2[k] + c22, 0.0)
        norm = 1.0 / (w0 + w1 + w2 + w3 + w4 + w5 + w6 + w7 + w8)
        for field in range(len(image)):
            value = values[which[k], field] * norm
            image[field, row - 2, column - 2] += value * w0
            image[field, row - 2, column - 1] += value * w1
            image[field, row - 2, column] += value * w2
            image[field, row - 1, column - 2] += value * w3
            image[field, row - 1, column - 1] += value * w4
            image[field, row - 1, column] += value * w5
            image[field, row, column - 2] += value * w6
            image[field, row, column - 1] += value * w7
            image[field, row, column] += value * w8


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_across_edge(image, values, x, y, h, b, work, patch):
    """Add one small kernel (h <= 1) that the frame cuts, with the weights it has elsewhere; returns its share inside.

    x, y, h: (1,) arrays; patch: (1, 5, 5) scratch.
    """
    npix = image.shape[1]
    first_column, first_row = np.floor(x[0]) - 2.0, np.floor(y[0]) - 2.0
    patch[:] = 0.0
    one, which = np.ones((1, 1)), np.zeros(1, np.int64)
    if h[0] <= 0.5:
        add_quarters(patch, one, which, x - first_column, y - first_row, h, b, work)
    else:
        add_nine(patch, one, which, x - first_column, y - first_row, h, b, work)
    kept = 0.0
    for row in range(5):
        for column in range(5):
            r, c = int(first_row) + row, int(first_column) + column
            if 0 <= r < npix and 0 <= c < npix:
                kept += patch[0, row, column]
                for field in range(len(image)):
                    image[field, r, c] += patch[0, row, column] * values[field]
    return kept
