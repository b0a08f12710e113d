"""What every standard gives to the command, and how its outcome is shown and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...files import replacing

__all__ = ["Benchmark", "Score", "save", "table"]


class Score(NamedTuple):
    """One number of a mapper beside what could be had at best."""

    value: float
    floor: float | None  # of the perfect mapper, or None where it is not known
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Benchmark:
    """A problem to train on.

    Attributes:
        name: for the table; empty where the standard has one problem only.
        make: (class, arguments, seed) -> a mapper for it.
        draw: (n, seed) -> a fresh batch (source, target).
        score: mapper -> {name: Score}.
        held_out: () -> (source, target) on which the best weights of a training are chosen; None to take the last.
    """

    name: str
    make: Callable
    draw: Callable
    score: Callable
    held_out: Callable | None = None


def table(outcomes: list[dict]) -> str:
    """All outcomes as text, score beside floor."""
    lines = []
    for outcome in outcomes:
        which = " ".join(part for part in (outcome["standard"], outcome["problem"]) if part)
        likelihood = f", likelihood {outcome['likelihood']}" if outcome["likelihood"] else ", no likelihood"
        lines.append(
            f"{outcome['mapper']} on {which}: {outcome['parameters']:,} parameters{likelihood}, "
            f"{outcome['steps']} steps in {outcome['seconds'] / 60:.1f} minutes"
        )
        lines.append(f"  {'':<22}{'score':>10}{'best':>10}")
        for name, score in outcome["scores"].items():
            value = "-" if not math.isfinite(score.value) else f"{score.value:.4f}"
            floor = "" if score.floor is None else f"{score.floor:.4f}"
            lines.append(f"  {name:<22}{value:>10}{floor:>10}  {score.unit:<14}{score.note}".rstrip())
    return "\n".join(lines)


def save(outcomes: list[dict], folder: Path) -> Path:
    """Write the outcomes as `scores.json` into the folder; numbers that are undefined are null."""
    path = folder / "scores.json"
    kept = [{**outcome, "scores": {k: plain(v) for k, v in outcome["scores"].items()}} for outcome in outcomes]
    with replacing(path) as partial:
        partial.write_text(json.dumps(kept, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def plain(score: Score) -> dict:
    """A score as JSON knows it."""
    return {**score._asdict(), "value": score.value if math.isfinite(score.value) else None}
