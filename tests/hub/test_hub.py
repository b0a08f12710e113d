"""Publication and fetching over HTTP, with the real client; the talks themselves are in scenarios.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skazoo.presets.manifest import write_manifest

from ..presets.measured import measured

ROOT = Path(__file__).parents[2]


@pytest.fixture
def preset(tmp_path):
    """A folder that is a preset to all but Keras: its weights are noise."""
    folder = tmp_path / "small"
    folder.mkdir()
    config = {"source": ["observed"], "target": ["field"], "image_size": 16}
    content = {
        "config.json": {"class_name": "Diffusion", "config": config},
        "transforms.json": {"field": {"role": "target", "unit": "solMass / kpc2", "transform": {}}},
        "metrics.json": measured(),
        "metadata.json": {"parameter_count": 75_000, "dataset": "ska_tng/toy_8"},
        "recipe.json": {"steps": 10},
    }
    for name, value in content.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "model.weights.h5").write_bytes(b"\x89HDF\r\n" + os.urandom(300_000))
    (folder / "README.md").write_text("to be replaced")
    write_manifest(folder)
    (folder / "samples.png").write_bytes(b"\x89PNG" + os.urandom(1000))  # added later, not in the manifest
    (folder / "notes.txt").write_text("mine")  # stays at home
    return folder


@pytest.mark.parametrize("name", ["publication", "permissions", "interruptions", "datasets", "mappers"])
def test_talk_with_the_hub(name, preset, tmp_path):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.scenarios", name, str(preset), str(tmp_path / "home")],
        capture_output=True, text=True, env=env, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hf_" not in done.stdout + done.stderr.replace("hf_hub", ""), done.stderr
