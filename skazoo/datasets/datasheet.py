"""The datasheet of a prepared dataset: what it is made of and how, in Markdown with the Hub's front matter."""

from __future__ import annotations

import json

__all__ = ["datasheet"]


def datasheet(info) -> str:
    """Text of the card of a dataset.

    Args:
        info: `tfds.core.DatasetInfo` of a prepared `ska_tng` configuration.
    """
    facts = info.metadata
    toy = facts["run"] == "toy"
    front = {
        "license": "cc0-1.0" if toy else "other",
        "pretty_name": info.full_name,
        "task_categories": ["image-to-image"],
        "tags": ["astronomy", "SKA", "HI", "simulation"],
    }
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in front.items()), "---", ""]
    lines += [f"# {info.full_name}", "", info.config_description or "", "", info.description.strip(), ""]
    lines += ["## Splits", "", "| split | examples | shards | content SHA-256 |", "|---|---|---|---|"]
    content = facts.get("content_sha256", {})
    for name, split in info.splits.items():
        lines.append(f"| {name} | {split.num_examples} | {split.num_shards} | `{content.get(name, '')[:16]}` |")
    how = facts["splits"]
    lines += ["", f"By {how['by']}; fractions {how['fractions']}."]
    if how.get("ood_mass"):
        lines.append(f"`ood_mass`: galaxies whose halo has {how['ood_mass']:.3g} Msun or more, in no other split.")
    if how.get("leave_out"):
        lines.append(f"`ood_simulation`: {how['leave_out']}, in no other split.")
    split = facts.get("statistics_split", "train")
    lines += ["", f"## Maps (statistics of the split {split})", ""]
    lines += ["| field | unit | min | median | max | mean | std | zero |", "|---|---|---|---|---|---|---|---|"]
    for name, one in facts.get("statistics", {}).items():
        numbers = [one["min"], one["quantiles"]["0.5"], one["max"], one["mean"], one["std"]]
        cells = " | ".join(f"{number:.3g}" for number in numbers)
        lines.append(f"| {name} | {facts['units'][name]} | {cells} | {100 * one['zero_fraction']:.1f} % |")
    view = facts["view"]
    lines += ["", "## How it was made", ""]
    lines.append(f"- {view['npix']} x {view['npix']} pixels of a frame of {view['extent_kpc']:g} kpc, {facts['views']} "
                 "view(s) of each galaxy, uniform in SO(3); the rotation matrix is recorded.")  # fmt: skip
    if view["array"]:
        hours = view["hours"]
        time = f"{hours[0]:g} to {hours[1]:g} h, drawn for each example" if isinstance(hours, list) else f"{hours:g} h"
        lines.append(
            f"- Observed with {view['array']} as at z = {view['observed_redshift']:g}, {time}, channel of "
            f"{view['channel_width_kms']:g} km/s, robust {view['robust']:g}, taper of {view['taper_arcsec']:g} arcsec."
        )
        beam = facts.get("observation", {}).get("beam")
        if beam is not None:
            lines.append(f"- Beam {beam[0]:.2f} x {beam[1]:.2f} arcsec.")
    lines.append(f"- skazoo {facts['skazoo_version']}, code SHA-256 `{facts['code_sha256'][:16]}`; seed of each "
                 f"example: {facts['seed']}.")  # fmt: skip
    skipped = facts.get("skipped", {})
    if skipped:
        lines += ["", f"## Galaxies left out ({len(skipped)})", ""]
        lines += [f"- {name}: {reason}" for name, reason in sorted(skipped.items())]
    if facts.get("sources"):
        lines += ["", "## Source files", ""]
        lines += [f"- {name} `{value}`" for name, value in sorted(facts["sources"].items())]
    lines += ["", "## Licence and citation", "", f"Licence: {facts['license']}."]
    lines += [f"Please cite: {facts['citation']}."] if facts.get("citation") else []
    return "\n".join(lines) + "\n"
