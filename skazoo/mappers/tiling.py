"""Maps larger than a network was trained on: the network sees overlapping tiles, and its answers are blended.

Applied to the denoiser at every noise level, while the noise is one field for the whole map, this draws one
consistent large map and not a patchwork of samples: neighbouring tiles share the noise and the estimate where they
overlap (MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113). Nothing is correlated beyond what one tile after the
other carries, so structure larger than a tile is as the source has it, or missing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive

__all__ = ["check_tile", "tile_starts", "tile_weights", "tiled"]


def tiled(function: Callable, tile: int, overlap: int = 16, batch: int = 16) -> Callable:
    """The same function for maps of any size, worked out on square tiles.

    Args:
        function: arrays -> maps, such as a denoiser (x, sigma, source) -> x; arguments (n, H, W, C) are maps and are
            cut, numbers are passed on, all others belong to the rows (n, ...) and go with them. Its result has the
            size of the maps.
        tile: pixels per side; a map that is smaller is one tile.
        overlap: pixels that neighbouring tiles share at least, and over which one fades into the other. To leave no
            seam it should exceed the range over which the function looks around (its receptive field), as far as
            that matters: 16 for the U-Nets of this package.
        batch: tiles per call of `function`, which bounds the memory; the last call is filled up, so that a compiled
            function sees one shape.

    Returns: a function of the same arguments; its result is a numpy array (n, H, W, C) float32.

    Raises:
        ParameterError: an overlap of a whole tile or more.
    """
    _check(tile, overlap)
    check_positive("batch of tiles", batch)

    def blended(*arguments):
        arrays = [ops.convert_to_numpy(each) for each in arguments]
        rows, height, width = next(each.shape[:3] for each in arrays if each.ndim == 4)
        side = min(tile, height), min(tile, width)
        starts = [tile_starts(n, m, min(overlap, m - 1)) for n, m in zip((height, width), side, strict=True)]
        weights = [tile_weights(n, m, at) for n, m, at in zip((height, width), side, starts, strict=True)]
        places = [(row, i, j) for row in range(rows) for i in range(len(starts[0])) for j in range(len(starts[1]))]
        out = None
        for first in range(0, len(places), batch):
            part = places[first : first + batch]
            filled = part + [part[-1]] * (min(batch, len(places)) - len(part))
            cut = [_cut(each, filled, starts, side) for each in arrays]
            found = ops.convert_to_numpy(function(*cut))[: len(part)]
            if out is None:
                out = np.zeros((rows, height, width, found.shape[-1]), np.float32)
            for (row, i, j), one in zip(part, found, strict=True):
                top, left = starts[0][i], starts[1][j]
                window = weights[0][i][:, None, None] * weights[1][j][:, None]
                out[row, top : top + side[0], left : left + side[1]] += window * one
        return out

    return blended


def tile_starts(pixels: int, tile: int, overlap: int) -> np.ndarray:
    """First pixels of the fewest tiles, evenly laid, that cover `pixels` with this overlap or more."""
    number = 1 + max(0, -(-(pixels - tile) // (tile - overlap)))
    return np.rint(np.linspace(0, pixels - tile, number)).astype(int)


def tile_weights(pixels: int, tile: int, starts: np.ndarray) -> np.ndarray:
    """(tiles, tile) float32: how much of each pixel a tile decides; over all tiles they sum to 1 at every pixel.

    From one tile to the next the weight falls smoothly, as cos^2, over the middle half of the pixels that they share;
    the outer quarters, where a tile is blind on one side, are left to the neighbour.
    """
    weights = np.ones((len(starts), tile))
    for left, (here, there) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        shared = here + tile - there
        share = (np.arange(shared) + 0.5) / max(1, shared)
        rise = np.sin(0.5 * np.pi * np.clip(2 * share - 0.5, 0, 1)) ** 2
        weights[left, tile - shared :] *= 1 - rise
        weights[left + 1, :shared] *= rise
    total = np.zeros(pixels)
    for start, one in zip(starts, weights, strict=True):
        total[start : start + tile] += one
    # three tiles meet where they share more than half of their width
    parts = [one / total[start : start + tile] for start, one in zip(starts, weights, strict=True)]
    return np.stack(parts).astype(np.float32)


def check_tile(tile: int, stride: int) -> int:
    """`tile`, or `ParameterError` where a network of this stride cannot work on it."""
    check_positive("tile", tile)
    if tile % stride:
        raise ParameterError(f"tile must be a multiple of {stride}, as this network halves its maps, but is {tile}.")
    return tile


def _check(tile, overlap):
    check_positive("tile", tile)
    if not 0 <= overlap < tile:
        raise ParameterError(f"overlap must be in [0, {tile}), less than the tile, but is {overlap}.")


def _cut(array, places, starts, side):
    if array.ndim == 0:
        return array
    if array.ndim != 4:
        return np.stack([array[row] for row, _, _ in places])
    (height, width), (tops, lefts) = side, starts
    return np.stack([array[r, tops[i] : tops[i] + height, lefts[j] : lefts[j] + width] for r, i, j in places])
