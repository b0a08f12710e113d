"""All presets and baselines side by side: a table in Markdown, and the Pareto plot of quality against time."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .gates import verdicts

__all__ = ["Entry", "entries_of", "pareto_front", "pareto_plot", "write_leaderboard"]

COLUMNS = (  # key in the metrics, heading, format
    ("crps", "CRPS", "{:.3f}"),
    ("energy_score", "energy", "{:.3f}"),
    ("spread_skill", "spread/error", "{:.2f}"),
    ("tarp_area", "TARP", "{:.3f}"),
    ("coverage_68", "68 %", "{:.0f}"),
    ("transfer_high", "T(k) small", "{:.2f}"),
    ("frechet_ratio", "Fréchet/real", "{:.2f}"),
    ("total_bias", "total, dex", "{:+.3f}"),
    ("bits_per_dim_dex", "bits/dim (dex)", "{:.3f}"),
)
EMPTY = "No preset in this folder has been evaluated yet. Train one, then: skazoo evaluate PRESET --out DIR --keep\n"


@dataclass(frozen=True)
class Entry:
    """One line of the board: one preset or baseline on one target field of one task.

    Attributes:
        task: source, target and dataset, within which entries may be compared.
        name: preset, or baseline in italics.
        metrics: of the field.
        unit: of CRPS and energy score.
        parameters, hours, rate: number of weights, hours of training, samples a second; None where not known.
        likelihood: "exact", "bound" or None.
        baseline: whether it is one.
        generative: False for a regression, which is no rival of the generative mappers.
        paired: False for a CycleGAN, which learns without pairs.
        folder: of the preset, as seen from the board.
    """

    task: str
    name: str
    metrics: dict
    unit: str
    parameters: int | None
    hours: float | None
    rate: float | None
    likelihood: str | None
    baseline: bool = False
    generative: bool = True
    paired: bool = True
    folder: str = ""


def entries_of(folder: Path) -> list[Entry]:
    """Entries of every evaluated preset below `folder` (zoo/FAMILY/PRESET/metrics.json), baselines once a task.

    Raises:
        DatasetError: a metrics.json that cannot be read, named.
    """
    found, seen = [], set()
    for path in sorted(folder.glob("*/*/metrics.json")):
        report = read(path)
        if not {"metrics", "baselines", "provenance", "fields"} <= set(report):
            continue  # a preset that was trained but not evaluated
        made = report["provenance"]
        facts = read(path.with_name("metadata.json")) if path.with_name("metadata.json").exists() else {}
        name = f"{path.parent.parent.name}_{path.parent.name}"
        for field, metrics in report["metrics"].items():
            # only what was measured on the same maps may be compared
            task = f"{' + '.join(report['source'])} → {field}, {made['dataset']}, {made['maps']} maps"
            unit = report["fields"][field]["compared_in"]
            parameters = made.get("parameters") or facts.get("parameters")
            hours, rate = facts.get("hours"), made.get("samples_per_second")
            kind = {
                "generative": made.get("mapper") != "Regression",
                "paired": made.get("mapper") != "CycleGAN",
                "folder": path.parent.relative_to(folder).as_posix(),
            }
            found.append(Entry(task, name, metrics, unit, parameters, hours, rate, made.get("likelihood"), **kind))
            for label, fields in report["baselines"].items():
                if (task, label) not in seen and fields.get(field):
                    seen.add((task, label))
                    found.append(Entry(task, f"*{label}*", fields[field], unit, None, None, None, None, True))
    return found


def read(path: Path) -> dict:
    """A JSON object, or `DatasetError` naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path} holds no JSON object.")
    return value


def markdown(entries: list[Entry], plot: str | None) -> str:
    """The whole board; a table a task, ordered by CRPS."""
    lines = ["# Leaderboard", ""]
    if not entries:
        return "\n".join([*lines, EMPTY])
    lines += [
        "Made by `skazoo leaderboard` from each preset's metrics.json. Lower is better for CRPS, energy score and TARP",
        "area; 1 is right for spread/error, T(k) and Fréchet/real; 68 for the interval. Baselines are in italics.",
        "",
    ]
    if plot:
        lines += [f"![quality against sampling rate]({plot})", ""]
    for task in dict.fromkeys(entry.task for entry in entries):
        members = sorted((one for one in entries if one.task == task), key=lambda one: order(one.metrics.get("crps")))
        heads = [
            f"{head} [{members[0].unit}]" if head == "CRPS" and members[0].unit else head for _, head, _ in COLUMNS
        ]
        heads = ["", *heads, "likelihood", "parameters", "train h", "samples/s"]
        lines += [f"## {task}", "", row(heads), row(["---"] + ["---:"] * (len(heads) - 1))]
        for one in members:
            cells = [shown(one.metrics.get(key), form) for key, _, form in COLUMNS]
            cells += [one.likelihood or "–", millions(one.parameters), shown(one.hours, "{:.2f}")]
            name = f"[{one.name}]({one.folder}/README.md)" if one.folder else one.name
            lines.append(row([name, *cells, shown(one.rate, "{:.3g}")]))
        lines += ["", *gates_of(members)]
    return "\n".join(lines)


def gates_of(members: list[Entry]) -> list[str]:
    """What the mappers of a task are held to, met or not."""
    found = verdicts(
        {one.name: one.metrics for one in members if not one.baseline},
        {one.name.strip("*"): one.metrics for one in members if one.baseline},
        tuple(one.name for one in members if not one.generative),
        tuple(one.name for one in members if not one.paired),
    )
    if not found:
        return []
    lines = [
        "Quality gates, first of the best generative mapper (who keeps most of them, then CRPS), then of every one:",
        "",
        row(["", "gate", "limit", "value", "met"]),
        row(["---", "---", "---", "---:", "---"]),
    ]
    for one in found:
        limits = [f"≥ {one.low:g}"] if one.low > 0 else []
        limits += [f"≤ {one.high:g}"] if math.isfinite(one.high) else []
        lines.append(row([one.who, one.gate, ", ".join(limits), f"{one.value:.3g}", "yes" if one.met else "**no**"]))
    return [*lines, ""]


def row(cells: list[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def order(value) -> float:
    """For sorting: what is undefined comes last."""
    return value if value is not None and math.isfinite(value) else math.inf


def shown(value, form: str) -> str:
    """A number in its format, in powers of ten where that would show nothing; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    tiny = form == "{:.3f}" and 0 < abs(value) < 5e-4  # a CRPS in Jy/beam
    return ("{:.2e}" if tiny else form).format(value).replace("-", "−")


def millions(count: int | None) -> str:
    """A number of weights, such as 1.2 M."""
    return "–" if not count else f"{count / 1e6:.2f} M"


def pareto_front(points: list[tuple[float, float]]) -> list[int]:
    """Numbers of the points (cost, error) that no other beats in both, in order of cost."""
    front, best = [], math.inf
    for number in sorted(range(len(points)), key=lambda number: points[number]):
        if points[number][1] < best:
            front.append(number)
            best = points[number][1]
    return front


def pareto_plot(entries: list[Entry], path: Path) -> bool:
    """Draw CRPS against seconds a sample, a panel a task, with the front; False where there is nothing to draw."""
    from matplotlib.figure import Figure

    from .style import COLOURS, DPI, figure_style

    known = [one for one in entries if order(one.metrics.get("crps")) < math.inf]
    tasks = list(dict.fromkeys(one.task for one in known if one.rate))
    if not tasks:
        return False
    with figure_style():
        figure = Figure(figsize=(7.5, 3.9 * len(tasks)), layout="constrained")
        panels = figure.subplots(len(tasks), 1, squeeze=False)[:, 0]
        for axes, task in zip(panels, tasks, strict=True):
            mappers = [one for one in known if one.task == task and one.rate]
            points = [(1 / one.rate, one.metrics["crps"]) for one in mappers]
            ends = {
                one.name[len(one.name.rsplit("_", 2)[0]) :] for one in mappers
            }  # _dm2hi_toy64 of FAMILY_dm2hi_toy64
            shared = ends.pop() if len(ends) == 1 else ""  # goes without saying
            front = pareto_front(points)
            axes.plot(*zip(*(points[i] for i in front), strict=True), color=COLOURS["mean"], lw=1.2, zorder=1)
            axes.scatter(*zip(*points, strict=True), color=COLOURS["samples"], zorder=2)
            for one, point in zip(mappers, points, strict=True):  # a name stands on the side away from its neighbour
                others = [other for other in points if other != point]
                nearest = min(others, key=lambda other: abs(math.log(other[0] / point[0])), default=(0, math.inf))
                left = any(1.02 < other[0] / point[0] < 3 for other in others)
                axes.annotate(
                    one.name.removesuffix(shared),
                    point,
                    xytext=(-5 if left else 5, 4 if point[1] > nearest[1] else -10),
                    textcoords="offset points",
                    ha="right" if left else "left",
                    fontsize=8,
                )
            # baselines that are far worse would press all that matters into one line
            lines = sorted(
                (one for one in known if one.task == task and one.baseline), key=lambda one: one.metrics["crps"]
            )
            top = 1.3 * max(error for _, error in points)
            near = [one for one in lines if one.metrics["crps"] < top]
            for one in near:
                error, below = one.metrics["crps"], one is near[0]
                axes.axhline(error, color=COLOURS["ideal"], lw=0.8, ls="--")
                axes.annotate(
                    one.name.strip("*"),
                    (1, error),
                    xycoords=("axes fraction", "data"),
                    xytext=(-3, -2 if below else 2),
                    textcoords="offset points",
                    ha="right",
                    va="top" if below else "bottom",
                    fontsize=7.5,
                    color="#666666",
                )
            far = [f"{one.name.strip('*')} {shown(one.metrics['crps'], '{:.3f}')}" for one in lines if one not in near]
            if far:
                above = textwrap.fill(f"above: {', '.join(far)}", 90)
                axes.annotate(above, (0.01, 0.97), xycoords="axes fraction", va="top", fontsize=7.5)
            shown_errors = [error for _, error in points] + [one.metrics["crps"] for one in near]
            room = 0.15 * (max(shown_errors) - min(shown_errors)) or 0.1 * max(shown_errors)
            axes.set_ylim(min(shown_errors) - room, max(shown_errors) + 2 * room)
            axes.set_xlim(min(cost for cost, _ in points) / 3, max(cost for cost, _ in points) * 30)
            axes.set(xscale="log", xlabel="seconds a sample", ylabel=f"CRPS [{mappers[0].unit}]", title=task)
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return True


def write_leaderboard(folder: Path, out: Path) -> list[Entry]:
    """Write leaderboard.md and leaderboard.png into `out` from the presets below `folder`; returns the entries."""
    from ..files import replacing_folder

    entries = entries_of(folder)
    with replacing_folder(out) as partial:
        plot = pareto_plot(entries, partial / "leaderboard.png")
        text = markdown(entries, "leaderboard.png" if plot else None)
        (partial / "leaderboard.md").write_text(text, encoding="utf-8")
    return entries
