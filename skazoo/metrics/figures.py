"""The figures of a report. Each function takes a `Report` and a target field and gives a matplotlib figure.

They are made with `matplotlib.figure.Figure`, which needs neither pyplot nor a display; call within `figure_style()`.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from .pixel_scores import PIT_BINS, RINGS
from .scales import pretty
from .spectral_scores import HIGH
from .style import COLOURS, WIDTH

__all__ = ["calibration_figure", "image_sheet", "spectra_figure"]


def image_sheet(report, field: str) -> Figure:
    """Source, truth, posterior mean, spread and four samples of some galaxies, all target panels on one stretch.

    With one sample there is no spread, and its mean is itself: source, truth and sample then.
    """
    sheets = report.sheets
    source, scale = report.scales[report.source[0]], report.scales[field]
    drawn = len(sheets[0][field]["samples"])
    middle = ["mean", "spread"] if drawn > 1 else []
    titles = ["source", "truth", *middle, *([f"sample {i + 1}" for i in range(drawn)] if middle else ["sample"])]
    rows, columns = len(sheets), len(titles)
    panel = min((WIDTH - 0.1) / columns, WIDTH / 5)
    width = columns * panel + 0.1
    height = rows * panel + 1.15
    figure = Figure(figsize=(width, height))
    source_norm = norm_of(source, [one["source"] for one in sheets])
    norm = norm_of(scale, [one[field]["truth"] for one in sheets])
    spreads = [one[field]["std"] for one in sheets if one[field]["std"] is not None]
    top = max((float(np.nanquantile(one, 0.995)) for one in spreads), default=0.0) or 1.0
    shown = {}
    for row, one in enumerate(sheets):
        panels = [one["source"], one[field]["truth"], *one[field]["samples"]]
        panels[2:2] = [one[field]["mean"], one[field]["std"]] if middle else []
        for column, values in enumerate(panels):
            left, bottom = 0.05 + column * panel, height - 0.3 - (row + 1) * panel
            axes = figure.add_axes([left / width, bottom / height, (panel - 0.05) / width, (panel - 0.05) / height])
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(False)
            for spine in axes.spines.values():
                spine.set_visible(False)
            if row == 0:
                axes.set_title(titles[column], fontsize=9.5, loc="center", pad=4)
            kind = {"source": "source", "spread": "spread"}.get(titles[column], "target")
            if kind == "spread":
                shown[kind] = axes.imshow(values, cmap="cividis", vmin=0, vmax=top)
            else:
                this, limits = (source, source_norm) if kind == "source" else (scale, norm)
                shown[kind] = axes.imshow(prepared(values, limits), cmap=this.cmap, norm=limits)
            if column == 0:
                scale_bar(axes, one["pixel_kpc"], values.shape[1])
    bars = [("source", source.title), ("target", scale.title)]
    step = "dex" if scale.logarithmic else pretty(scale.unit)
    bars.append(
        ("spread", ("spread: std of log10" if scale.logarithmic else "spread") + (f" [{step}]" if step else ""))
    )
    bars = [(kind, label) for kind, label in bars if kind in shown]
    for place, (kind, label) in enumerate(bars):
        share = 1 / len(bars)
        axes = figure.add_axes([(place + 0.1) * share, 0.52 / height, 0.8 * share, 0.13 / height])
        bar = figure.colorbar(
            shown[kind], cax=axes, orientation="horizontal", extend="max" if kind == "spread" else "both"
        )
        power = power_of(shown[kind].norm)
        if power:  # beside the unit, where it does not run into the label
            bar.formatter = lambda value, _, power=power: f"{value / 10.0**power:g}".replace("-", "−")
            label = f"{label}, in $10^{{{power}}}$"
        bar.set_label(label, fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_linewidth(0.5)
    return figure


def power_of(norm) -> int:
    """Power of ten to write a linear scale in, 0 where plain numbers do."""
    from matplotlib.colors import LogNorm

    top = max(abs(norm.vmin), abs(norm.vmax))
    if isinstance(norm, LogNorm) or 1e-2 <= top < 1e4:
        return 0
    return math.floor(math.log10(top))


def spectra_figure(report, field: str) -> Figure:
    """Power of truth and samples with their ratio; transfer function; cross-correlations."""
    curves, scale = report.curves[field], report.scales[field]
    k = np.asarray(curves["k_per_kpc"])
    figure = Figure(figsize=(WIDTH, 5.4))
    grid = figure.add_gridspec(
        2, 2, width_ratios=(1.15, 1), height_ratios=(2.1, 1), left=0.075, right=0.985, top=0.88, bottom=0.1, wspace=0.2
    )
    power, ratio = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    halves = grid[:, 1].subgridspec(2, 1, hspace=0.12)
    transfer, correlation = figure.add_subplot(halves[0]), figure.add_subplot(halves[1])
    for name, colour, label in (("power_truth", "truth", "truth"), ("power_samples", "samples", "samples")):
        filled(power, k, curves[name], COLOURS[colour], f"{label}, median and 16–84 %")
    logarithmic(power, curves["power_truth"]["high"], curves["power_samples"]["high"])
    unit = f"({pretty(scale.unit)})$^2$ kpc$^2$" if scale.unit else "kpc$^2$"
    power.set_ylabel(f"P(k) [{unit}]")
    power.legend(loc="lower left")
    truth = curves["power_truth"]["median"]
    for name, colour in (("power_truth", "truth"), ("power_samples", "samples")):
        one = curves[name]
        scaled = {part: divided(one[part], truth) for part in ("low", "median", "high")}
        filled(ratio, k, scaled, COLOURS[colour], None)
    if logarithmic(ratio, curves["power_truth"]["median"]):
        plain_ticks(ratio.yaxis, subs=(1.0,))
    ratio.set_ylabel("over truth")
    filled(transfer, k, curves["transfer"], COLOURS["samples"], "samples")
    filled(transfer, k, curves["transfer_of_mean"], COLOURS["mean"], "posterior mean", band=False)
    transfer.axhline(1, color=COLOURS["ideal"], lw=1, ls="--", zorder=1)
    transfer.set_ylabel(r"T(k) = $\sqrt{P_\mathrm{s}/P_\mathrm{truth}}$")
    reach = np.nanmax(np.asarray(curves["transfer"]["high"], float)[k < HIGH * k_nyquist(curves)], initial=1.3)
    transfer.set_ylim(0, min(max(1.8, 1.35 * reach), 6))  # room for the legend above
    transfer.legend(loc="upper right", ncols=2)
    filled(correlation, k, curves["r_truth"], COLOURS["samples"], "sample · truth")
    if "r_samples" in curves:
        filled(correlation, k, curves["r_samples"], COLOURS["pairs"], "sample · sample", band=False, style="--")
    filled(correlation, k, curves["r_mean"], COLOURS["mean"], "mean · truth", band=False)
    correlation.set_ylim(-0.35, 1.35)
    correlation.set_yticks([0, 0.5, 1])
    correlation.set_ylabel("r(k)")
    correlation.legend(loc="upper right", ncols=3)
    for axes in (power, ratio, transfer, correlation):
        axes.set_xscale("log")
        axes.set_xlim(k[0] * 0.93, k[-1] * 1.07)
        axes.axvspan(HIGH * k_nyquist(curves), k[-1] * 1.2, color="#f2f2f2", lw=0, zorder=0)
        if axes in (power, transfer):
            axes.tick_params(labelbottom=False)
            top = axes.secondary_xaxis("top", functions=(wavelength, wavelength))
            plain_ticks(top.xaxis)
            top.set_xlabel("wavelength 2π/k [kpc]", fontsize=9)
        else:
            axes.set_xlabel("k [kpc$^{-1}$]")
        plain_ticks(axes.xaxis)
    return figure


def calibration_figure(report, field: str) -> Figure | None:
    """Where the truth falls among the samples; TARP; coverage and spread outwards. None with one sample."""
    curves, scale = report.curves[field], report.scales[field]
    if "tarp" not in curves:
        return None
    figure = Figure(figsize=(WIDTH, 6.2))
    grid = figure.subplots(2, 2)
    figure.subplots_adjust(left=0.07, right=0.985, top=0.95, bottom=0.085, hspace=0.42, wspace=0.2)
    ranks, tarp, cover, spread = grid.ravel()
    ranks.stairs(
        curves["pit_pixels"], np.linspace(0, 1, PIT_BINS + 1), color=COLOURS["samples"], lw=1.8, label="pixels"
    )
    totals, highest = np.asarray(curves["pit_total"], float), float(np.max(curves["pit_pixels"]))
    if totals.size:
        coarse, what = 10, "total" if scale.logarithmic else "mean"
        counts = np.histogram(totals, coarse, (0, 1))[0] * coarse / totals.size
        ranks.stairs(counts, np.linspace(0, 1, coarse + 1), color=COLOURS["mean"], lw=1.4, label=f"{what} of each map")
        highest = max(highest, float(counts.max()))
        noise = 2 * math.sqrt((coarse - 1) / totals.size)
        ranks.axhspan(1 - noise, 1 + noise, color=COLOURS["mean"], alpha=0.1, lw=0, label=f"chance, 2 σ ({what})")
    ranks.axhline(1, color=COLOURS["ideal"], lw=1, ls="--")
    ranks.set(xlim=(0, 1), xlabel="rank of the truth among the samples", ylabel="density", title="Rank histogram")
    ranks.set_ylim(0, max(2.0, 1.25 * highest))
    ranks.set_xticks([0, 0.25, 0.5, 0.75, 1], ["lowest", "", "middle", "", "highest"])
    ranks.legend(loc="upper center", ncols=3)
    levels, cases = np.asarray(curves["tarp"]["levels"]), curves["tarp"]["galaxies"]
    chance = 2 * np.sqrt(levels * (1 - levels) / cases)
    tarp.fill_between(levels, levels - chance, levels + chance, color="#dddddd", lw=0, label="chance, 2 σ")
    tarp.plot([0, 1], [0, 1], color=COLOURS["ideal"], lw=1, ls="--")
    tarp.plot(levels, curves["tarp"]["source"], color=COLOURS["samples"], label="reference from the source")
    tarp.plot(levels, curves["tarp"]["sample"], color=COLOURS["pairs"], label="reference: held-out sample")
    tarp.set(xlim=(0, 1), ylim=(0, 1), xlabel="credibility level", ylabel="expected coverage")
    tarp.set_title("TARP, 4 × 4 block means")
    tarp.legend(loc="upper left")
    edges = np.linspace(0, 1, RINGS + 1)
    for level, colour in ((68, "samples"), (95, "pairs")):
        values = 100 * np.asarray(curves[f"ring_coverage_{level}"])
        steps(cover, values, edges, COLOURS[colour], f"{level} % interval")
        cover.axhline(level, color=COLOURS[colour], lw=1, ls="--")
    cover.set(
        xlim=(0, 1),
        ylim=(0, 104),
        xlabel="radius / half frame",
        ylabel="truths inside [%]",
        title="Coverage, by radius",
    )
    cover.legend(loc="lower left", ncols=2)
    steps(spread, curves["ring_error"], edges, COLOURS["truth"], "error of the mean")
    steps(spread, curves["ring_spread"], edges, COLOURS["samples"], "spread of the samples")
    top = 1.3 * float(np.nanmax([curves["ring_error"], curves["ring_spread"]]))
    unit = "dex" if scale.logarithmic else pretty(scale.unit)
    label = f"rms over pixels [{unit}]" if unit else "rms over pixels"
    spread.set(xlim=(0, 1), ylim=(0, top or 1), xlabel="radius / half frame", ylabel=label)
    spread.set_title("Spread and error, by radius")
    spread.legend(loc="upper right", ncols=2)
    return figure


def steps(axes, values, edges, colour: str, label: str) -> None:
    """A histogram-like line without verticals to zero."""
    axes.stairs(values, edges, color=colour, lw=1.8, label=label, baseline=None)


def filled(axes, x, curve: dict, colour: str, label: str | None, band: bool = True, style: str = "-") -> None:
    """A median line with its 16-84 % band."""
    low, middle, high = (np.asarray(curve[part], float) for part in ("low", "median", "high"))
    if band:
        axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
    axes.plot(x, middle, color=colour, label=label, ls=style)


def norm_of(scale, maps):
    """One stretch for many maps: logarithmic over at most six decades, or linear and symmetric where signs mix."""
    from matplotlib.colors import LogNorm, Normalize

    values = np.concatenate([np.ravel(one) for one in maps])
    if scale.logarithmic:
        positive = values[values > scale.floor]
        if positive.size == 0:
            return LogNorm(scale.floor, 10 * scale.floor)
        high = float(np.quantile(positive, 0.999))
        low = max(float(np.quantile(positive, 0.02)), scale.floor, high * 1e-6)
        return LogNorm(low, high if high > 1.5 * low else 10 * low)
    low, high = (float(q) for q in np.quantile(values, (0.002, 0.998)))
    if low < 0 < high and min(-low, high) > 0.5 * max(-low, high):
        low, high = -max(-low, high), max(-low, high)
    return Normalize(low, high if high > low else low + 1.0)


def prepared(values: np.ndarray, norm) -> np.ndarray:
    """Values for `imshow`: empty sky in the darkest colour instead of none."""
    from matplotlib.colors import LogNorm

    return np.maximum(values, norm.vmin) if isinstance(norm, LogNorm) else values


def scale_bar(axes, pixel_kpc: float, pixels: int) -> None:
    """A white bar of a round number of kpc, a fifth to a half of the frame."""
    frame = pixels * pixel_kpc
    power = 10.0 ** math.floor(math.log10(frame / 2))
    length = max(step * power for step in (0.5, 1, 2, 5) if step * power <= frame / 2)
    size = length / pixel_kpc
    outline = {"color": "black", "lw": 3.2, "solid_capstyle": "butt", "alpha": 0.5}
    x, y = 0.06 * pixels, 0.075 * pixels
    axes.plot([x, x + size], [y, y], **outline)
    axes.plot([x, x + size], [y, y], color="white", lw=1.8, solid_capstyle="butt")
    text = axes.text(x, y * 1.5, f"{length:g} kpc", color="white", fontsize=7.5, va="bottom")
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=1.6, foreground="black", alpha=0.6)])


def logarithmic(axes, *values) -> bool:
    """Make the vertical axis logarithmic where there is anything positive to show; says so."""
    some = any(np.any(np.asarray(one, float) > 0) for one in values)
    if some:
        axes.set_yscale("log")
    return some


def plain_ticks(axis, subs=(1.0, 2.0, 5.0)) -> None:
    """Ticks of a logarithmic axis at 1, 2, 5 times powers of ten, written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def k_nyquist(curves) -> float:
    """The Nyquist wavenumber of the grid (kpc^-1)."""
    return math.pi / curves["pixel_kpc"]


def wavelength(k):
    """2 pi / k and back, without complaint at 0."""
    return 2 * np.pi / np.maximum(np.asarray(k, float), 1e-12)


def divided(top, bottom) -> np.ndarray:
    """top / bottom, NaN where bottom is 0."""
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
