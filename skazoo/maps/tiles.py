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

__all__ = ["BLOCK", "FAST", "SIDES", "add_nine", "add_points", "add_quarters", "add_square"]

BLOCK = 128  # particles weighed at once: their weights stay in the first-level cache
SIDES = (4, 9)  # pixels that the squares of `add_square` measure
# sums may be reordered, but NaN and infinity keep their meaning
FAST = {"reassoc", "contract", "nsz", "arcp"}
_G0, _G1, _G2, _G3 = CORRELATION


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
        correlation[k] = u * end * end * (_G0 + s * (_G1 + s * (_G2 + s * _G3)))


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _corner(a, ga, b, gb, both):
    """Share left of one and below another line."""
    for k in range(len(a)):
        both[k] = a[k] * b[k] - ga[k] * gb[k]


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _norm(left, below, both, norm):
    """Of the four shares around a corner without what is below zero."""
    for k in range(len(left)):
        near = max(below[k] - both[k], 0.0) + max(left[k] - both[k], 0.0)
        norm[k] = 1.0 / (max(both[k], 0.0) + near + max(1.0 - below[k] - left[k] + both[k], 0.0))


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_points(image, values, which, x, y):
    """Add particles that lie within one pixel altogether; arguments of `add_quarters`."""
    npix = image.shape[1]
    for field in range(len(image)):
        flat = image[field].ravel()  # a view; unsigned indices into it need no test for a negative sign
        for k in range(len(x)):
            flat[np.uint64(int(y[k]) * npix + int(x[k]))] += values[which[k], field]


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
    left, g, below, f = work[0, :n], work[1, :n], work[2, :n], work[3, :n]
    both, norm = work[4, :n], work[5, :n]
    _left(x, h, 0.0, b, left, g)
    _left(y, h, 0.0, b, below, f)
    _corner(left, g, below, f, both)
    _norm(left, below, both, norm)
    npix = image.shape[1]
    for field in range(len(image)):
        flat = image[field].ravel()
        for k in range(n):
            at = np.uint64(int(y[k] + h[k]) * npix + int(x[k] + h[k]))
            value = values[which[k], field] * norm[k]
            flat[at - np.uint64(npix + 1)] += value * max(both[k], 0.0)
            flat[at - np.uint64(npix)] += value * max(below[k] - both[k], 0.0)
            flat[at - np.uint64(1)] += value * max(left[k] - both[k], 0.0)
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
        w0, w1, w2 = max(c11, 0.0), max(c12 - c11, 0.0), max(below1[k] - c12, 0.0)
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
def add_square(image, values, which, x, y, h, b, work, side, patch, inside):
    """Add particles that touch at most side x side pixels (h <= (side - 1) / 2), within the frame or cut by it.

    Arguments of `add_quarters`, work (>= 4 side, >= n), and

        side: one of `SIDES`.
        patch: (3, >= side^2) scratch.
        inside: (N,), set to the share inside the frame where that is not 1.
    """
    n, inner = len(x), side - 1
    for e in range(inner):
        back = float(inner - 1 - e)
        _left(x, h, back, b, work[e, :n], work[side + e, :n])
        _left(y, h, back, b, work[2 * side + e, :n], work[3 * side + e, :n])
    work[inner, :n], work[side + inner, :n] = 1.0, 0.0
    work[2 * side + inner, :n], work[3 * side + inner, :n] = 1.0, 0.0
    weights, across, bend = patch[0], patch[1], patch[2]
    npix = image.shape[1]
    for k in range(n):
        share, term = 0.0, 0.0
        for j in range(side):
            across[j], bend[j] = work[j, k] - share, work[side + j, k] - term
            share, term = work[j, k], work[side + j, k]
        share, term, total = 0.0, 0.0, 0.0
        for i in range(side):
            up, twist, row = work[2 * side + i, k] - share, work[3 * side + i, k] - term, weights[i * side :]
            share, term = work[2 * side + i, k], work[3 * side + i, k]
            for j in range(side):
                weight = max(up * across[j] - twist * bend[j], 0.0)
                row[j] = weight
                total += weight
        column, low = int(np.floor(x[k] + h[k])) - inner, int(np.floor(y[k] + h[k])) - inner
        left, right = max(-column, 0), min(npix - column, side)
        bottom, top = max(-low, 0), min(npix - low, side)
        if right - left < side or top - bottom < side:
            kept = 0.0
            for i in range(bottom, top):
                kept += weights[i * side + left : i * side + right].sum()
            inside[which[k]] = kept / total
        for field in range(len(image)):
            value = values[which[k], field] / total
            for i in range(bottom, top):
                _add(image[field, low + i, column + left :], weights[i * side + left :], right - left, value)


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def _add(row, weights, count, value):
    for j in range(count):
        row[j] += value * weights[j]
