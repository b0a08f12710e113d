"""What an evaluation found: plain numbers, small arrays, and where they come from."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DatasetError
from ..files import replacing_folder
from .headlines import HEADLINES, format_value
from .scales import Scale

__all__ = ["Report"]

FORMAT = 1


@dataclass
class Report:
    """The result of `evaluate`.

    Attributes:
        source, target: field names.
        scales: field -> comparison scale (unit, floor).
        metrics: target field -> {metric: number}; the names are explained in `headlines.HEADLINES`.
        cases: target field -> how many cases were scored, set aside, and why.
        curves: target field -> small arrays behind the figures.
        baselines, baseline_cases: baseline -> the same as `metrics` and `cases`.
        provenance: mapper, parameters, versions, commit, dataset, numbers of maps and samples, time, seed.
        sheets: maps for the image sheet; in the page, not in the JSON file.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    scales: dict[str, Scale]
    metrics: dict[str, dict[str, float]]
    cases: dict[str, dict[str, int]]
    curves: dict[str, dict]
    provenance: dict
    baselines: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    baseline_cases: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    sheets: list[dict] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before any number: samples that are not finite, undefined metrics, odd truths."""
        lines = []
        for who, cases in (("", self.cases), *self.baseline_cases.items()):
            for name, count in cases.items():
                of = f"{name}" if not who else f"{name} of baseline {who!r}"
                whole = count["scored"] + count["set_aside"]
                if count["nonfinite_samples"]:
                    lines.append(
                        f"{of}: {count['nonfinite_samples']} samples are not finite; the {count['set_aside']} of "
                        f"{whole} maps they belong to are in no number below, which all flatter the mapper."
                    )
                if not who and count["empty_truths"]:
                    lines.append(
                        f"{of}: {count['empty_truths']} of {whole} truths are empty and have no total or shape."
                    )
                if not who and count["other_pixel_scales"]:
                    lines.append(
                        f"{of}: {count['other_pixel_scales']} maps have another pixel scale than the first; their "
                        "spectra were interpolated to its wavenumbers in kpc^-1, where they overlap. Radial "
                        "profiles, bispectra and Minkowski functionals are averaged pixel by pixel."
                    )
        for name, found in self.metrics.items():
            unlikely = int(found.get("nonfinite_likelihoods", 0))
            if unlikely:
                lines.append(f"{name}: {unlikely} truths have no finite likelihood; bits per dimension are undefined.")
            if "bits_per_dim" in found and self.provenance["likelihood"] == "bound":
                lines.append(f"{name}: bits per dimension are an upper bound, from a lower bound of the likelihood.")
            lost = int(found.get("undefined_total", 0))
            if lost:
                lines.append(f"{name}: {lost} samples have no positive total; they are not in the bias and scatter.")
        if self.provenance["num_samples"] == 1:
            lines.append(
                "one sample a map: spread, ranks, coverage and TARP are undefined; use num_samples of 8 or more."
            )
        return lines

    def summary(self) -> str:
        """The headline numbers as a text table, a column a baseline."""
        lines = []
        for name in self.target:
            columns = [self.provenance["mapper"], *self.baselines]
            table = [["", *columns]]
            for headline in HEADLINES:
                values = [one.get(headline.key) for one in self.columns(name)]
                if any(value is not None and math.isfinite(value) for value in values):
                    step = self.scales[name].step
                    table.append([headline.label, *(format_value(value, headline, step) for value in values)])
            widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
            lines.append(
                f"{' + '.join(self.source)} -> {name}: {self.provenance['maps']} maps of "
                f"{self.provenance['galaxies']} galaxies, {self.provenance['num_samples']} samples each, "
                f"{self.provenance['dataset']}"
            )
            for row in table:
                cells = [
                    row[0].ljust(widths[0]),
                    *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
                ]
                lines.append("  ".join(cells).rstrip())
            lines.append("")
        lines.extend(f"Warning: {line}" for line in self.warnings)
        return "\n".join(lines).rstrip()

    def columns(self, name: str) -> list[dict[str, float]]:
        """Metrics of one field: of the mapper, then of each baseline."""
        return [self.metrics[name], *(one[name] for one in self.baselines.values())]

    def to_dict(self) -> dict:
        """JSON-able contents without the image sheet; numbers that are undefined are None."""
        units = {
            name: {"unit": one.unit, "floor": one.floor, "compared_in": one.step} for name, one in self.scales.items()
        }
        return plain(
            {
                "format": FORMAT,
                "source": self.source,
                "target": self.target,
                "fields": units,
                "metrics": self.metrics,
                "cases": self.cases,
                "baselines": self.baselines,
                "baseline_cases": self.baseline_cases,
                "warnings": self.warnings,
                "provenance": self.provenance,
                "curves": self.curves,
            }
        )

    def save(self, folder: str | os.PathLike) -> Path:
        """Write report.json and the self-contained report.html into `folder`, whole or not at all; returns it.

        Raises:
            OutputError: the folder cannot be written.
        """
        from .page import page

        if not self.sheets:
            raise DatasetError("this report has no image sheet: only the report that evaluate returned can be saved.")
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        html = page(self)
        with replacing_folder(folder) as partial:
            (partial / "report.json").write_text(text + "\n", encoding="utf-8")
            (partial / "report.html").write_text(html, encoding="utf-8")
        return Path(folder)


def plain(value):
    """Numpy and tuples as JSON knows them: six digits for array elements, None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain([float(f"{one:.6g}") for one in value.ravel()] if value.ndim == 1 else value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
