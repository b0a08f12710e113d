import json

import numpy as np
import pytest

from skazoo.cli.main import main
from skazoo.errors import DatasetError
from skazoo.metrics import evaluate
from skazoo.metrics.gates import TRANSFER, verdicts
from skazoo.metrics.leaderboard import entries_of, pareto_front, write_leaderboard
from skazoo.metrics.standards import GaussianField


@pytest.fixture
def zoo(tmp_path):
    """Two presets on one task, with a baseline, and one that was not evaluated."""
    problem = GaussianField(size=16)
    for family, width in (("flow", 1.0), ("gan", 0.5)):
        baselines = {"blurred": GaussianField(size=16, width=0.05)}
        mapper = GaussianField(size=16, width=width)
        report = evaluate(mapper, problem.examples(8, 0), 4, baselines=baselines, progress=False, name="grf")
        folder = tmp_path / "zoo" / family / "one"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(report.to_dict()))
        (folder / "metadata.json").write_text(json.dumps({"hours": 0.5, "parameters": 1_200_000}))
    bare = tmp_path / "zoo" / "vae" / "one"
    bare.mkdir(parents=True)
    (bare / "metrics.json").write_text('{"final_loss": 1.0}')
    return tmp_path / "zoo"


def test_presets_and_baselines_stand_side_by_side_ordered_by_crps(zoo, tmp_path):
    entries = write_leaderboard(zoo, tmp_path / "out")
    assert sorted(one.name for one in entries) == ["*blurred*", "flow_one", "gan_one"]
    text = (tmp_path / "out" / "leaderboard.md").read_text()
    assert text.index("| [flow_one](flow/one/README.md)") < text.index("| [gan_one]") < text.index("| *blurred*")
    assert "1.20 M" in text and "0.50" in text and "exact" in text and "observed → field, grf, 8 maps" in text
    assert (tmp_path / "out" / "leaderboard.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_works_without_any_preset(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["leaderboard", "--zoo", str(tmp_path / "empty"), "--out", str(tmp_path / "board")]) == 0
    assert "No preset in this folder has been evaluated" in capsys.readouterr().out
    assert "No preset" in (tmp_path / "board" / "leaderboard.md").read_text()
    assert not (tmp_path / "board" / "leaderboard.png").exists()
    assert main(["leaderboard", "--zoo", str(tmp_path / "nowhere")]) == 2


def test_a_broken_file_is_named(zoo):
    (zoo / "gan" / "one" / "metrics.json").write_text("{")
    with pytest.raises(DatasetError, match="gan/one/metrics.json cannot be read"):
        entries_of(zoo)


def test_the_front_holds_what_nothing_beats():
    points = [(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (4.0, 1.0), (0.5, 9.0)]
    assert [points[i] for i in pareto_front(points)] == [(0.5, 9.0), (1.0, 5.0), (2.0, 3.0), (4.0, 1.0)]
    assert pareto_front([]) == [] and np.size(pareto_front(points)) == 4


def test_gates_say_what_is_met_and_by_whom():
    good = {
        "crps": 1.05,
        "transfer_misfit": 0.3,
        "transfer_oracle": 0.08,
        "spread_skill": 1.0,
        "total_bias": -0.06,
        "total_scatter": 0.5,
    }
    rivals = {"good": good, "smooth": {"crps": 1.3, "transfer_misfit": 0.5}, "mean": {"crps": 0.9}}
    baselines = {"oracle": {"crps": 1.0, "total_scatter": 0.4}, "quantile regression": {"crps": 1.1}}
    found = {(one.who, one.gate): one for one in verdicts(rivals, baselines, ("mean",))}
    assert {who for who, _ in found} == {"good", "smooth"}
    ratio = found["good", "CRPS over the oracle's"]
    assert ratio.met and ratio.value == pytest.approx(1.05)
    bias = found["good", "bias of the total, either way, dex"]
    assert not bias.met and bias.value == pytest.approx(0.06)
    assert found["good", TRANSFER].met and not found["smooth", TRANSFER].met
    assert not found["good", "scatter of the total over the oracle's"].met
    assert found["good", "CRPS over the best cheap baseline's"].met
    assert not found["smooth", "CRPS over the best cheap baseline's"].met
    assert verdicts({"mean": {"crps": 0.9}}, baselines, ("mean",)) == []
    # the best is who keeps most gates, and not the one whose CRPS is a hair lower
    rivals["sharp"] = {**good, "crps": 1.04, "transfer_oracle": 0.3}
    assert verdicts(rivals, baselines, ("mean",))[0].who == "good"


def test_who_learned_without_pairs_also_stands_beside_baselines_without():
    mapper = {"crps": 0.6, "transfer_misfit": 0.1, "energy_score": 0.8}
    baselines = {
        "rescale": {"crps": 1.5, "energy_score": 0.7},
        "histogram matching": {"crps": 0.7, "energy_score": 0.9},
        "quantile regression": {"crps": 0.4, "energy_score": 0.5},
    }
    found = {one.gate: one for one in verdicts({"cycle": mapper, "pix": mapper}, baselines, unpaired=("cycle",))}
    pairless = {gate: one for gate, one in found.items() if one.who == "cycle"}
    assert [(one.met, one.value) for one in pairless.values()][-2:] == [
        (True, pytest.approx(0.6 / 0.7)),
        (False, pytest.approx(0.8 / 0.7)),
    ]
    assert "pairs" in list(pairless)[-2]
    assert not any("pairs" in one.gate for one in verdicts({"pix": mapper}, baselines))


def test_gates_against_deconvolution_hold_in_every_class_of_noise():
    mapper = {"crps": 0.5, "crps_faint": 0.4, "flux_error_faint": 20.0, "correlation_faint": 0.9, "crps_bright": np.nan}
    clean = {"crps": 0.6, "crps_faint": 0.5, "flux_error_faint": 10.0, "correlation_faint": 0.8, "crps_bright": 0.3}
    wiener = {"crps": 0.7, "crps_faint": 0.8, "flux_error_faint": 30.0, "correlation_faint": 0.7, "crps_bright": 0.2}
    found = verdicts({"one": mapper}, {"CLEAN": clean, "Wiener filter": wiener})
    assert [(one.gate.split(",")[0][:4], one.met) for one in found if one.gate.endswith("faint")] == [
        ("CRPS", True),
        ("flux", False),
        ("r(k)", True),
    ]
    assert not any(one.gate.endswith("bright") for one in found)
    nothing = verdicts({"one": mapper}, {"CLEAN": {"crps": 0.0, "flux_error_faint": 0.0}})
    assert nothing and not any(one.met for one in nothing)  # no ratio to zero
