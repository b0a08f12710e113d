"""How far generated maps miss the spread that is asked of them, without pairs: a loss."""

from __future__ import annotations

from keras import ops

from .fidelity import mean_difference, window_means

__all__ = ["DIVERSITY_UNITS", "bands", "lack"]

PLACE = 8  # pixels a side: over which `diversity` is averaged where it is a share of the scatter
DIVERSITY_UNITS = "network", "scatter"


def lack(diversity, unit, apart, made, true):
    """By how much generated maps miss `diversity`: a scalar, summed over windows.

    Where it is a share of the scatter, two things are asked: that draws of one source differ by their share of it, at
    least, and that the set of generated maps scatters as the true ones, no less and no more. Without the second the
    first is had by noise on top of all that sources differ by.

    Args:
        diversity: pairs (window in pixels, mean absolute difference).
        unit: of that, one of `DIVERSITY_UNITS`; see `CycleGAN`.
        apart: (B, H, W, C), network space: two draws of each source, one less the other.
        made: the latter.
        true: maps of the kind that was drawn.
    """
    missing = 0.0
    if unit == "network":
        for window, least in diversity:
            missing = missing + ops.maximum(least - ops.mean(ops.abs(window_means(apart, window))), 0.0)
        return missing
    windows = [window for window, _ in diversity]
    parts = zip(diversity, *(bands(maps, windows) for maps in (apart, made, true)), strict=True)
    for (window, least), apart_here, made_here, true_here in parts:
        scatter, own = (mean_difference(maps)[None] for maps in (true_here, made_here))
        short = least * scatter - ops.mean(ops.abs(apart_here), axis=0, keepdims=True)
        side = max(PLACE // window, 1)
        short, wide = (_turned(window_means(each, side)) for each in (short, own - scatter))
        missing = missing + ops.mean(ops.maximum(short, 0.0)) + ops.mean(ops.abs(wide))
    return missing


def bands(maps, windows):
    """Maps (B, H, W, C), of known size, in parts: the means of each window less those of the next larger one, then the
    means of the largest. A list of (B, h, w, C), which put together again by repetition are the means of the smallest.

    Means of windows alone hold all larger scales too, and let too much of one scale make up for too little of another.

    Args:
        windows: pixels a side, each a multiple of the one before; those larger than the map are its side.
    """
    found, means = [], window_means(maps, windows[0])
    for small, large in zip(windows, windows[1:], strict=False):
        coarse = window_means(means, large // small)
        height, width = (min(large // small, side) for side in means.shape[1:3])
        again = ops.repeat(ops.repeat(coarse, height, axis=1), width, axis=2)
        found.append(means[:, : again.shape[1], : again.shape[2]] - again)
        means = coarse
    return [*found, means]


def _turned(maps):
    """Maps averaged over the ways in which a square can be mirrored and turned: a batch is small, the sky has no up."""
    maps = 0.5 * (maps + ops.flip(maps, axis=1))
    maps = 0.5 * (maps + ops.flip(maps, axis=2))
    return 0.5 * (maps + ops.transpose(maps, (0, 2, 1, 3))) if maps.shape[1] == maps.shape[2] else maps
