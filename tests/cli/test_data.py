"""`skazoo data`: build, look, describe, export; every mistake one sentence."""

import json

import h5py
import numpy as np
import pytest

from skazoo.cli import data
from skazoo.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data folder with toy_mini cut down to 8 galaxies of 16 pixels, built on the command line."""
    from tests.datasets.conftest import small_config
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    folder = tmp_path_factory.mktemp("data")
    Builder.builder_configs  # noqa: B018, made on first use
    config = small_config(name="tiny", galaxies=24, views=1, array="ska-mid-aa2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Builder, "builder_configs", {**Builder.builder_configs, "tiny": config})
        patch.setattr(Builder, "BUILDER_CONFIGS", [*Builder.BUILDER_CONFIGS, config])
        assert main(["data", "build", "tiny", "--data-dir", str(folder), "--workers", "1"]) == 0
        yield folder


def test_info_says_what_is_there_and_verifies(folder, capsys):
    assert main(["data", "info", "tiny", "--data-dir", str(folder), "--verify"]) == 0
    out = capsys.readouterr().out
    assert "dark_matter" in out and "train: content is as recorded" in out
    assert main(["data", "info", "tiny", "--data-dir", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert sum(facts["examples"].values()) == 24 and facts["units"]["hi"] == "solMass / kpc2"


def test_info_finds_a_changed_example(folder, capsys, monkeypatch):
    inner = data.examples_of

    def changed(builder, split):
        found, count = inner(builder, split)
        return ({**e, "hi": e["hi"] * np.float32(1.0001)} for e in found), count

    monkeypatch.setattr(data, "examples_of", changed)
    assert main(["data", "info", "tiny", "--data-dir", str(folder), "--verify"]) == 2
    assert "not what was written" in capsys.readouterr().err


def test_show_draws_a_sheet(folder, tmp_path):
    from matplotlib.image import imread

    out = tmp_path / "sheet.png"
    command = [
        "data",
        "show",
        "tiny",
        "--data-dir",
        str(folder),
        "--count",
        "5",
        "--fields",
        "hi,ska",
        "--out",
        str(out),
    ]
    assert main(command) == 0
    image = imread(out)
    assert image.std() > 0.05 and [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


def test_card_is_a_datasheet(folder, tmp_path):
    out = tmp_path / "card.md"
    assert main(["data", "card", "tiny", "--data-dir", str(folder), "--out", str(out)]) == 0
    text = out.read_text()
    assert text.startswith("---\nlicense:") and "| hi | solMass / kpc2 |" in text and "10 to 1000 h" in text


def test_export_as_hdf5_and_npy(folder, tmp_path):
    where = ["--data-dir", str(folder), "--split", "train"]
    assert main(["data", "export", "tiny", *where, "--out", str(tmp_path / "t.hdf5")]) == 0
    assert (
        main(["data", "export", "tiny", *where, "--format", "npy", "--fields", "hi", "--out", str(tmp_path / "n")]) == 0
    )
    stack = np.load(tmp_path / "n" / "Maps_hi.npy")
    with h5py.File(tmp_path / "t.hdf5") as file:
        assert file["hi"].attrs["unit"] == "solMass / kpc2" and json.loads(file.attrs["metadata"])["split"] == "train"
        np.testing.assert_array_equal(file["hi"][:], stack)
        names = [name.decode() for name in file["id"][:]]
    rows = (tmp_path / "n" / "facts.csv").read_text().splitlines()
    assert len(rows) == len(stack) + 1 and all(name in row for name, row in zip(names, rows[1:], strict=True))
    assert not list(tmp_path.glob(".*"))


MISTAKES = {
    "split": (["info", "tiny", "--json"], None),
    "unprepared": (["show", "toy_32"], "not prepared.*skazoo data build toy_32"),
    "unknown": (["info", "toy_33"], "unknown configuration 'toy_33'"),
    "no split": (["show", "tiny", "--split", "tset"], "no split 'tset'"),
    "no field": (["show", "tiny", "--fields", "hj"], "no field 'hj'"),
    "count": (["show", "tiny", "--count", "0"], "--count"),
    "export format": (["export", "tiny", "--format", "fits", "--out", "x"], "format"),
    "export field": (["export", "tiny", "--format", "npy", "--split", "train", "--fields", "hj", "--out", "x"], "'hj'"),
    "parquet": (["build", "toy_mini", "--format", "parquet"], "parquet.*loses rows"),
    "workers": (["build", "toy_mini", "--workers", "0"], "--workers"),
    "no files": (["build", "tng50_1_64"], "--manual-dir FOLDER, or set TNG_API_KEY"),
    "no files, no api": (["build", "eagle_64"], "--manual-dir FOLDER"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_sentence(kind, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TNG_API_KEY", raising=False)
    import re

    arguments, words = MISTAKES[kind]
    code = main(["data", *arguments, "--data-dir", str(folder)])
    if words is None:
        assert code == 0
        return
    assert code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("skazoo: error: ") and re.search(words, message), message
    assert not list(tmp_path.iterdir())


def test_evaluate_judges_a_preset_and_keeps_numbers_and_pictures(folder, tmp_path, capsys):
    from skazoo.mappers import Regression
    from skazoo.presets import verify

    preset = tmp_path / "preset"
    mapper = Regression("dark_matter", "hi", image_size=16, width=8, multipliers=(1,))
    mapper.save_pretrained(preset)
    command = ["evaluate", str(preset), "--data", "tiny", "--data-dir", str(folder), "--split", "train"]
    command += ["--num-samples", "4", "--limit", "3", "--keep", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "CRPS" in capsys.readouterr().out and (tmp_path / "out" / "report.html").stat().st_size > 10_000
    verify(preset, ("samples.png", "calibration.png"))
    metrics = json.loads((preset / "metrics.json").read_text())
    assert "--num-samples 4 --limit 3" in metrics["provenance"]["command"]
    assert metrics["metrics"]["hi"]["crps"] > 0 and "rescale" in metrics["baselines"]
    assert "samples.png" in (preset / "README.md").read_text()
    assert main([*command[:6], "--split", "tset", "--out", str(tmp_path / "no")]) == 2
    assert "no split 'tset'; it has" in capsys.readouterr().err and not (tmp_path / "no").exists()
