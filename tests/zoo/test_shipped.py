"""The presets in the package: whole, small, measured, and told of in the leaderboard as they are."""

import json
from pathlib import Path

import pytest

from skazoo.metrics.leaderboard import entries_of, markdown
from skazoo.presets import list_pretrained, shipped, verify
from skazoo.presets.folder import REQUIRED
from skazoo.training import read_recipe

PRESETS = shipped()
ZOO = Path(__file__).parents[2] / "zoo"
MEGABYTE = 1e6


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_whole_small_and_measured(name):
    folder = PRESETS[name]
    verify(folder, (*REQUIRED, "recipe.json", "README.md", "samples.png", "calibration.png"))
    assert (folder / "model.weights.h5").stat().st_size <= 4 * MEGABYTE
    recipe = read_recipe(folder / "recipe.json")
    facts = json.loads((folder / "metadata.json").read_text())
    config = json.loads((folder / "config.json").read_text())["config"]
    # what `skazoo train NAME` would run is what was run
    for key in ("source", "target", "image_size", "steps", "learning_rate", "batch_size", "mapper", "dtype", "seed"):
        assert facts["recipe"][key] == recipe[key], key
    assert config["source"] == recipe["source"] and config["dtype"] == "float32"
    assert len(facts["dataset_sha256"]) == 64 and facts["hours"] > 0 and facts["hardware"]
    measured = json.loads((folder / "metrics.json").read_text())
    assert (
        measured["provenance"]["dataset"].startswith("ska_tng/toy_64") and "test" in measured["provenance"]["dataset"]
    )
    assert len(measured["provenance"]["git_commit"]) >= 7
    assert name in (folder / "README.md").read_text()


def test_all_of_them_fit_into_the_wheel():
    weights = sum((folder / "model.weights.h5").stat().st_size for folder in PRESETS.values())
    assert weights <= 40 * MEGABYTE


def test_the_leaderboard_is_of_these_numbers():
    plot = "leaderboard.png" if (ZOO / "leaderboard.png").exists() else None
    assert (ZOO / "leaderboard.md").read_text(encoding="utf-8") == markdown(entries_of(ZOO), plot)


def test_presets_are_found_by_family_and_field():
    everything = list_pretrained()
    assert set(everything) == set(PRESETS)
    for facts in everything.values():
        assert facts["parameters"] > 0 and facts["image_size"] == 64
    for name, facts in list_pretrained(source="ska").items():
        assert "ska" in facts["source"] and "ska2" in name
