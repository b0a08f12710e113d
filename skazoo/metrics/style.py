"""One look for all figures: quiet axes, colours that the colour-blind can tell apart (Okabe & Ito 2008)."""

from __future__ import annotations

from contextlib import contextmanager

__all__ = ["COLOURS", "DPI", "WIDTH", "figure_style"]

COLOURS = {
    "truth": "#1a1a1a",
    "samples": "#0072B2",
    "mean": "#D55E00",
    "pairs": "#009E73",
    "other": "#CC79A7",
    "ideal": "#8a8a8a",
}
DPI = 130
WIDTH = 11.0  # inches, of a figure that fills the page

RC = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.labelcolor": "#222222",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "image.origin": "lower",
    "image.interpolation": "nearest",
}


@contextmanager
def figure_style():
    """Draw within: the rules above, on a canvas without a display, whatever the caller's own settings."""
    import matplotlib

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **RC, "backend": matplotlib.rcParams["backend"]}):
        yield
