import subprocess
import sys

import numpy as np
import pytest

from skazoo.errors import DatasetError, ParameterError
from skazoo.metrics import Scale, evaluate
from skazoo.metrics.standards import GaussianField

POSITIVE = {"field": Scale("field", "Msun kpc-2", "field", floor=1e-2)}


def run(mapper, examples, num_samples=8, **options):
    return evaluate(mapper, examples, num_samples, progress=False, **options)


@pytest.fixture(scope="module")
def exact():
    problem = GaussianField(size=32, lognormal=True)
    baselines = {
        "narrow": GaussianField(size=32, lognormal=True, width=0.8),
        "blurred": GaussianField(size=32, lognormal=True, width=0.05),
    }
    return run(problem, problem.examples(150, seed=1), 16, baselines=baselines, scales=POSITIVE, seed=2)


def test_the_exact_posterior_passes_everything(exact):
    found = exact.metrics["field"]
    assert found["spread_skill"] == pytest.approx(1, abs=0.03)
    assert found["coverage_68"] == pytest.approx(68, abs=1) and found["coverage_95"] == pytest.approx(95, abs=1)
    assert max(found["tarp_area"], found["tarp_sample_area"]) < 1.5 * found["tarp_null95"]
    assert abs(found["exchange_sigma"]) < 4 and found["power_sigma"] < 4.5
    assert found["transfer_low"] == pytest.approx(1, abs=0.05)
    assert found["transfer_high"] == pytest.approx(1, abs=0.05)
    assert abs(found["total_bias"]) < 0.01 and found["pixel_distance"] < 0.02
    problem = GaussianField(size=32)
    assert found["rmse"] == pytest.approx(problem.rmse / np.log(10) * np.sqrt(17 / 16), rel=0.05)
    assert found["crps"] == pytest.approx(problem.rmse / np.log(10) / np.sqrt(np.pi), rel=0.05)


def test_narrow_and_blurred_impostors_are_caught(exact):
    found = exact.metrics["field"]
    narrow, blurred = (exact.baselines[name]["field"] for name in ("narrow", "blurred"))
    assert narrow["spread_skill"] == pytest.approx(0.8, abs=0.03) and narrow["coverage_68"] < 60
    assert narrow["tarp_sample_area"] > 2 * narrow["tarp_null95"]
    assert blurred["transfer_high"] < 0.7 and blurred["exchange_sigma"] < -10
    assert blurred["correlation_low"] > found["correlation_low"]  # a high r alone is no pass
    assert found["crps"] < narrow["crps"] < blurred["crps"]
    assert found["energy_score"] < narrow["energy_score"] < blurred["energy_score"]


def test_beside_the_exact_sampler_the_chance_of_the_truths_cancels():
    problem = GaussianField(size=16, lognormal=True)
    few = problem.examples(24, seed=1)
    baselines = {"oracle": problem, "blurred": GaussianField(size=16, lognormal=True, width=0.05)}
    report = run(problem, few, 16, baselines=baselines, scales=POSITIVE, seed=2)
    found, blurred = report.metrics["field"], report.baselines["blurred"]["field"]
    assert found["transfer_oracle"] == 0 < found["transfer_misfit"]  # the same draws as the oracle's
    assert found["diversity_ratio"] == 1 > blurred["diversity_ratio"]
    assert blurred["transfer_oracle"] > 0.1  # the source determines most of these scales


def test_same_seed_same_report_and_limit():
    problem = GaussianField(size=16)
    first, again = (run(problem, problem.examples(12, 0), limit=10, seed=5, batch_size=4) for _ in range(2))
    assert first.metrics == again.metrics and first.provenance["maps"] == 10
    assert run(problem, problem.examples(12, 0), limit=10, seed=6, batch_size=4).metrics != first.metrics


class ByRow(GaussianField):
    """Has a stream of noise for each row, as the mappers of skazoo have."""

    def sample(self, source, num_samples, seed, rows):
        pairs = zip(rows, source, strict=True)
        drawn = [GaussianField.sample(self, one[None], num_samples, 1000 * seed + row) for row, one in pairs]
        return np.concatenate(drawn, axis=1)


def test_a_mapper_with_rows_gives_the_same_report_for_any_batch_size():
    problem = ByRow(size=16)
    first, again = (run(problem, problem.examples(9, 0), batch_size=size) for size in (2, 9))
    assert first.metrics["field"]["crps"] == pytest.approx(again.metrics["field"]["crps"], rel=1e-12)


class Broken(GaussianField):
    """Gives NaN in one sample of every third map."""

    def sample(self, source, num_samples, seed):
        drawn = super().sample(source, num_samples, seed)
        drawn[1, ::3, 4, 5] = np.nan
        return drawn


def test_samples_that_are_not_finite_are_counted_and_never_averaged_away(tmp_path):
    problem = Broken(size=16)
    with pytest.warns(UserWarning, match="4 samples are not finite; the 4 of 12 maps"):
        report = run(problem, problem.examples(12, 0), batch_size=12)
    assert report.cases["field"]["nonfinite_samples"] == 4 and report.cases["field"]["scored"] == 8
    assert "4 samples are not finite" in report.summary()
    assert "4 samples are not finite" in (report.save(tmp_path / "out") / "report.html").read_text()
    assert report.to_dict()["cases"]["field"]["set_aside"] == 4


def test_a_mapper_that_gives_nothing_finite_has_no_metrics_but_a_report(tmp_path):
    problem = GaussianField(size=16)
    problem.sample = lambda source, num_samples, seed: np.full((num_samples, *source.shape), np.nan)
    with pytest.warns(UserWarning, match="are not finite"):
        report = run(problem, problem.examples(3, 0))
    assert report.metrics["field"] == {}
    assert "No map could be scored" in (report.save(tmp_path) / "report.html").read_text()


def test_one_sample_says_that_the_spread_is_undefined(tmp_path):
    problem = GaussianField(size=16)
    with pytest.warns(UserWarning, match="one sample a map: spread"):
        report = run(problem, problem.examples(6, 0), 1)
    found = report.metrics["field"]
    for name in ("spread_skill", "coverage_68", "tarp_area", "diversity"):
        assert np.isnan(found[name])
    assert np.isfinite(found["crps"]) and np.isfinite(found["transfer_low"])
    report.save(tmp_path)


def test_empty_and_constant_truths_are_counted_and_undefined(tmp_path):
    problem = GaussianField(size=16, lognormal=True)
    examples = list(problem.examples(6, 0))
    examples[1]["field"] = np.zeros((16, 16), "f4")
    examples[2]["field"] = np.full((16, 16), 3.0, "f4")
    with pytest.warns(UserWarning, match="1 of 6 truths are empty"):
        report = run(problem, examples, scales=POSITIVE)
    assert np.all(np.array(report.curves["field"]["transfer_of_mean"]["count"]) == 4)
    assert np.isfinite(report.metrics["field"]["total_bias"])
    for example in examples:
        example["field"] = np.zeros((16, 16), "f4")
    with pytest.warns(UserWarning, match="6 of 6 truths are empty"):
        report = run(problem, examples, scales=POSITIVE)
    assert np.isnan(report.metrics["field"]["transfer_low"])
    report.save(tmp_path)


def test_views_of_one_galaxy_are_not_independent():
    problem = GaussianField(size=16)
    examples = [dict(example, galaxy=i // 3) for i, example in enumerate(problem.examples(12, 0))]
    report = run(problem, examples)
    assert report.provenance["galaxies"] == 4 and report.provenance["maps"] == 12
    single = run(problem, problem.examples(12, 0)).metrics["field"]
    assert report.metrics["field"]["crps_error"] == pytest.approx(single["crps_error"] * np.sqrt(3))
    assert report.metrics["field"]["tarp_null95"] > single["tarp_null95"]
    assert len(report.sheets) == 4


def test_other_pixel_scales_are_brought_to_the_first_and_counted():
    problem = GaussianField(size=16)
    examples = list(problem.examples(6, 0))
    examples[3]["pixel_kpc"] = 1.5
    with pytest.warns(UserWarning, match="1 maps have another pixel scale"):
        report = run(problem, examples)
    count = np.array(report.curves["field"]["power_truth"]["count"])
    assert count[0] == 6 and count[-1] == 5  # the coarser map does not reach the highest wavenumbers


class Two:
    """Two targets from two sources, and the whole example at hand."""

    source, target = ("a", "b"), ("c", "d")

    def sample_examples(self, examples, num_samples, seed):
        rng = np.random.default_rng(seed)
        shape = (num_samples, len(examples), 16, 16, 2)
        return np.stack([one["hidden"] for one in examples])[:, None, None, None] + rng.normal(size=shape)


def test_several_targets_and_a_mapper_that_sees_the_example(tmp_path):
    rng = np.random.default_rng(0)
    examples = [
        {name: rng.normal(size=(16, 16)).astype("f4") for name in "abcd"}
        | {"id": f"galaxy {i}".encode(), "pixel_kpc": np.float32(0.5), "hidden": 0.0}
        for i in range(5)
    ]

    class Dataset:
        def as_numpy_iterator(self):
            return iter(examples)

    report = run(Two(), Dataset())
    assert set(report.metrics) == {"c", "d"} and report.sheets[0]["id"] == "galaxy 0"
    assert "a + b → c + d" in (report.save(tmp_path) / "report.html").read_text()
    assert "a + b -> d" in report.summary()


def examples_with(**changes):
    example = next(GaussianField(size=16).examples(1, 0)) | changes
    return [{name: value for name, value in example.items() if value is not None}]


def test_mistakes_are_named():
    problem = GaussianField(size=16)
    bad = np.full((16, 16), np.nan, "f4")
    several = examples_with() + examples_with(observed=np.zeros((8, 8)), field=np.zeros((8, 8)))
    for message, examples in {
        "is empty": [],
        "lacks 'field'; it has id": examples_with(field=None),
        "lacks 'pixel_kpc'": examples_with(pixel_kpc=None),
        "pixel_kpc = -1": examples_with(pixel_kpc=-1.0),
        "'field' of example 0 holds values that are not finite": examples_with(field=bad),
        "has shape": examples_with(field=np.zeros((16, 8))),
        "is batched": examples_with(observed=np.zeros((2, 16, 16)), field=np.zeros((2, 16, 16))),
        "not a dict of fields": [(np.zeros((16, 16)), np.zeros((16, 16)))],
        "has maps of": several,
    }.items():
        with pytest.raises(DatasetError, match=message):
            run(problem, examples)
    with pytest.raises(ParameterError, match="num_samples"):
        run(problem, [], 0)
    with pytest.raises(ParameterError, match="limit"):
        run(problem, [], limit=0)
    with pytest.raises(ParameterError, match="baseline 'two' predicts"):
        run(problem, [], baselines={"two": Two()})
    problem.sample = lambda source, num_samples, seed: np.zeros((3, 3))
    with pytest.raises(ParameterError, match="gave samples of shape"):
        run(problem, examples_with())
    with pytest.raises(ParameterError, match="floor"):
        Scale("x", floor=-1.0)


def test_the_room_is_light_and_every_name_is_there():
    code = (
        "import sys, skazoo.metrics as m; names = [getattr(m, name) for name in m.__all__]; "
        "assert all(callable(one) for one in names), names; from skazoo.metrics import evaluate, tarp; "
        "assert callable(m.evaluate) and callable(m.tarp) and callable(m.crps); "
        "assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
