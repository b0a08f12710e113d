"""Runs of a recipe: end to end, killed and resumed, accumulating, from other weights."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from keras import ops
from skazoo.zoo.diffusion.train import train

import skazoo
from skazoo.errors import DatasetError, ParameterError
from skazoo.presets import shipped
from skazoo.training import EpochLog, Run, find_recipe, read_recipe
from skazoo.training.recipe import recipes


def weights(mapper):
    return [np.array(ops.convert_to_numpy(weight)) for weight in mapper.weights]


def test_a_recipe_becomes_a_preset(recipe, tmp_path):
    complete = read_recipe(recipe, sample_sheet_every=3, patience=50)
    mapper = train(complete, tmp_path / "out", verbose=0)
    assert {"recipe.json", "manifest.json", "model.weights.h5"} <= {p.name for p in (tmp_path / "out").iterdir()}
    loaded = skazoo.from_pretrained(tmp_path / "out")
    source = 1e7 * np.ones((1, 16, 16, 1), np.float32)
    assert np.array_equal(loaded.sample(source, 1, steps=3), mapper.sample(source, 1, steps=3))
    facts = json.loads((tmp_path / "out" / "metadata.json").read_text())
    assert facts["steps"] == 12 and facts["recipe"]["learning_rate"] == 0.003
    work = tmp_path / "out.training"
    rows = EpochLog(work / "log.jsonl").read()
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    table = EpochLog(work / "log.csv").read()
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in table]
    assert np.isfinite(rows[-1]["val_loss"])
    assert (work / "sheets" / "epoch_000003.png").stat().st_size > 10_000
    assert [path.name for path in (work / "state").iterdir()] == [f"epoch_{len(rows):06d}.weights.h5"]
    # the warm-up begins at a rate of 0: the first of the 12 steps moves nothing, and nothing is averaged twice
    assert int(mapper.optimizer.iterations) == 12
    assert float(ops.convert_to_numpy(mapper.average.count)) == 11
    # another recipe over the same folder is a mistake
    with pytest.raises(ParameterError, match="learning_rate 0.003, not 0.1"):
        Run(read_recipe(recipe, patience=50, learning_rate=0.1), tmp_path / "out")


KILLED = """
import json, os, signal, sys, keras
from skazoo.training import Run, TrainingState, read_recipe
from skazoo.zoo.diffusion.train import train
class Deadly(TrainingState):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch == 1:  # a next state half written, then the end
            (self.folder / "unfinished.weights.h5").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
import skazoo.training.run_of_recipe as module
if sys.argv[3] == "kill":
    module.TrainingState = Deadly
train(read_recipe(json.loads(sys.argv[1])), sys.argv[2])
"""


def test_a_run_that_was_killed_ends_as_one_that_was_not(recipe, tmp_path):
    recipe = {**recipe, "steps": 16, "accumulation": 2}
    run = lambda out, how: subprocess.run(  # noqa: E731
        [sys.executable, "-c", KILLED, json.dumps(recipe), str(tmp_path / out), how], capture_output=True, text=True
    )
    assert run("killed", "kill").returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    resumed = train(read_recipe(recipe), tmp_path / "killed", verbose=0)
    through = train(read_recipe(recipe), tmp_path / "through", verbose=0)
    for a, b in zip(weights(resumed), weights(through), strict=True):
        assert np.allclose(a, b, atol=1e-6)
    logs = [EpochLog(tmp_path / f"{name}.training" / "log.jsonl").read() for name in ("killed", "through")]
    assert [row["epoch"] for row in logs[0]] == [row["epoch"] for row in logs[1]]
    assert np.allclose([row["loss"] for row in logs[0]], [row["loss"] for row in logs[1]], rtol=1e-4)


def test_starts_from_the_weights_of_another_size_or_family(recipe, tmp_path):
    from skazoo.mappers import Diffusion, FlowMatching

    first = Diffusion("dark_matter", "hi", image_size=32, **recipe["mapper"], seed=5)
    first.save_pretrained(tmp_path / "first")
    second = Diffusion("dark_matter", "hi", image_size=16, **recipe["mapper"])
    Run(read_recipe(recipe, start_from=str(tmp_path / "first")), tmp_path / "out").start(second)
    for a, b in zip(weights(first), weights(second), strict=True):
        assert np.array_equal(a, b)
    kin = FlowMatching("dark_matter", "gas", image_size=16, **recipe["mapper"])  # another family, the same network
    Run(read_recipe(recipe, start_from=str(tmp_path / "first")), tmp_path / "out").start(kin)
    for a, b in zip(first.network.get_weights(), kin.network.get_weights(), strict=True):
        assert np.array_equal(a, b)
    wider = Diffusion("dark_matter", "hi", image_size=16, **{**recipe["mapper"], "width": 16})
    with pytest.raises(ParameterError, match="start_from"):
        Run(read_recipe(recipe, start_from=str(tmp_path / "first")), tmp_path / "out").start(wider)


def test_mistakes_are_told_before_training(recipe, tmp_path):
    cases = {
        ParameterError: [{"image_size": 32}, {"batch_size": 1000}],
        DatasetError: [{"source": ["dark_mater"]}, {"dataset": "ska_tng/no_such"}],
    }
    for error, changes in cases.items():
        for i, change in enumerate(changes):
            with pytest.raises(error):
                Run(read_recipe(recipe, **change), tmp_path / f"{error.__name__}{i}")
    for change in ({"dtype": "float8"}, {"stepps": 3}, {"steps": 0}, {"family": "difusion"}):
        with pytest.raises(ParameterError):
            read_recipe({**recipe, **change})
    with pytest.raises(ParameterError, match="lacks 'steps'"):
        read_recipe({name: value for name, value in recipe.items() if name != "steps"})
    with pytest.raises(ParameterError, match="diffusion_dm2hi_toy64"):
        find_recipe("diffusion_dm2hi_toy65")


def test_all_recipes_of_the_zoo_are_complete_and_their_scripts_exist():
    for name, path in recipes().items():
        recipe = read_recipe(find_recipe(name))
        assert recipe["family"] == path.parent.parent.name
        kind = getattr(skazoo.mappers, "".join(part.title() for part in recipe["family"].split("_")), None)
        if kind is not None and name not in shipped():  # those have been built
            kind(recipe["source"], recipe["target"], recipe["image_size"], **recipe["mapper"])
