"""What `evaluate` measures beside the pixels: likelihood, memory, relations of fields, structure."""

import numpy as np
import pytest

from skazoo.errors import DatasetError
from skazoo.metrics import Scale, evaluate
from skazoo.metrics.standards import GaussianField

POSITIVE = {"field": Scale("field", "Msun kpc-2", "field", floor=1e-6)}


def run(mapper, examples, **options):
    return evaluate(mapper, examples, 6, progress=False, **options)


def test_bits_per_dimension_are_the_entropy_of_the_exact_posterior():
    problem = GaussianField(size=16)
    found = run(problem, problem.examples(60, 0), likelihood_maps=50).metrics["field"]
    assert found["likelihood_maps"] == 50
    assert found["bits_per_dim"] == pytest.approx(problem.entropy / np.log(2), abs=4 * found["bits_per_dim_error"])
    assert found["bits_per_dim_dex"] == found["bits_per_dim"]  # a linear field


def test_bits_per_dex_do_not_depend_on_the_unit():
    problem = GaussianField(size=16, lognormal=True)
    found = run(problem, problem.examples(60, 0), scales=POSITIVE).metrics["field"]
    gaussian = GaussianField(size=16).entropy - np.log(np.log(10))  # X = e^x: dex of X is x / ln 10
    assert found["bits_per_dim_dex"] == pytest.approx(gaussian / np.log(2), abs=4 * found["bits_per_dim_error"])


def test_a_truth_without_likelihood_is_counted_and_never_averaged_away():
    problem = GaussianField(size=16)
    exact = problem.log_prob
    problem.log_prob = lambda target, source: np.where(np.arange(len(target)) == 1, -np.inf, exact(target, source))
    with pytest.warns(UserWarning, match="1 truths have no finite likelihood"):
        found = run(problem, problem.examples(6, 0), batch_size=6).metrics["field"]
    assert np.isnan(found["bits_per_dim"]) and found["nonfinite_likelihoods"] == 1


class Memory:
    """Gives a training map, turned, with a little noise."""

    source, target = ("observed",), ("field",)

    def __init__(self, train):
        self.train = train

    def sample(self, source, num_samples, seed):
        rng = np.random.default_rng(seed)
        chosen = self.train[rng.integers(0, len(self.train), (num_samples, len(source)))]
        return (np.rot90(chosen, axes=(2, 3)) + 0.01 * rng.normal(size=chosen.shape))[..., None]


def test_a_memorising_impostor_is_caught_by_evaluate():
    problem = GaussianField(size=32)
    train = list(problem.examples(60, 7))
    impostor = Memory(np.stack([one["field"] for one in train]))
    report = run(problem, problem.examples(40, 1), training=train, baselines={"memory": impostor})
    honest, caught = report.metrics["field"], report.baselines["memory"]["field"]
    assert honest["copied"] <= 10 and abs(honest["memory_z"]) < 3.5
    assert caught["copied"] == 100 and caught["memory_z"] < -5
    with pytest.raises(DatasetError, match="training is empty"):
        run(problem, problem.examples(2, 1), training=[])
    with pytest.raises(DatasetError, match="dicts with 'field'"):
        run(problem, problem.examples(2, 1), training=[(1, 2)])


class Pair:
    """Two targets that are one field and its negative, with noise; `lost` draws the second by itself."""

    source, target = ("observed",), ("field", "other")

    def __init__(self, lost=False):
        self.problem, self.lost = GaussianField(size=16), lost

    def sample(self, source, num_samples, seed):
        first = self.problem.sample(source, num_samples, seed)
        second = self.problem.sample(source[::-1], num_samples, seed + 1) if self.lost else first
        return np.concatenate([first, -second], axis=-1)


def test_targets_that_do_not_go_together_are_seen():
    examples = [{**one, "other": -one["field"]} for one in GaussianField(size=16).examples(30, 0)]
    report = run(Pair(), examples, baselines={"lost": Pair(lost=True)})
    right, lost = report.metrics["other"], report.baselines["lost"]["other"]
    assert right["relation_targets"] < 1e-3 and right["relation_source"] < 0.15
    assert lost["relation_targets"] > 0.5 and lost["relation_source"] > 0.5
    assert set(report.curves["other"]["relations"]) == {"observed", "field"}


def test_structure_of_the_exact_posterior_is_right_and_of_the_blurred_one_is_not():
    problem, blurred = (GaussianField(size=32, lognormal=True, width=width) for width in (1.0, 0.05))
    report = run(problem, problem.examples(80, 1), baselines={"blurred": blurred}, scales=POSITIVE)
    found, poor = report.metrics["field"], report.baselines["blurred"]["field"]
    for key in ("minkowski_misfit", "peaks_misfit"):
        assert found[key] < 0.35 and poor[key] > 2 * found[key]
    assert found["frechet_ratio"] == pytest.approx(1, abs=0.3) and poor["frechet_ratio"] > 3
    assert found["density"] > 0.7 and found["feature_coverage"] > 0.85 and poor["feature_coverage"] < 0.6
