"""`skazoo train`: the script of the family, its mistakes, a second run, Ctrl-C."""

import json

import pytest

import skazoo
from skazoo.cli.main import main
from skazoo.training import EpochLog

from ..training.conftest import RECIPE, small_data  # noqa: F401  a fixture


@pytest.fixture
def recipe_file(small_data, tmp_path):  # noqa: F811
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**RECIPE, "dataset": small_data}))
    return path


def test_trains_and_a_second_run_goes_on(recipe_file, tmp_path, capsys, monkeypatch):
    out, stopped = tmp_path / "mapper", []
    begin = EpochLog.on_epoch_begin

    def interrupt(self, epoch, logs=None):
        if epoch == 1 and not stopped:  # once
            stopped.append(epoch)
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    monkeypatch.setattr(EpochLog, "on_epoch_begin", interrupt)
    command = ["train", str(recipe_file), "--out", str(out), "--steps", "8", "--batch-size", "8", "--quiet"]
    assert main(command) == 130
    assert "state after epoch 1" in capsys.readouterr().out and not out.exists()
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "resuming after epoch 1" in printed and f"wrote {out}/" in printed
    assert skazoo.from_pretrained(out).get_config()["image_size"] == 16
    assert json.loads((out / "recipe.json").read_text())["steps"] == 8


MISTAKES = {
    "recipe": (lambda r: ["no_such"], "no_such.*diffusion_dm2hi_toy64"),
    "data": (lambda r: [r, "--data", "toy_65"], "toy_65"),
    "precision": (lambda r: [r, "--precision", "float8"], "float8.*mixed_bfloat16"),
    "devices": (lambda r: [r, "--devices", "64"], "devices is 64"),
    "no number": (lambda r: [r, "--devices", "many"], "devices.*many"),
    "steps": (lambda r: [r, "--steps", "0"], "steps"),
    "batch": (lambda r: [r, "--batch-size", "500"], "batch_size is 500"),
    "start": (lambda r: [r, "--start-from", "nothing"], "nothing"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_sentence(kind, recipe_file, tmp_path, capsys):
    import re

    make, words = MISTAKES[kind]
    assert main(["train", *make(str(recipe_file)), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("skazoo: error: ") and re.search(words, message), message
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_shipped_recipe_trains_on_toy_mini(tmp_path):
    command = ["train", "diffusion_dm2hi_toy64", "--data", "toy_mini", "--data-dir", str(tmp_path / "data")]
    assert main([*command, "--steps", "3", "--batch-size", "4", "--quiet", "--out", str(tmp_path / "out")]) == 0
    assert skazoo.from_pretrained(tmp_path / "out").get_config()["image_size"] == 64
