"""What a prepared dataset says about itself besides its features: statistics, sources, licence, citations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .features import map_names
from .plan import Plan
from .shards import Written
from .statistics import FieldStatistics

__all__ = ["CITATIONS", "license_of", "summary"]

# beginning of a configuration's run -> what to cite, and under which terms its source is had
CITATIONS = {
    "tng50": "Nelson et al. 2019, MNRAS 490, 3234; Pillepich et al. 2019, MNRAS 490, 3196; data release: Nelson et al. "
    "2019, Computational Astrophysics and Cosmology 6, 2",
    "tng100": "Springel et al., Pillepich et al., Naiman et al., Marinacci et al., Nelson et al. 2018, MNRAS; data "
    "release: Nelson et al. 2019, Computational Astrophysics and Cosmology 6, 2",
    "tng300": "Springel et al., Pillepich et al., Naiman et al., Marinacci et al., Nelson et al. 2018, MNRAS; data "
    "release: Nelson et al. 2019, Computational Astrophysics and Cosmology 6, 2",
    "camels": "Villaescusa-Navarro et al. 2021, ApJ 915, 71; data release: Villaescusa-Navarro et al. 2023, "
    "ApJS 265, 54",
    "eagle": "Schaye et al. 2015, MNRAS 446, 521; Crain et al. 2015, MNRAS 450, 1937; data release: McAlpine et al. "
    "2016, Astronomy and Computing 15, 72",
    "simba": "Dave et al. 2019, MNRAS 486, 2827",
    "fire": "Hopkins et al. 2018, MNRAS 480, 800; data release: Wetzel et al. 2023, ApJS 265, 44",
}


def license_of(run: str) -> str:
    """Licence of the maps: the toy universe's are given away, others are as free as their source."""
    if run == "toy":
        return "CC0-1.0"
    return f"that of the simulation the files come from ({run}); skazoo ships none of its data"


def summary(plan: Plan, written: Sequence[Written]) -> dict:
    """Statistics, skipped galaxies and content hashes of all shards, as plain JSON."""
    statistics = {name: FieldStatistics(name) for name in map_names(plan.view)}
    split = next(shard.split for shard in plan.shards if shard.statistics)
    content: dict[str, hashlib._Hash] = {}
    skipped: dict[str, str] = {}
    for shard, note in zip(plan.shards, written, strict=True):
        skipped |= note.skipped
        content.setdefault(shard.split, hashlib.sha256()).update(bytes.fromhex(note.content))
        if shard.statistics and note.examples:
            for name, state in note.statistics.items():
                statistics[name].merge(state)
    return {
        "statistics": {name: one.result() for name, one in statistics.items() if one.maps},
        "statistics_split": split,
        "skipped": skipped,
        "content_sha256": {name: value.hexdigest() for name, value in content.items()},
    }
