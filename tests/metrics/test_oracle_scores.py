"""The oracle of the toy universe passes every test of calibration, and impostors beside it do not. Minutes."""

import numpy as np
import pytest
from scipy import ndimage

from skazoo.datasets.generate import Galaxy, View, examples
from skazoo.metrics import Oracle, evaluate

GALAXIES, SAMPLES, SIZE = 240, 12, 16
VIEW = View(npix=SIZE, fields=("dark_matter", "hi"), array="")


class Drawn:
    """A mapper whose samples were drawn before, by galaxy; `change` turns them into an impostor's."""

    source, target = ("dark_matter",), ("hi",)

    def __init__(self, samples, change=lambda maps: maps):
        self.samples, self.change = samples, change

    def sample_examples(self, examples, num_samples, seed):
        drawn = np.stack([self.samples[int(one["galaxy"])] for one in examples], axis=1)
        return self.change(drawn[:num_samples])


@pytest.fixture(scope="module")
def report():
    toys = list(examples([Galaxy("toy", number, snapshot=99) for number in range(GALAXIES)], 1, VIEW))
    train = list(examples([Galaxy("toy", number, snapshot=99) for number in range(5000, 5080)], 1, VIEW))
    oracle = Oracle()
    drawn = oracle.sample_examples(toys, 2 * SAMPLES, seed=1)
    halves = [
        {int(one["galaxy"]): part[:, row] for row, one in enumerate(toys)}
        for part in (drawn[:SAMPLES], drawn[SAMPLES:])
    ]
    known = np.stack([one["hi"] for one in train])[..., None]
    rng = np.random.default_rng(0)

    def blurred(maps):
        return ndimage.gaussian_filter(maps, (0, 0, 1.0, 1.0, 0))

    def memorised(maps):
        return known[rng.integers(0, len(known), maps.shape[:2])]

    baselines = {"again": Drawn(halves[1]), "blurred": Drawn(halves[0], blurred), "memory": Drawn(halves[0], memorised)}
    return evaluate(Drawn(halves[0]), toys, SAMPLES, baselines=baselines, training=train, progress=False)


@pytest.mark.slow
def test_the_oracle_is_calibrated(report):
    found, again = report.metrics["hi"], report.baselines["again"]["hi"]
    assert found["tarp_area"] < 0.03 and found["tarp_sample_area"] < 0.03
    assert 0.97 < found["spread_skill"] < 1.03
    assert found["crps"] / again["crps"] == pytest.approx(1, abs=0.02)
    assert abs(found["exchange_sigma"]) < 3
    assert found["coverage_68"] == pytest.approx(68, abs=1.5) and found["coverage_95"] == pytest.approx(95, abs=1)


@pytest.mark.slow
def test_impostors_are_caught(report):
    found = report.metrics["hi"]
    blurred, memory = (report.baselines[name]["hi"] for name in ("blurred", "memory"))
    assert blurred["crps"] > 1.05 * found["crps"] and blurred["transfer_high"] < 0.8 * found["transfer_high"]
    assert blurred["floor_excess"] < -3
    assert memory["copied"] > 90 and memory["memory_z"] < -5 and found["copied"] < 5
    assert memory["crps"] > 1.2 * found["crps"] and abs(memory["exchange_sigma"]) > 5
