"""Figures of a report beyond spectra and calibration: distributions, structure, HI sizes, relations of fields."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from .figures import filled, plain_ticks
from .hydrogen import EDGE, OFFSET, PER_CM2, SLOPE
from .scales import pretty
from .style import COLOURS, WIDTH

__all__ = ["distribution_figure", "relation_figure", "structure_figure"]

NAMES = ("area above threshold", "border length [px$^{-1}$]", "Euler number [px$^{-2}$]")


def distribution_figure(report, field: str) -> Figure:
    """Distribution of pixel values and, for a positive field, radial profiles."""
    curves, scale = report.curves[field], report.scales[field]
    both = "profile_truth" in curves
    figure = Figure(figsize=(WIDTH if both else 0.55 * WIDTH, 3.6), layout="constrained")
    pdf, *others = np.ravel(figure.subplots(1, 2 if both else 1, squeeze=False))
    edges = np.asarray(curves["edges"])
    pdf.stairs(curves["truth_pdf"], edges, color=COLOURS["truth"], fill=True, alpha=0.18, label="truth")
    pdf.stairs(curves["truth_pdf"], edges, color=COLOURS["truth"], lw=1.2)
    pdf.stairs(curves["sample_pdf"], edges, color=COLOURS["samples"], lw=1.6, label="samples")
    highest = np.maximum(curves["truth_pdf"], curves["sample_pdf"])
    least = float(highest.max()) * 3e-5
    seen = np.flatnonzero(highest > least)  # single far pixels are below the frame: no room for them
    margin = 0.03 * (edges[seen[-1] + 1] - edges[seen[0]])
    pdf.set_yscale("log")
    pdf.set_ylim(least, float(highest.max()) * 3)
    pdf.set_xlim(edges[seen[0]] - margin, edges[seen[-1] + 1] + margin)
    name = f"log10 {scale.title}" if scale.logarithmic else scale.title
    per = "per dex" if scale.logarithmic else f"[({pretty(scale.unit)})$^{{-1}}$]" if scale.unit else ""
    pdf.set(xlabel=name, ylabel=f"density {per}".strip(), title="All pixels")
    pdf.legend(loc="upper right")
    if scale.field == "hi":
        top = pdf.secondary_xaxis("top", functions=(to_column, from_column))
        top.set_xlabel("log10 N$_\\mathrm{HI}$ [cm$^{-2}$]", fontsize=9)
    for profile in others:
        radius = np.asarray(curves["profile_radius_kpc"])
        for key, colour in (("profile_truth", "truth"), ("profile_samples", "samples")):
            filled(profile, radius, curves[key], COLOURS[colour], f"{colour}, median and 16–84 %")
        profile.set_xscale("log")
        plain_ticks(profile.xaxis)
        profile.set(xlabel="radius [kpc]", ylabel=name, title="Azimuthal mean")
        profile.legend(loc="lower left")
    return figure


def structure_figure(report, field: str) -> Figure:
    """Minkowski functionals, peak counts and, of a positive field, reduced bispectra: truths against samples."""
    curves, scale = report.curves[field], report.scales[field]
    shapes = [shape for shape in ("equilateral", "squeezed") if f"bispectrum_{shape}_truth" in curves]
    figure = Figure(figsize=(WIDTH, 5.8), layout="constrained")
    figure.get_layout_engine().set(hspace=0.08)
    area, border, euler, peaks, *bispectra = np.ravel(figure.subplots(2, 3 if shapes else 2))
    name = f"log10 {scale.title}" if scale.logarithmic else scale.title
    for number, axes in enumerate((area, border, euler)):
        for who in ("truth", "samples"):
            style = {"color": COLOURS[who], "label": who, "ls": "-" if who == "truth" else "--"}
            axes.plot(curves["thresholds"], curves[f"minkowski_{number}_{who}"], **style)
        axes.set(title=f"V{number}: {NAMES[number]}", xlabel=name)
    area.legend()
    for who in ("truth", "samples"):
        peaks.stairs(curves[f"peaks_{who}"], curves["heights"], color=COLOURS[who], lw=1.7, label=who)
    peaks.set(title="Peaks of a map, by height", xlabel=name, ylabel="number a map")
    for axes, shape in zip(bispectra, ("equilateral", "squeezed"), strict=False):
        axes.set_title(f"Reduced bispectrum Q, {shape}")
        k = np.asarray(curves["bispectrum_k_per_kpc"])
        for who in ("truth", "samples"):
            filled(axes, k, curves[f"bispectrum_{shape}_{who}"], COLOURS[who], who)
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        axes.set(xlabel="k [kpc$^{-1}$]", ylabel="Q(k)")
    return figure


def relation_figure(report, field: str) -> Figure:
    """Correlation with the source and other targets; the HI size-mass relation; where in the frame truths rank."""
    curves = report.curves[field]
    relations = curves["relations"]
    sizes, ranks = "hi_mass_truth" in curves, "pit_map" in curves
    count = max(bool(relations) + sizes + ranks, 1)
    figure = Figure(figsize=(WIDTH * min(1.0, 0.36 * count), 3.6), layout="constrained")
    panels = iter(np.ravel(figure.subplots(1, count, squeeze=False)))
    if relations:
        correlations(next(panels), report, curves)
    if sizes:
        hi_sizes(next(panels), curves)
    if ranks:
        axes = next(panels)
        image = axes.imshow(np.asarray(curves["pit_map"]), cmap="RdBu_r", vmin=0.2, vmax=0.8)
        axes.set(xticks=[], yticks=[], title="Mean rank of the truth (PIT)")
        axes.grid(False)
        bar = figure.colorbar(image, ax=axes, shrink=0.85)
        bar.set_label("0.5 is right; above: samples too low", fontsize=8.5)
        bar.outline.set_linewidth(0.5)
    return figure


def correlations(axes, report, curves: dict) -> None:
    """r(k) with each other field; solid lines are the truths, dashed ones the samples."""
    k, relations = np.asarray(curves["k_per_kpc"]), curves["relations"]
    several = len(relations) > 1
    for (name, one), colour in zip(relations.items(), ("samples", "pairs", "mean", "other", "ideal"), strict=False):
        words = report.scales[name].label or name.replace("_", " ")
        dark = colour if several else "truth"  # with one partner: black for truth, as everywhere
        filled(axes, k, one["truth"], COLOURS[dark], f"{words}, truth", band=False)
        filled(axes, k, one["samples"], COLOURS[colour], f"{words}, samples", style="--")
    axes.set(xscale="log", ylim=(-1.05, 1.75), title="Correlation with other fields", ylabel="r(k)")
    axes.set_yticks([-1, -0.5, 0, 0.5, 1])
    plain_ticks(axes.xaxis)
    axes.set_xlabel("k [kpc$^{-1}$]")
    axes.legend(loc="upper right", fontsize=7, handlelength=1.5, columnspacing=1.0, ncols=2 if several else 1)


def hi_sizes(axes, curves: dict) -> None:
    """HI diameter against HI mass, with the observed relation."""
    shown = []
    for who, size in (("samples", 6), ("truth", 12)):
        mass, diameter = (np.asarray(curves[f"hi_{what}_{who}"], float) for what in ("mass", "diameter"))
        known = (mass > 0) & (diameter > 0)
        axes.scatter(mass[known], diameter[known], s=size, color=COLOURS[who], label=who, lw=0, alpha=0.7)
        shown.append(mass[known])
    every = np.concatenate(shown)
    if every.size:
        line = np.geomspace(every.min(), every.max(), 2)
        axes.plot(line, 10 ** (SLOPE * np.log10(line) + OFFSET), color=COLOURS["ideal"], ls="--", label="Wang+16")
        axes.set(xscale="log", yscale="log")
        plain_ticks(axes.yaxis)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="M$_\\mathrm{HI}$ [M$_\\odot$]", ylabel="D$_\\mathrm{HI}$ [kpc]")
    axes.set_title(f"HI size, to {EDGE / 1e6:g} M$_\\odot$ pc$^{{-2}}$")
    axes.legend(loc="upper left")


def to_column(value):
    """log10 Msun kpc^-2 to log10 cm^-2 of HI."""
    return np.asarray(value) + math.log10(PER_CM2)


def from_column(value):
    """And back."""
    return np.asarray(value) - math.log10(PER_CM2)
