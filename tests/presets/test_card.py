"""The card says what the files of the preset say, to people and to the Hub."""

import copy
import re

from huggingface_hub import ModelCard

from skazoo.metrics.headlines import HEADLINES
from skazoo.presets.card import model_card

from .measured import measured

DESCRIPTION = {"class_name": "Diffusion", "config": {"source": ["observed"], "target": ["field"], "image_size": 16}}
TRANSFORMS = {
    "observed": {"role": "source", "unit": "Jy / beam", "transform": {}},
    "field": {"role": "target", "unit": "Msun kpc-2", "transform": {}},
}
METADATA = {
    "parameter_count": 1_234_567,
    "dataset": "ska_tng/toy_64/1.0.0, train split of 2600 examples",
    "dataset_sha256": "ab" * 32,
    "hours": 1.5,
    "hardware": "2 cores, no GPU",
    "recipe": {"steps": 6000},
    "date_saved": "2026-11-25T00:00:00Z",
    "limits": ["Not for edge-on discs."],
    "citation": "Nelson et al. 2019",
}


def card(metrics=None, pictures=(), address=None, **metadata):
    return model_card("small", DESCRIPTION, TRANSFORMS, metrics, METADATA | metadata, pictures, address)


def test_the_hub_reads_back_every_headline():
    report = measured()
    data = ModelCard(card(report)).data
    assert (data.library_name, data.license, data.pipeline_tag) == ("skazoo", "apache-2.0", "image-to-image")
    assert data.model_name == "small"
    found = {each.metric_type: each for each in data.eval_results}
    expected = {one.key: report["metrics"]["field"].get(one.key) for one in HEADLINES}
    assert {key: each.metric_value for key, each in found.items()} == {
        k: v for k, v in expected.items() if v is not None
    }
    assert found["crps"].dataset_name == "ska_tng/toy_64, test split" and found["crps"].task_type == "image-to-image"
    assert found["crps"].dataset_args["num_samples"] == 8
    again = ModelCard(str(ModelCard(card(report))))
    assert again.data.to_dict() == data.to_dict()


def test_the_table_holds_mapper_baselines_and_oracle():
    report = measured()
    text = card(report)
    header = re.search(r"^\| field \| this mapper \| narrow \| oracle \|\n\|---\|---\|---\|---\|$", text, re.M)
    assert header
    row = re.search(r"^\| CRPS, pixels \|(.*)\|$", text, re.M)[1].split("|")
    numbers = [report["metrics"], *report["baselines"].values()]
    assert [float(cell.split()[0]) for cell in row] == [round(one["field"]["crps"], 3) for one in numbers]
    assert "6 maps of 6 galaxies, 8 samples each" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|") and "role" not in line}
    assert widths == {4, 5}  # the fields, and the metrics


def test_people_find_what_they_need():
    text = card({"crps": 0.25}, pictures=["samples.png", "calibration.png"], address="hf://ska/small")
    for words in (
        'from_pretrained("hf://ska/small")', "1,234,567 parameters", "| observed | source | Jy / beam |",
        "crps: 0.25", "![Samples](samples.png)", "![Calibration](calibration.png)", "Not for edge-on discs.",
        "toy universe", "training data: ska_tng/toy_64", "SHA-256 of the training data: abab", "hours: 1.5",
        "hardware: 2 cores, no GPU", '"steps": 6000', "Licence: apache-2.0", "Nelson et al. 2019",
        "date saved: 2026-11-25",
    ):  # fmt: skip
        assert words in text, words
    assert ModelCard(text).data.eval_results is None
    plain = card(dataset="ska_tng/tng50_1_64", license="MIT", citation=["A 2020", "B 2021"], limits="None known.")
    assert "toy universe" not in plain and "](samples.png)" not in plain and "## What it measured" not in plain
    assert ModelCard(plain).data.license == "mit" and "- A 2020\n- B 2021\n" in plain and "- None known." in plain


def test_what_a_mapper_cannot_do_stands_among_its_limits():
    report = copy.deepcopy(measured())
    found = report["metrics"]["field"]
    found |= {"transfer_oracle": 0.19, "transfer_misfit": 0.5, "spread_skill": 1.1}  # the oracle's scatter cancels
    assert "T(k)): measure no" not in card(report) and "times as much as they err" not in card(report)
    found |= {"transfer_oracle": None, "spread_skill": 0.41}
    text = card(report)
    assert "- The structure of its field maps has up to 50% more or less amplitude" in text
    assert "- Its samples of field spread 0.41 times as much as they err" in text and "without pairs" not in text
    unpaired = DESCRIPTION | {"class_name": "CycleGAN"}
    assert "- Trained without pairs" in model_card("small", unpaired, TRANSFORMS, report, METADATA)


def test_what_is_undefined_stays_out_of_the_metadata():
    report = copy.deepcopy(measured())
    report["metrics"]["field"] |= {"crps": None, "psnr": None}
    report["warnings"] = ["field: 3 samples are not finite."]
    for one in report["baselines"].values():
        one["field"]["psnr"] = None
    text = card(report)
    assert not {"crps", "psnr"} & {each.metric_type for each in ModelCard(text).data.eval_results}
    assert "| CRPS, pixels | – |" in text and "| PSNR" not in text
    assert "- field: 3 samples are not finite." in text
    report["baselines"] = {}
    assert "| field | this mapper |\n|---|---|\n" in card(report)
