"""Kernels of up to 6 pixels: the exact share of each of the pixels they touch.

Most gas cells of a galaxy cover less than a pixel, so millions of particles pass through here. Weights are float32,
sums float64.

When editing this file or `vectors.py`, delete `__pycache__/*.nb*` beside it: numba's cache on disk does not see that
the kernel of `projection.py` calls this one.
"""

from __future__ import annotations

import numba
import numpy as np

from .vectors import LANES, add_corners, square_functions, weigh_corners

__all__ = ["FAST", "PAD", "add_quarters", "add_squares4", "add_squares8", "add_squares16"]

# sums may be reordered, but NaN and infinity keep their meaning
FAST = {"reassoc", "contract", "nsz", "arcp"}
PAD = 16  # pixels around the frame, so that every square that touches it lies within the image


@numba.njit(cache=True, fastmath=FAST, error_model="numpy")
def add_quarters(images, npix, position, support, values, scale, rest):
    """Add the particles that cross at most one pixel edge each way (h <= 1/2 pixel), all within the frame.

    Args:
        images: (F, P^2) flat, P = npix + 2 PAD pixels a side, of which the outer `PAD` lie outside; added to.
        position, support, values: (n, 2 or 3), (n,), (n, F).
        scale: pixels a length.
        rest: (>= n + 1,) int64, set to the numbers of the other particles.

    Returns: how many others there are.
    """
    n, fields = values.shape
    pitch = npix + 2 * PAD
    origin = float((PAD - 1) * (pitch + 1))
    groups = n // LANES
    # all are weighed before any is added: weights just stored would have to be waited for
    weights, first, small = (
        np.empty((groups, 4, LANES), np.float32),
        np.empty((groups, LANES), np.int64),
        np.empty(groups, np.int64),
    )
    others, flat = 0, values.ravel()
    for group in range(groups):
        small[group] = weigh_corners(
            position,
            support,
            group * LANES,
            scale,
            0.5 * npix,
            float(npix),
            float(pitch),
            origin,
            weights,
            first,
            group,
        )
    for group in range(groups):
        if small[group]:
            for field in range(fields):
                begin = group * LANES * fields + field
                add_corners(images[field], pitch, first, weights, group, flat, begin, fields)
    for group in range(groups):
        for lane in range(LANES):
            rest[others] = group * LANES + lane
            others += 1 - ((small[group] >> lane) & 1)
    for i in range(groups * LANES, n):
        rest[others] = i
        others += 1
    return others


def _squares(side):
    """Function that adds the particles that touch at most side x side pixels, within the frame or cut by it."""
    weigh, add = square_functions(side)

    @numba.njit(cache=True, fastmath=FAST, error_model="numpy")
    def add_squares(images, npix, values, which, x, y, h, patch, inside):
        pitch = npix + 2 * PAD
        for n in range(len(which)):
            right, top = np.floor(x[n] + h[n]), np.floor(y[n] + h[n])
            total = weigh(x[n], y[n], right, top, 1.0 / h[n], patch)
            column, row = int(right) - side + 1, int(top) - side + 1
            first = (row + PAD) * pitch + column + PAD
            for field in range(len(images)):
                add(images[field], first, pitch, patch, values[which[n], field] / total)
            if column < 0 or row < 0 or column + side > npix or row + side > npix:
                kept = 0.0
                for j in range(max(-row, 0), min(npix - row, side)):
                    for i in range(max(-column, 0), min(npix - column, side)):
                        kept += patch[j * side + i]
                inside[which[n]] = kept / total

    return add_squares


# arguments: images, npix and values as above; which (n,), rows of `values`; x, y, h (n,), centres and support radii in
# pixels; patch (side^2,) float32, scratch; inside, set to the share inside the frame where that is not 1
add_squares4, add_squares8, add_squares16 = _squares(4), _squares(8), _squares(16)
