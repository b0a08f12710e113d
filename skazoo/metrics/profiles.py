r"""Radial structure about the centre of the frame, which is the galaxy's centre (`SubhaloPos`).

Radii are proper kpc from the middle of the map; maps are in linear physical units, (n, H, W).
"""

from __future__ import annotations

from functools import lru_cache

import astropy.units as u
import numpy as np

from ..errors import ParameterError
from .inputs import as_maps, as_pixel_scale

__all__ = ["fraction_radius", "half_mass_radius", "radial_edges", "radial_profile", "threshold_radius"]


@lru_cache(maxsize=32)
def pixel_radii(shape: tuple[int, int]) -> np.ndarray:
    """Distance (H, W) of each pixel from the middle of the frame, in pixels."""
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in shape)
    radii = np.hypot(rows[:, None], columns[None, :])
    radii.setflags(write=False)
    return radii


def radial_edges(shape, pixel_scale, bins: int = 12) -> np.ndarray:
    """Edges (bins + 1,) in kpc: 0, then logarithmic from 2 pixels to half the frame."""
    scale, _ = as_pixel_scale(pixel_scale)
    half = min(shape[-2:]) / 2
    if half <= 2:
        raise ParameterError(f"maps of {shape[-2]} x {shape[-1]} pixels are too small for a radial profile.")
    return np.concatenate([[0.0], np.geomspace(2.0, half, bins)]) * scale


def radial_profile(maps, pixel_scale=None, edges=None, bins: int = 12):
    """Azimuthal mean in rings about the centre.

    Args:
        maps: (n, H, W) array or Quantity, or `Map`s.
        pixel_scale: side of a pixel (Quantity, or number of kpc).
        edges: ring boundaries (Quantity, or kpc); by default those of `radial_edges` with `bins`.

    Returns:
        radius: (rings,) mean radius of the pixels of each ring (kpc).
        profile: (n, rings) in the unit of the maps; NaN in both where a ring holds no pixel.
    """
    scale, spoken = as_pixel_scale(pixel_scale, maps)
    values, unit = as_maps("maps", maps)
    if edges is None:
        edges = radial_edges(values.shape, scale, bins)
    edges = np.asarray(edges.to_value(u.kpc) if isinstance(edges, u.Quantity) else edges, np.float64)
    radii = pixel_radii(values.shape[1:]).ravel() * scale
    ring = np.digitize(radii, edges) - 1
    inside = np.flatnonzero((ring >= 0) & (ring < len(edges) - 1))
    order = inside[np.argsort(ring[inside], kind="stable")]
    held, starts, counts = np.unique(ring[order], return_index=True, return_counts=True)
    radius = np.full(len(edges) - 1, np.nan)
    profile = np.full((len(values), len(edges) - 1), np.nan)
    radius[held] = np.add.reduceat(radii[order], starts) / counts
    profile[:, held] = np.add.reduceat(values.reshape(len(values), -1)[:, order], starts, axis=1) / counts
    return (radius * u.kpc if spoken else radius), (profile if unit is None else profile * unit)


def fraction_radius(maps, pixel_scale=None, fraction=0.5):
    """Radius (n,) in kpc about the centre that holds `fraction` of the map's total within the frame.

    The growth curve is taken over the pixels in order of radius and interpolated linearly. `fraction` may be a
    sequence: then (fractions, n). NaN where the total is not positive.

    Raises:
        ParameterError: a fraction outside (0, 1).
    """
    scale, spoken = as_pixel_scale(pixel_scale, maps)
    values, _ = as_maps("maps", maps)
    fractions = np.atleast_1d(np.asarray(fraction, np.float64))
    if not np.all((fractions > 0) & (fractions < 1)):
        raise ParameterError(f"fraction must lie between 0 and 1, but is {fraction}.")
    order, radii = sorted_radii(values.shape[1:])
    growth = np.cumsum(values.reshape(len(values), -1)[:, order], axis=1)
    result = np.full((len(fractions), len(values)), np.nan)
    for index, curve in enumerate(growth):
        if curve[-1] > 0:
            rising = np.maximum.accumulate(curve) / curve[-1]  # noise may make a growth curve dip
            result[:, index] = np.interp(fractions, rising, radii)
    result = result * scale
    result = result[0] if np.ndim(fraction) == 0 else result
    return result * u.kpc if spoken else result


@lru_cache(maxsize=32)
def sorted_radii(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels in order of radius, and the radius, in pixels, of the circle with the area of the pixels so far."""
    order = np.argsort(pixel_radii(shape), axis=None, kind="stable")
    return order, np.maximum(pixel_radii(shape).ravel()[order], np.sqrt(np.arange(1, order.size + 1) / np.pi))


def half_mass_radius(maps, pixel_scale=None):
    """Radius (n,) in kpc that holds half of the map's total within the frame; see `fraction_radius`."""
    return fraction_radius(maps, pixel_scale, 0.5)


def threshold_radius(maps, threshold, pixel_scale=None, bins: int = 24):
    """Outermost radius (n,) in kpc at which the azimuthal mean falls to `threshold`, such as R_HI at 1 Msun/pc^2.

    Linear interpolation of log10 of the profile in radius, between rings. 0 where the profile never reaches the
    threshold; NaN where it is still above it at the edge of the frame.
    """
    scale, spoken = as_pixel_scale(pixel_scale, maps)
    values, unit = as_maps("maps", maps)
    if isinstance(threshold, u.Quantity):
        if unit is None:
            raise ParameterError("only one of threshold and maps has a unit; give maps one too.")
        threshold = threshold.to_value(unit)
    radius, profile = radial_profile(values, scale, bins=bins)
    held = np.isfinite(radius)
    radius, profile = radius[held], np.maximum(profile[:, held], threshold * 1e-6)
    result = np.zeros(len(values))
    for index, row in enumerate(np.log10(profile / threshold)):
        above = np.flatnonzero(row >= 0)
        if above.size and above[-1] == len(row) - 1:
            result[index] = np.nan
        elif above.size:
            last = above[-1]
            step = row[last] / (row[last] - row[last + 1])
            result[index] = radius[last] + step * (radius[last + 1] - radius[last])
    return result * u.kpc if spoken else result
