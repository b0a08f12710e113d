"""What the scores of structure must see: peaks that no truth has, and both sides of a signed field."""

import numpy as np
import pytest

from skazoo.metrics import Scale
from skazoo.metrics.structure_scores import StructureScores, misfit

SIGNED = Scale("velocity", "km s-1")


def scored(scale, truths, samples, galaxies=None) -> StructureScores:
    scores = StructureScores(scale)
    scores.prepare(scale.apply(truths), 1.0)
    for number, (truth, sample) in enumerate(zip(truths, samples, strict=True)):
        scores.add(truth, sample[None], number)
    return scores


@pytest.mark.parametrize("height", [4.0, 30.0])  # in a class without truths, and above all classes
def test_peaks_that_no_truth_has_are_seen(height):
    y, x = np.indices((32, 32))
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (40, 1, 1))
    truths = np.sin(2 * np.pi * x / 16 + phases) + np.sin(2 * np.pi * y / 16 + phases)  # all peaks at 2
    spike = np.exp(-0.5 * ((x - 16) ** 2 + (y - 16) ** 2) / 4)
    samples = truths + spike * (height - truths)
    right, wrong = (scored(SIGNED, truths, maps).metrics()["peaks_misfit"] for maps in (truths, samples))
    assert right == 0 and wrong > 1


def test_numbers_without_scatter_are_left_out_unless_a_least_one_is_known():
    truths, samples = np.zeros((25, 2)), np.ones((25, 2))
    truths[:, 0] = np.arange(25)
    samples[:, 0] = np.arange(25)
    assert misfit(truths, samples) == 0
    assert misfit(truths, samples, least=0.2) == pytest.approx(5 / np.sqrt(2))


def test_thresholds_reach_both_sides_of_a_signed_field():
    maps = np.random.default_rng(0).normal(0, 10, (8, 32, 32))
    scores = StructureScores(SIGNED)
    scores.prepare(maps, 1.0)
    assert scores.thresholds[0] == pytest.approx(-scores.thresholds[-1], rel=0.1)
    assert scores.thresholds[-1] == pytest.approx(25.8, rel=0.1)
