"""What the best mapper of a task and every generative one are held to, and whether they keep it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .noise_bins import BINS

__all__ = ["Verdict", "verdicts"]

DECONVOLUTIONS = ("CLEAN", "Wiener filter")
PAIRLESS = ("rescale", "histogram matching")  # baselines that see no pairs
DEAR = ("oracle", "telescope guidance")  # baselines that are not cheap


@dataclass(frozen=True)
class Verdict:
    """One line: `value` of `who` for what `gate` says, which must lie in `low` ... `high`.

    Attributes:
        who: name of the preset.
        gate: what is asked.
        value, low, high: number found, and the range it must lie in.
    """

    who: str
    gate: str
    value: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        """False also where the value is undefined."""
        return self.low <= self.value <= self.high


# gate, key of the metric, how, range; "oracle" divides by the oracle's, "size" leaves the sign out
TRANSFER = "largest misfit of T(k) to 0.5 Nyquist, over the oracle's where that is known"
BEST = (
    ("CRPS over the oracle's", "crps", "oracle", (-math.inf, 1.10)),
    (TRANSFER, "transfer", "", (0.0, 0.10)),
    ("spread / error", "spread_skill", "", (0.85, 1.15)),
    ("TARP, largest deviation", "tarp_deviation", "", (0.0, 0.07)),
    ("bias of the total, either way, dex", "total_bias", "size", (0.0, 0.05)),
    ("scatter of the total over the oracle's", "total_scatter", "oracle", (0.8, 1.2)),
    ("density", "density", "", (0.85, math.inf)),
    ("coverage", "feature_coverage", "", (0.85, math.inf)),
    ("copies of training maps, %", "copied", "", (0.0, 2.5)),
)
EVERY = ((TRANSFER, "transfer", "", (0.0, 0.20)),)


def verdicts(
    mappers: dict[str, dict],
    baselines: dict[str, dict],
    regressions: tuple[str, ...] = (),
    unpaired: tuple[str, ...] = (),
) -> list[Verdict]:
    """Gates of one task, of the best generative mapper (most gates met, then CRPS) first, then of all generative ones.

    Args:
        mappers, baselines: name -> metrics of the task's target field; "oracle", "CLEAN" and "Wiener filter" among the
            baselines bring gates of their own.
        regressions: names among the mappers that are no generative ones.
        unpaired: names among the mappers that have learned without pairs; they also stand beside such baselines.
    """
    mappers = {name: _with_transfer(found) for name, found in mappers.items()}
    rivals = {name: found for name, found in mappers.items() if name not in regressions and _known(found, "crps")}
    if not rivals:
        return []
    oracle = baselines.get("oracle", {})
    deconvolutions = {name: baselines.get(name, {}) for name in DECONVOLUTIONS}

    def of_the_best(name: str) -> list[Verdict]:
        kept = [
            _verdict(name, rivals[name], oracle, *gate)
            for gate in BEST
            if _known(rivals[name], gate[1]) and (gate[2] != "oracle" or _known(oracle, gate[1]))
        ]
        return kept + _against_deconvolution(name, rivals[name], deconvolutions)

    ranked = sorted(rivals, key=lambda name: rivals[name]["crps"])
    found = max(map(of_the_best, ranked), key=lambda each: sum(verdict.met for verdict in each))
    cheap = [each["crps"] for name, each in baselines.items() if name not in DEAR and _known(each, "crps")]
    for name, each in rivals.items():
        if cheap:
            label = "CRPS over the best cheap baseline's"
            found.append(Verdict(name, label, _ratio(each["crps"], min(cheap)), -math.inf, 1.0))
        found += [_verdict(name, each, oracle, *gate) for gate in EVERY if _known(each, gate[1])]
        if name in unpaired:
            found += _against_pairless(name, each, {label: baselines.get(label, {}) for label in PAIRLESS})
    return found


def _verdict(who: str, metrics: dict, oracle: dict, label: str, key: str, how: str, limits: tuple) -> Verdict:
    change: dict[str, Callable[[float], float]] = {"oracle": lambda value: _ratio(value, oracle[key]), "size": abs}
    return Verdict(who, label, change.get(how, float)(metrics[key]), *limits)


def _against_deconvolution(who: str, metrics: dict, rivals: dict[str, dict]) -> list[Verdict]:
    """Against the better of CLEAN and Wiener filter in each class of signal to noise."""
    found = []
    for name in BINS:
        for key, label, low_is_good in (
            (f"crps_{name}", "CRPS over the better of CLEAN and Wiener", True),
            (f"flux_error_{name}", "flux error of the mean over the better of these", True),
            (f"correlation_{name}", "r(k) of the mean over the better of these", False),
        ):
            values = [each[key] for each in rivals.values() if _known(each, key)]
            if values and _known(metrics, key):
                ratio = _ratio(metrics[key], (min if low_is_good else max)(values))
                found.append(
                    Verdict(who, f"{label}, {name}", ratio, *((-math.inf, 1.0) if low_is_good else (1.0, math.inf)))
                )
    return found


def _against_pairless(who: str, metrics: dict, rivals: dict[str, dict]) -> list[Verdict]:
    """Against the better of the baselines that see no pairs either, by scores in which a spread may pay.

    (Not by r(k), in which a single estimate stands before any sample: the oracle's too.)
    """
    found = []
    for key, label in (
        ("crps", "CRPS over the best baseline's that sees no pairs"),
        ("energy_score", "energy score over the best of these"),
    ):
        values = [each[key] for each in rivals.values() if _known(each, key)]
        if values and _known(metrics, key):
            found.append(Verdict(who, label, _ratio(metrics[key], min(values)), -math.inf, 1.0))
    return found


def _with_transfer(metrics: dict) -> dict:
    """T(k) has a scatter of 8 % over 404 galaxies, which is the truths': over the oracle's it cancels."""
    key = "transfer_oracle" if _known(metrics, "transfer_oracle") else "transfer_misfit"
    return metrics | {"transfer": metrics.get(key)}


def _ratio(value: float, reference: float) -> float:
    """NaN, which meets no gate, where the reference is not above zero."""
    return value / reference if reference > 0 else math.nan


def _known(metrics: dict, key: str) -> bool:
    value = metrics.get(key)
    return value is not None and math.isfinite(value)
