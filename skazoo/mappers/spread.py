"""How far generated maps miss the spread that is asked of them, without pairs: a loss."""

from __future__ import annotations

from keras import ops

from .fidelity import mean_difference, window_means

__all__ = ["DIVERSITY_UNITS", "lack"]

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
    for window, least in diversity:
        apart_here = ops.mean(ops.abs(window_means(apart, window)), axis=0, keepdims=True)
        if unit == "network":
            missing = missing + ops.maximum(least - ops.mean(apart_here), 0.0)
            continue
        side = max(PLACE // window, 1)
        scatter, own = (mean_difference(window_means(maps, window))[None] for maps in (true, made))
        short, wide = (_turned(window_means(each, side)) for each in (least * scatter - apart_here, own - scatter))
        missing = missing + ops.mean(ops.maximum(short, 0.0)) + ops.mean(ops.abs(wide))
    return missing


def _turned(maps):
    """Maps averaged over the ways in which a square can be mirrored and turned: a batch is small, the sky has no up."""
    maps = 0.5 * (maps + ops.flip(maps, axis=1))
    maps = 0.5 * (maps + ops.flip(maps, axis=2))
    return 0.5 * (maps + ops.transpose(maps, (0, 2, 1, 3))) if maps.shape[1] == maps.shape[2] else maps
