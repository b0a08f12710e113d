import json

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics.standards import toys2d
from skazoo.metrics.standards.__main__ import main
from skazoo.metrics.standards.benchmark import Score, table
from skazoo.metrics.standards.settings import settings_of


@pytest.mark.parametrize("problem", toys2d.PROBLEMS)
def test_the_densities_are_those_of_the_points_and_integrate_to_one(problem):
    side = np.linspace(-5, 5, 401)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) + 1e-9
    density = np.exp(toys2d.log_density(problem, grid)).reshape(401, 401)
    assert density.sum() * (side[1] - side[0]) ** 2 == pytest.approx(1, abs=0.02)
    points = toys2d.draw_points(problem, 40_000, 1)
    counts = np.histogram2d(points[:, 1], points[:, 0], bins=10, range=[[-5, 5]] * 2)[0] / len(points)
    coarse = density[:-1, :-1].reshape(10, 40, 10, 40).mean(axis=(1, 3))
    np.testing.assert_allclose(counts, coarse, atol=0.008)


def test_the_floors_are_those_of_the_reference_table():
    assert toys2d.entropy("8gaussians") == pytest.approx(2.832, abs=0.01)
    assert toys2d.entropy("checkerboard") == pytest.approx(np.log(32))
    assert toys2d.entropy("moons") == pytest.approx(1.006, abs=0.012)


def test_the_digits_baselines_are_those_of_the_reference_table():
    pytest.importorskip("sklearn")
    from skazoo.metrics.standards.digits import chow_liu_bits, digits, draw, factorised_bits

    train, test = digits()
    assert train.shape == (1437, 8, 8) and test.shape == (360, 8, 8)
    assert factorised_bits(train, test) == pytest.approx(2.433, abs=0.002)
    assert chow_liu_bits(train, test) == pytest.approx(2.206, abs=0.03)
    images = [(part >= 8).astype(int) for part in (train, test)]
    assert 64 * np.log(2) * chow_liu_bits(*images, levels=2) == pytest.approx(20.56, abs=0.05)
    source, target = draw(5, 0)
    assert not source.any() and target.shape == (5, 8, 8, 1) and 0 <= target.min() and target.max() < 17
    np.testing.assert_array_equal(draw(5, 0)[1], target)


def test_the_table_shows_score_and_reference():
    outcome = {"standard": "grf", "problem": "", "mapper": "Glow", "likelihood": "exact", "parameters": 12345}
    scores = {"nll": Score(0.5, -0.1, "nats"), "gap": Score(np.nan, 0.0)}
    text = table([{**outcome, "steps": 10, "seconds": 60.0, "scores": scores}])
    assert "Glow on grf: 12,345 parameters, likelihood exact, 10 steps in 1.0 minutes" in text
    assert "0.5000" in text and "-0.1000" in text and "-    0.0000" in text


def test_mistakes_are_named(capsys):
    with pytest.raises(ParameterError, match="no settings for the standard 'digits'"):
        settings_of("digits", "Regression")
    assert main(["grf", "--mapper", "Nobody"]) == 2 and "Nobody" in capsys.readouterr().err


def test_the_best_weights_on_what_is_held_out_are_kept(tmp_path):
    from skazoo.datasets.transforms import Affine
    from skazoo.mappers import Regression
    from skazoo.metrics.standards.training import Checkpoint

    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(8, 8, 8, 1)).astype("f4") for _ in range(2)]
    mapper = Regression("a", "b", 8, width=8, multipliers=(1,), transforms={"a": Affine(), "b": Affine()})
    mapper.compile(learning_rate=0.01, run_eagerly=True)
    checkpoint = Checkpoint(tmp_path, held_out=[-each for each in pairs])  # what is learned is wrong there
    mapper.fit(*pairs, batch_size=8, epochs=6, callbacks=[checkpoint], verbose=0)
    loss = lambda: mapper.evaluate(*checkpoint.held_out, verbose=0, return_dict=True)["loss"]  # noqa: E731
    last = loss()
    mapper.load_weights(checkpoint.best_weights)
    assert loss() == pytest.approx(checkpoint.best, rel=1e-5)
    assert checkpoint.best <= last and Checkpoint(tmp_path).best == checkpoint.best


@pytest.mark.slow
def test_a_training_goes_on_and_is_scored(tmp_path, capsys, monkeypatch):
    from skazoo.metrics.standards import training

    monkeypatch.setattr(training, "EPOCH", 5)
    monkeypatch.setattr(training.FreshPairs.__init__, "__defaults__", (0, 0, 5))
    arguments = ["grf", "--mapper", "Regression", "--steps", "10", "--out", str(tmp_path)]
    assert main(arguments) == 0
    first = json.loads((tmp_path / "scores.json").read_text())[0]
    assert first["steps"] == 10 and first["scores"]["nll"]["floor"] == pytest.approx(-0.0934, abs=1e-4)
    assert json.loads((tmp_path / "training.json").read_text())["epochs"] == 2
    assert main(arguments) == 0  # nothing is left to train: the same weights, the same score
    again = json.loads((tmp_path / "scores.json").read_text())[0]
    assert again["scores"] == first["scores"]
    assert "x Wiener" in capsys.readouterr().out
