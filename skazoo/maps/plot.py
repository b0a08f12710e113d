"""Maps as pictures: each field with its own stretch, unit, scale bar and beam."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import OutputError
from ..files import replacing
from .fields import FIELDS
from .map import Map

__all__ = ["draw", "sheet", "stretch"]

_DECADES = 4.0  # dynamic range shown on a logarithmic stretch


def stretch(values: np.ndarray, field: str):
    """A matplotlib norm for `values` of a field: logarithmic, symmetric about zero, or asinh for noisy maps."""
    from matplotlib.colors import AsinhNorm, LogNorm, Normalize

    finite = values[np.isfinite(values)]
    kind = FIELDS[field].transform if field in FIELDS else "linear"
    if kind == "log10" and (finite > 0).any():
        top = float(finite.max())
        bottom = max(top / 10**_DECADES, float(np.percentile(finite[finite > 0], 1)))
        return LogNorm(min(bottom, top * 0.5), top)
    if kind == "asinh" and FIELDS[field].cmap == "RdBu_r" and finite.any():
        # a diverging colour map is centred on zero
        top = float(np.percentile(np.abs(finite), 99.5)) or float(np.abs(finite).max())
        return AsinhNorm(max(top / 100.0, np.finfo(np.float32).tiny), -top, top)
    if kind == "asinh" and finite.size and finite.any():
        noise = 1.4826 * float(np.median(np.abs(finite - np.median(finite)))) or float(np.abs(finite).max())
        return AsinhNorm(3.0 * noise, -5.0 * noise, max(float(finite.max()), 4.0 * noise))
    limit = float(np.percentile(np.abs(finite), 99.5)) if finite.size else 1.0
    return Normalize(-(limit or 1.0), limit or 1.0)


def draw(map_: Map, ax=None, norm=None, title: str | None = None, colorbar: bool = True):
    """Draw one map; returns the matplotlib axes. Pixels without value (0 of a logarithmic field) stay dark."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import AsinhNorm

    if ax is None:
        _, ax = plt.subplots(figsize=(3.6, 3.3), layout="constrained")
    field = FIELDS.get(map_.field)
    half = float(map_.extent.to_value(u.kpc)) / 2
    norm = norm or stretch(map_.data, map_.field)
    cmap = plt.get_cmap(field.cmap if field else "viridis")
    values = map_.data
    if field and field.weight:
        # a mean over nothing is no small value
        cmap, values = cmap.with_extremes(bad="0.15"), np.ma.masked_equal(values, 0.0)
    elif field and field.transform == "log10":
        cmap, values = cmap.with_extremes(bad=cmap(0.0)), np.ma.masked_less_equal(values, 0.0)
    image = ax.imshow(
        values, origin="lower", cmap=cmap, norm=norm, extent=(-half, half, -half, half), interpolation="nearest"
    )
    ax.set(xticks=[], yticks=[])
    ax.set_title(title if title is not None else (field.label if field else map_.field), fontsize=9)
    _scale_bar(ax, half)
    if "beam" in map_.metadata and map_.metadata.get("pixel_arcsec"):
        _beam(ax, map_, half)
    if colorbar:
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
        if isinstance(norm, AsinhNorm):
            # the automatic ticks crowd about zero
            low, high = np.floor(np.log10(norm.linear_width)) + 1, np.log10(norm.vmax)
            ticks = 10.0 ** np.arange(low, np.floor(high) + 1)
            bar.set_ticks([*(-ticks[::-1] if norm.vmin == -norm.vmax else ()), 0.0, *ticks])
        bar.ax.tick_params(which="both", labelsize=7)
        unit = map_.unit.to_string("unicode", fraction=False)
        bar.set_label(unit or ("mass fraction" if map_.field == "metallicity" else ""), fontsize=8)
    return ax


def _scale_bar(ax, half: float) -> None:
    length = next(step * 10**power for power in range(3, -4, -1) for step in (5, 2, 1) if step * 10**power < 0.7 * half)
    outline = {"color": "white", "solid_capstyle": "butt"}
    ax.plot([-0.9 * half, -0.9 * half + length], [-0.88 * half] * 2, lw=2.0, **outline)
    box = {"facecolor": "black", "alpha": 0.35, "pad": 1.0, "edgecolor": "none"}
    ax.text(-0.9 * half, -0.82 * half, f"{length:g} kpc", color="white", fontsize=7, va="bottom", bbox=box)


def _beam(ax, map_: Map, half: float) -> None:
    from matplotlib.patches import Ellipse

    major, minor, angle = map_.metadata["beam"]
    kpc = float(map_.pixel_scale.to_value(u.kpc)) / map_.metadata["pixel_arcsec"]
    # position angle is counted from north (up) through east (left)
    shape = Ellipse((0.8 * half, -0.8 * half), minor * kpc, major * kpc, angle=angle, fill=False, edgecolor="white")
    ax.add_patch(shape)


def sheet(
    maps: Mapping[str, Map],
    path: str | os.PathLike,
    title: str = "",
    columns: int = 3,
    titles: Mapping[str, str] | None = None,
) -> Path:
    """Write maps into one PNG; returns the path. `titles` name them where their fields' labels do not suit."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.7 * columns, 3.2 * rows + 0.4), squeeze=False, layout="constrained"
    )
    for ax in axes.ravel()[len(maps) :]:
        ax.set_axis_off()
    for ax, (name, map_) in zip(axes.ravel(), maps.items(), strict=False):
        draw(map_, ax, title=(titles or {}).get(name))
    if title:
        figure.suptitle(title, fontsize=10)
    path = Path(path)
    try:
        with replacing(path) as partial:
            figure.savefig(partial, dpi=110)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        plt.close(figure)
    return path
