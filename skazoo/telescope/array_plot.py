"""A picture of an array: where its antennas stand, the baselines a night gives, and the PSF they make."""

from __future__ import annotations

import os
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.constants import c

from ..errors import ObservationError, OutputError
from ..files import replacing
from .array import Array
from .imaging import point_spread_function
from .observation import Observation, westward

__all__ = ["draw_array", "portrait"]

SAMPLES = 600_000  # visibilities are enough for a picture
NPIX = 128
VIEW = 8  # beams on either side of the peak, where the PSF reaches so far
FIELD = 2 * u.arcmin  # for uniform and Briggs weighting, at 10 km of baseline and 21 cm
FEW = 16  # antennas that need no close view of their core
KINDS = {"ska-mid": ((14.0, "SKA dishes"), (0.0, "MeerKAT dishes")), "ska-low": ((0.0, "stations"),)}
COLOURS = ("#1f77b4", "#d95f02")


def portrait(array: Array, redshift: float, **arguments) -> Observation:
    """An observation of the 21 cm line that shows all of an array: pixels a sixth of the finest fringe.

    Args:
        array: with a known sensitivity, or give `sefd`.
        redshift: of the line.
        **arguments: of `Observation`, in place of those chosen here.

    The track is sampled so coarsely that there are some 600,000 visibilities: good for a picture and a beam.
    """
    wavelength = (21.106114 * u.cm * (1 + redshift)).to_value(u.m)
    longest = array.baseline_lengths.max()
    hours = float(arguments.get("hours_per_night", 8.0))
    count = int(np.clip(SAMPLES // len(array.baseline_lengths), 8, 240))
    chosen = {
        "pixel_scale": (wavelength / longest / 6 * u.rad).to(u.arcsec),
        "weighting_fov": FIELD * (wavelength / 0.21) * (1e4 / longest) * max(1.0, longest / 1e4) ** 0.5,
        "npix": NPIX,
        "hours_per_night": hours,
        "integration": hours / count * u.h,
    }
    return Observation(array, redshift=redshift, **{**chosen, **arguments})


def draw_array(observation: Observation, path: str | os.PathLike) -> Path:
    """Write a PNG of layout, core, uv coverage and PSF of an observation's array; returns the path.

    Raises:
        ObservationError: see `Observation`; OutputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    array, samples = observation.array, observation.samples()
    figure = Figure(figsize=(11, 10.4), layout="constrained")
    FigureCanvasAgg(figure)
    (whole, core), (plane, spread) = figure.subplots(2, 2)
    megahertz = observation.frequency.to_value(u.MHz)
    figure.suptitle(
        f"{array.title}: {len(array)} antennas; {observation.hours_per_night:g} h at declination "
        f"{observation.declination.to_value(u.deg):g} deg, {megahertz:.1f} MHz"
    )
    _layout(whole, array, None)
    if len(array) >= FEW:
        _layout(core, array, _core(array))
    else:
        _lengths(core, array)
    _coverage(plane, samples.uvw, figure)
    _psf(spread, observation, samples, figure)
    path = Path(path)
    try:
        with replacing(path) as partial:
            figure.savefig(partial, dpi=120, format="png")
    except OSError as error:
        raise error if isinstance(error, OutputError) else OutputError(f"cannot write {path}: {error}.") from error
    return path


def _core(array: Array) -> float:
    """Radius (m) about the median antenna that holds half of the array, in a round number."""
    distance = np.hypot(*(array.enu[:, :2] - np.median(array.enu[:, :2], axis=0)).T)
    radius = 1.3 * np.quantile(distance, 0.5)
    step = 10 ** np.floor(np.log10(radius))
    return float(np.ceil(radius / step) * step)


def _layout(axes, array: Array, radius: float | None) -> None:
    scale, unit = (1e3, "km") if radius is None or radius >= 3e3 else (1.0, "m")
    ground = array.enu[:, :2]
    middle = (ground.min(axis=0) + ground.max(axis=0)) / 2 if radius is None else np.median(ground, axis=0)
    reach = 0.54 * np.ptp(ground, axis=0).max() if radius is None else radius
    inside = np.abs(ground - middle).max(axis=1) <= reach
    upper = np.inf
    for (least, label), colour in zip(KINDS.get(array.telescope, ((0.0, "antennas"),)), COLOURS, strict=False):
        kind = (array.diameters >= least) & (array.diameters < upper)
        upper = least
        shown = kind & inside
        if kind.any():
            axes.scatter(*ground[shown].T / scale, s=12, color=colour, lw=0, label=f"{shown.sum()} {label}")
    axes.set(xlabel=f"east [{unit}]", ylabel=f"north [{unit}]", aspect="equal")
    axes.set_title("layout" if radius is None else f"the inner {2 * radius / scale:g} {unit}", fontsize=11)
    for limits, centre in ((axes.set_xlim, middle[0]), (axes.set_ylim, middle[1])):
        limits((centre - reach) / scale, (centre + reach) / scale)
    axes.locator_params(nbins=6)
    axes.grid(alpha=0.25)
    axes.legend(loc="best", fontsize=9, framealpha=0.7)


def _lengths(axes, array: Array) -> None:
    metres = array.baseline_lengths
    scale, unit = (1e3, "km") if metres.max() >= 3e3 else (1.0, "m")
    axes.hist(metres / scale, bins=min(24, 3 * len(metres)), color=COLOURS[0])
    axes.set(xlabel=f"baseline [{unit}]", ylabel="number", box_aspect=1)
    axes.set_title(f"{len(metres)} baselines", fontsize=11)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.25)


def _coverage(axes, uvw: np.ndarray, figure) -> None:
    from matplotlib.colors import LogNorm

    kilometres = uvw[:, :2] / 1e3
    reach = 1.05 * np.abs(kilometres).max()
    edges = np.linspace(-reach, reach, 301)
    counts = np.histogram2d(kilometres[:, 1], kilometres[:, 0], bins=(edges, edges))[0]
    counts = counts + counts[::-1, ::-1]
    shown = axes.imshow(
        np.where(counts > 0, counts, np.nan),
        origin="lower",
        extent=(-reach, reach, -reach, reach),
        norm=LogNorm(1, max(counts.max(), 10)),
        cmap="viridis",
        interpolation="nearest",
    )
    axes.invert_xaxis()  # u grows to the east, as right ascension does
    axes.set(xlabel="u [km]", ylabel="v [km]", facecolor="0.94")
    axes.set_title("uv coverage, with conjugates", fontsize=11)
    figure.colorbar(shown, ax=axes, label="visibilities per cell", shrink=0.85)


def _psf(axes, observation: Observation, samples, figure) -> None:
    from matplotlib.colors import SymLogNorm
    from matplotlib.patches import Ellipse

    npix, pixel = observation.npix, observation.pixel_scale.to_value(u.arcsec)
    psf = point_spread_function(
        westward(samples.uvw), observation.frequency, npix, observation.pixel_scale, samples.weights
    )
    half = npix * pixel
    shown = axes.imshow(
        psf,
        origin="lower",
        extent=(half + pixel / 2, -half + pixel / 2, -half - pixel / 2, half - pixel / 2),
        norm=SymLogNorm(0.1, vmin=-1, vmax=1),
        cmap="RdBu_r",
    )
    weighting = f"robust {observation.robust:g}" if observation.weighting == "briggs" else observation.weighting
    try:
        major, minor, angle = observation.beam.values
        for colour, width in (("k", 2.5), ("w", 1.2)):  # seen on dark and on light ground
            axes.add_patch(Ellipse((0, 0), minor, major, angle=-angle, fill=False, color=colour, lw=width))
        view = min(half, VIEW * major)
        axes.set(xlim=(view, -view), ylim=(-view, view))
        text = f'PSF, {weighting}; FWHM {major:.3g}" x {minor:.3g}" (ellipse)'
    except ObservationError:  # a few antennas make no beam; the PSF itself is shown all the same
        text = f"PSF, {weighting}; no single main lobe to fit"
    axes.set(xlabel="offset to the east [arcsec]", ylabel="offset to the north [arcsec]")
    axes.set_title(text, fontsize=11)
    bar = figure.colorbar(shown, ax=axes, label="response to a point", shrink=0.85)
    bar.set_ticks([-1, -0.1, 0, 0.1, 1], labels=["-1", "-0.1", "0", "0.1", "1"])


def finest_beam(observation: Observation) -> float:
    """lambda / b_max (arcsec), what the longest baseline resolves."""
    longest = observation.array.baseline_lengths.max()
    return float(((c / observation.frequency).to_value(u.m) / longest * u.rad).to_value(u.arcsec))
