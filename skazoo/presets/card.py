"""The README of a preset, generated from its own files: what it does, what it measured, how it was made."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from pathlib import Path

from .manifest import read_json

__all__ = ["PICTURES", "model_card", "write_card"]

PICTURES = {
    "samples.png": ("Samples", "Source, truth and samples of galaxies that were not trained on."),
    "calibration.png": ("Calibration", "How often the truth lies where the samples say."),
}
_LICENSE = "apache-2.0"
_UNPAIRED = ("CycleGAN",)
_CITATION = "The skazoo developers, skazoo: learned maps between simulations and mock SKA observations, 2026"


def write_card(folder: Path, name: str, address: str | None = None) -> None:
    """Write README.md from the other files in `folder`; `write_manifest` has to follow.

    Args:
        folder: of the preset.
        name: for the title.
        address: for `from_pretrained`, such as "hf://org/name"; the name by default.
    """
    config, transforms, metrics, metadata = (
        read_json(folder / f"{part}.json") for part in ("config", "transforms", "metrics", "metadata")
    )
    pictures = [picture for picture in PICTURES if (folder / picture).is_file()]
    text = model_card(name, config, transforms, metrics, metadata, pictures, address)
    (folder / "README.md").write_text(text, encoding="utf-8")


def model_card(
    name: str,
    description: dict,
    transforms: dict,
    metrics: dict | None,
    metadata: dict,
    pictures: Collection[str] = (),
    address: str | None = None,
) -> str:
    """Markdown with the Hub's front matter.

    Args:
        name, address: see `write_card`.
        description, transforms: contents of config.json and transforms.json.
        metrics: a report of `skazoo.metrics.evaluate` (`Report.to_dict()`), or any {name: number}.
        metadata: contents of metadata.json. These keys have places of their own: dataset, dataset_sha256, hours,
            hardware, license, citation (of more than skazoo), limits (a list of sentences), recipe. Others are listed.
        pictures: those of `PICTURES` that lie beside the card.
    """
    config = description["config"]
    source, target = ", ".join(config["source"]), ", ".join(config["target"])
    size = config["image_size"]
    lines = [
        _front(name, metrics, metadata),
        f"# {name}",
        "",
        f"A {description['class_name']} that draws {target} maps given {source} maps, "
        f"trained at {size} x {size} pixels ({metadata['parameter_count']:,} parameters).",
        "",
        "```python",
        "import skazoo",
        "",
        f'mapper = skazoo.from_pretrained("{address or name}")',
        f"samples = mapper.sample(source_maps, num_samples=8, seed=0)  # (8, batch, {size}, {size}, "
        f"{len(config['target'])}), physical units",
        "```",
        "",
        "| field | role | unit |",
        "|---|---|---|",
        *(f"| {field} | {each['role']} | {each['unit'] or '-'} |" for field, each in transforms.items()),
        "",
        *_measured(metrics),
    ]
    for picture in PICTURES:
        if picture in pictures:
            title, words = PICTURES[picture]
            lines += [f"## {title}", "", words, "", f"![{title}]({picture})", ""]
    lines += ["## Limits", "", *(f"- {limit}" for limit in _limits(description, metrics, metadata)), ""]
    lines += ["## How it was made", "", *_made(metadata), ""]
    lines += ["## Licence and citation", "", f"Licence: {metadata.get('license', _LICENSE)}.", ""]
    lines += ["Please cite:", "", f"- {_CITATION}", *(f"- {each}" for each in _several(metadata.get("citation"))), ""]
    return "\n".join(lines)


def _front(name: str, metrics: dict | None, metadata: dict) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        library_name="skazoo",
        license=str(metadata.get("license", _LICENSE)).lower(),
        pipeline_tag="image-to-image",
        tags=["keras", "astronomy", "SKA", "image-to-image", "simulation"],
        model_name=name,
        eval_results=_results(metrics) or None,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _results(metrics: dict | None) -> list:
    """Each headline of each field as the Hub's `EvalResult`."""
    from huggingface_hub import EvalResult

    if not _is_report(metrics):
        return []
    where = metrics["provenance"]
    dataset = str(where["dataset"])
    return [
        EvalResult(
            task_type="image-to-image",
            task_name=f"{' + '.join(metrics['source'])} to {field}",
            dataset_type="ska_tng",
            dataset_name=dataset,
            dataset_args={"num_samples": where["num_samples"], "maps": where["maps"], "seed": where["seed"]},
            metric_type=headline.key,
            metric_name=f"{headline.label} ({field})",
            metric_value=found[headline.key],
        )
        for field, found in metrics["metrics"].items()
        for headline in _headlines()
        if _is_number(found.get(headline.key))
    ]


def _measured(metrics: dict | None) -> list[str]:
    """The tables of a report, a column for each baseline; or the numbers one by one."""
    if not metrics:
        return []
    lines = ["## What it measured", ""]
    if not _is_report(metrics):
        return lines + [f"- {key}: {value}" for key, value in metrics.items()] + [""]
    from ..metrics.headlines import format_value

    where = metrics["provenance"]
    lines += [
        f"{where['dataset']}: {where['maps']} maps of {where['galaxies']} galaxies, {where['num_samples']} samples "
        f"each; commit {where.get('git_commit') or 'unknown'}. metrics.json holds all of it.",
        "",
    ]
    for field, found in metrics["metrics"].items():
        columns = [found, *(one.get(field, {}) for one in metrics["baselines"].values())]
        lines += [f"| {field} | this mapper | {' | '.join(metrics['baselines'])} |".replace("|  |", "|")]
        lines += ["|---" * (1 + len(columns)) + "|"]
        step = metrics["fields"][field]["compared_in"]
        for headline in _headlines():
            values = [column.get(headline.key) for column in columns]
            if any(map(_is_number, values)):
                cells = " | ".join(format_value(value, headline, step) for value in values)
                lines.append(f"| {headline.label} | {cells} |")
        lines.append("")
    return lines


def _limits(description: dict, metrics: dict | None, metadata: dict) -> list[str]:
    config, lines = description["config"], _several(metadata.get("limits"))
    if description.get("class_name") in _UNPAIRED:
        lines.append(
            "Trained without pairs: it knows what both kinds of maps look like, not which belong together. Read no "
            "uncertainty off its samples."
        )
    for field, found in (metrics["metrics"] if _is_report(metrics) else {}).items():
        lines += _shortcomings(field, found)
    if "toy" in str(metadata.get("dataset", "")):
        lines.append(
            "Trained on skazoo's built-in toy universe, whose galaxies imitate those of TNG in a few numbers only: "
            "good for learning and for tests of methods, no evidence about real galaxies."
        )
    lines.append(
        f"Valid for maps like those it was trained on: {config['image_size']} pixels, the pixel scale, redshift, "
        "units and noise of its training data."
    )
    return lines + (metrics["warnings"] if _is_report(metrics) else [])


def _shortcomings(field: str, found: dict) -> list[str]:
    """What a reader of the tables might miss, by the leaderboard's gates of every mapper and of a spread."""
    lines, spread = [], found.get("spread_skill")
    misfit = next((found[key] for key in ("transfer_oracle", "transfer_misfit") if _is_number(found.get(key))), 0.0)
    if misfit > 0.2:
        lines.append(
            f"The structure of its {field} maps has up to {misfit:.0%} more or less amplitude than the truth's at "
            "scales down to four pixels (T(k)): measure no power spectrum or small structure on them."
        )
    if _is_number(spread) and not 0.85 <= spread <= 1.15:
        lines.append(f"Its samples of {field} spread {spread:.2f} times as much as they err: 1 would be calibrated.")
    return lines


def _made(metadata: dict) -> list[str]:
    facts = {key: value for key, value in metadata.items() if key not in ("license", "citation", "limits", "recipe")}
    labels = {"dataset": "training data", "dataset_sha256": "SHA-256 of the training data"}
    first = [key for key in ("dataset", "dataset_sha256", "hours", "hardware") if key in facts]
    lines = [f"- {labels.get(key, key.replace('_', ' '))}: {facts[key]}" for key in [*first, *(facts.keys() - first)]]
    lines[len(first) :] = sorted(lines[len(first) :])
    if "recipe" in metadata:
        lines += ["", "```json", json.dumps(metadata["recipe"], indent=2), "```"]
    return lines


def _is_report(metrics: dict | None) -> bool:
    return bool(metrics) and {"metrics", "baselines", "provenance", "fields", "source", "warnings"} <= set(metrics)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _several(value) -> list[str]:
    return [] if not value else [value] if isinstance(value, str) else [str(each) for each in value]


def _headlines():
    from ..metrics.headlines import HEADLINES  # the metrics come later in the design, and import nothing heavy here

    return HEADLINES
