"""Warm-up and cosine."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.training import warmup_cosine


def test_rises_linearly_then_follows_the_cosine():
    schedule = warmup_cosine(2e-3, 1000, warmup=0.1, end=0.01)
    rate = lambda step: float(ops.convert_to_numpy(schedule(step)))  # noqa: E731
    assert rate(0) == 0.0 and rate(50) == pytest.approx(1e-3) and rate(100) == pytest.approx(2e-3)
    assert rate(550) == pytest.approx(2e-3 * 0.505, rel=1e-3)
    assert rate(1000) == pytest.approx(2e-5, rel=1e-3) and rate(5000) == pytest.approx(2e-5, rel=1e-3)
    assert np.isclose(float(ops.convert_to_numpy(warmup_cosine(1e-3, 10, warmup=0.0)(0))), 1e-3)


def test_refusals():
    for wrong in (dict(peak=0.0, steps=10), dict(peak=1.0, steps=0), dict(peak=1.0, steps=10, warmup=1.0)):
        with pytest.raises(ParameterError):
            warmup_cosine(**wrong)
