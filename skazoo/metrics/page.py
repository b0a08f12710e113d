"""A report as one HTML page that needs nothing else: own style, images inside, no script, no link out."""

from __future__ import annotations

import base64
import html
import io
import math

from .figures import calibration_figure, image_sheet, spectra_figure
from .headlines import GROUPS, HEADLINES, UNDEFINED, format_error, format_number, format_value, unit_of
from .scales import written
from .structure_figures import distribution_figure, relation_figure, structure_figure
from .style import DPI, WIDTH, figure_style

__all__ = ["page"]

CSS = """
:root { --ink: #1d2330; --soft: #5b6475; --line: #e3e6ec; --accent: #0072B2; --paper: #ffffff; --ground: #f5f6f8; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Helvetica Neue", Arial,
  "Liberation Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
header h1 { margin: 0 0 4px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; }
header h1 .arrow { color: var(--accent); padding: 0 0.15em; }
header p { margin: 0; color: var(--soft); }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
  margin-top: 20px; }
h2 { font-size: 19px; margin: 0 0 4px; }
h2 + p, .note { color: var(--soft); margin: 0 0 14px; font-size: 14px; max-width: 75ch; }
h2.field { margin: 40px 0 -6px; font-size: 24px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin-top: 20px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.card b { display: block; font-size: 25px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 13px; display: block; }
.warning { background: #fff6e0; border: 1px solid #e8c77a; border-radius: 10px; padding: 10px 16px; margin-top: 20px; }
.warning p { margin: 4px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 7px 8px; border-bottom: 1px solid var(--line); vertical-align: top;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: 13px; line-height: 1.3; vertical-align: bottom;
  white-space: normal; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 230px; width: 100%;
  padding-left: 0; }
td i { color: var(--soft); font-style: normal; font-size: 12.5px; padding-left: 3px; }
td:last-child, th:last-child { padding-right: 0; }
td small { display: block; color: var(--soft); font-size: 12.5px; line-height: 1.4; max-width: 62ch;
  font-weight: 400; }
tr.group td { padding-top: 18px; font-weight: 650; border-bottom: 2px solid var(--line); color: var(--accent); }
td.best { font-weight: 700; }
td.ideal, td.oracle, td.undefined { color: var(--soft); }
figure { margin: 0; }
img { max-width: 100%; height: auto; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--ground); border-radius: 8px; padding: 12px 14px; overflow-x: auto; font-size: 13px;
  margin: 14px 0 0; }
@media (max-width: 640px) {
  main { padding: 16px 10px 32px; } section { padding: 14px 12px; } header h1 { font-size: 24px; }
  .scroll img { min-width: 760px; } th:first-child, td:first-child { min-width: 150px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
}
@media print { body { background: white; } section { break-inside: avoid; } }
"""

CARDS = (
    ("crps", "CRPS, pixels"),
    ("spread_skill", "spread / error (ideal 1)"),
    ("coverage_68", "truths in the 68 % interval"),
    ("transfer_high", "T(k), small scales (ideal 1)"),
    ("total_bias", "bias of the total"),
)


def page(report) -> str:
    """The whole page as text."""
    made = report.provenance
    title = " → ".join(" + ".join(label(report, one) for one in side) for side in (report.source, report.target))
    with figure_style():
        parts = [part for name in report.target for part in field_parts(report, name)]
    warned = "".join(f"<p>{html.escape(line)}</p>" for line in report.warnings)
    views = "" if made["maps"] == made["galaxies"] else f" of {made['galaxies']} galaxies"
    preset = f" <b>{html.escape(made['preset'])}</b>" if made["preset"] else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · {html.escape(made["mapper"])} · skazoo evaluation</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<h1>{html.escape(title).replace("→", '<span class="arrow">→</span>')}</h1>
<p>{html.escape(made["mapper"])}{preset}, measured on {html.escape(made["dataset"])}: {made["maps"]} maps{views},
{made["num_samples"]} {"sample" if made["num_samples"] == 1 else "samples"} each.</p>
</header>
{f'<div class="warning">{warned}</div>' if warned else ""}
{"".join(parts)}
{footer(report)}
</main>
</body>
</html>
"""


def field_parts(report, name: str) -> list[str]:
    """Cards, table and figures of one target field."""
    if not report.curves[name]:
        return [f"<section><h2>{html.escape(label(report, name))}</h2><p>No map could be scored.</p></section>"]
    of = f": {html.escape(label(report, name))}" if len(report.target) > 1 else ""
    scale = report.scales[name]
    unit, step = written(scale.unit), "dex" if scale.logarithmic else written(scale.unit)
    if scale.logarithmic:
        compared = f"Pixels are compared in dex: log10 of the map, at least {scale.floor:g} {unit}."
    else:
        compared = f"Pixels are compared linearly, in {unit}." if unit else "Pixels are compared linearly."
    aside = ", the oracle aside" if "oracle" in report.baselines else ""
    errors = " ± is the standard error from the number of galaxies."
    shared = "Truth, mean and samples" if report.provenance["num_samples"] > 1 else "Truth and sample"
    three = "; median and range (16 % to 84 %) of the reduced bispectrum, which is 0 for a Gaussian field"
    three = three if "bispectrum_k_per_kpc" in report.curves[name] else ""
    parts = [f'<h2 class="field">{html.escape(label(report, name))}</h2>'] if of else []
    parts.append(cards(report, name, step))
    parts.append(
        figure(
            f"Truth and samples{of}",
            f"The first {len(report.sheets)} galaxies, not picked. {shared} share one stretch.",
            image_sheet(report, name),
            "Maps of source, truth, posterior mean, spread and samples",
        )
    )
    parts.append(
        f"<section><h2>Headline numbers{of}</h2><p>{html.escape(compared + errors)} Spectra, totals and "
        f"profiles are taken on linear maps. The best of a row is bold{aside}.</p>"
        f'<div class="scroll">{table(report, name, step)}</div></section>'
    )
    parts.append(
        figure(
            f"Spectra{of}",
            "Linear maps, mean subtracted, Hann window. Grey: k above 0.7 Nyquist, shaped by the pixel. Where truth "
            "and samples are exchangeable, sample · truth and sample · sample agree.",
            spectra_figure(report, name),
            "Power spectra, transfer function and cross-correlation",
        )
    )
    calibration = calibration_figure(report, name)
    if calibration is not None:
        parts.append(
            figure(
                f"Calibration{of}",
                "A right posterior gives flat ranks, a diagonal, coverage on the dashed lines, and a spread equal to "
                "the error. Too sure: ranks like a U, blue TARP curve flat mid-way, green one below the diagonal.",
                calibration,
                "Rank histogram, TARP, coverage and spread against error",
            )
        )
    parts.append(
        figure(
            f"Distributions{of}",
            "All pixels of all maps; azimuthal means about the centre of each map.",
            distribution_figure(report, name),
            "Distribution of pixel values and radial profiles",
        )
    )
    parts.append(
        figure(
            f"Structure{of}",
            f"Means over maps of the Minkowski functionals and of the number of peaks{three}.",
            structure_figure(report, name),
            "Minkowski functionals, peak counts and bispectra",
        )
    )
    parts.append(
        figure(
            f"Relations{of}",
            "What goes together in the truths should go together in the samples.",
            relation_figure(report, name),
            "Correlation with other fields, HI sizes, mean rank by pixel",
        )
    )
    return parts


def cards(report, name: str, step: str) -> str:
    """The few numbers to see first."""
    known = {headline.key: headline for headline in HEADLINES}
    cells = []
    for key, text in CARDS:
        value = report.metrics[name].get(key)
        if value is None or not math.isfinite(value):
            continue
        extra = ""
        if key == "crps" and report.baselines:
            best, other = min((one[name]["crps"], who) for who, one in report.baselines.items() if one[name])
            other = "oracle" if "oracle" in report.baselines else other
            best = report.baselines[other][name].get("crps", best)
            who = f"the {other}" if other[0].islower() else other
            extra = f": {value / best:.2f} × that of {who}" if best > 0 else ""
        cells.append(
            f'<div class="card"><b>{shown(format_value(value, known[key], step))}</b>'
            f"<span>{html.escape(text + extra)}</span></div>"
        )
    return f'<div class="cards">{"".join(cells)}</div>'


def table(report, name: str, step: str) -> str:
    """The headline table with a column for each baseline; units stand beside the name of the row."""
    columns = report.columns(name)
    heads = ["", "ideal", report.provenance["mapper"], *report.baselines]
    rows = ["<thead><tr>" + "".join(f"<th>{html.escape(head)}</th>" for head in heads) + "</tr></thead><tbody>"]
    for group in GROUPS:
        lines = []
        for headline in (one for one in HEADLINES if one.group == group):
            values = [column.get(headline.key) for column in columns]
            if all(value is None for value in values):
                continue
            numbers = [format_number(value, headline) for value in values]
            rivals = [None if head == "oracle" else value for head, value in zip(heads[2:], values, strict=True)]
            best = best_of(rivals, headline)
            cells = ""
            for place, number in enumerate(numbers):
                error = columns[place].get(f"{headline.key}_error")
                text = shown(number)
                if error is not None and math.isfinite(error):
                    text += f"<small>± {format_error(error)}</small>"
                kind = "oracle" if heads[2 + place] == "oracle" else "undefined" if number == UNDEFINED else ""
                if best is not None and number == numbers[best] and not kind:
                    kind = "best"
                cells += f"<td{f' class={kind}' if kind else ''}>{text}</td>"
            unit = unit_of(headline, step)
            title = html.escape(headline.label) + (f"<i>[{html.escape(unit)}]</i>" if unit else "")
            ideal = "" if headline.ideal is None else f"{headline.ideal:g}"
            lines.append(
                f"<tr><td>{title}<small>{html.escape(headline.explanation)}</small></td>"
                f'<td class="ideal">{ideal}</td>{cells}</tr>'
            )
        if lines:
            rows.append(f'<tr class="group"><td colspan="{len(heads)}">{group}</td></tr>{"".join(lines)}')
    return f"<table>{''.join(rows)}</tbody></table>"


def shown(text: str) -> str:
    """A formatted value for HTML, with a true minus sign."""
    return html.escape(text.replace("-", "−"))


def best_of(values, headline) -> int | None:
    """Place of the best value of a row, None where there is nothing to compare."""
    marks = {}
    for place, value in enumerate(values):
        if value is not None and math.isfinite(value) and headline.better:
            far = abs(value - headline.ideal) if headline.better == "ideal" else value
            marks[place] = -far if headline.better == "high" else far
    return min(marks, key=marks.get) if len(marks) > 1 else None


def figure(title: str, text: str, drawn, alternative: str) -> str:
    """A section with one image in it."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    share = 100 * drawn.get_figwidth() / WIDTH  # lettering of one size in narrow and wide figures
    return (
        f"<section><h2>{title}</h2><p>{html.escape(text)}</p>"
        f'<figure class="scroll"><img style="width:{share:.0f}%" alt="{html.escape(alternative)}" '
        f'src="data:image/png;base64,{data}"></figure>'
        "</section>"
    )


def footer(report) -> str:
    """Provenance and the way to make the page again."""
    made = report.provenance
    rows = {
        "mapper": " ".join(part for part in (made["mapper"], made["preset"]) if part),
        "parameters": f"{made['parameters']:,}".replace(",", " ") if made["parameters"] else "not known",
        "likelihood": made["likelihood"] or "none",
        "data": f"{made['dataset']}, {made['maps']} maps of {made['galaxies']} galaxies",
        "pixel": f"{made['pixel_kpc']:.4g} kpc",
        "samples": f"{made['num_samples']} a map, seed {made['seed']}, {made['samples_per_second']:.4g} a second",
        "time": f"{made['seconds']:.1f} s, of which {made['sampling_seconds']:.1f} s were sampling; {made['date']}",
        "code": made["git_commit"] or "not a git checkout",
        "versions": ", ".join(f"{name} {version}" for name, version in made["versions"].items()),
    }
    cells = "".join(f"<dt>{key}</dt><dd>{html.escape(str(value))}</dd>" for key, value in rows.items())
    return (
        f"<section><h2>Provenance</h2><dl>{cells}</dl><pre>{html.escape(made['command'])}</pre>"
        '<p class="note" style="margin-top:12px">Numbers and curves are in report.json beside this page.</p></section>'
    )


def label(report, name: str) -> str:
    """A field in words."""
    return report.scales[name].label or name.replace("_", " ")
