"""Dropping sources in training, and pushing towards them in sampling."""

import warnings

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.guidance import drop_source, guided


def test_share_of_dropped_sources():
    source = ops.ones((4000, 2, 2, 1))
    assert drop_source(source, 0.0, 1) is source
    kept = ops.convert_to_numpy(drop_source(source, 0.25, 1))
    whole = kept.mean(axis=(1, 2, 3))
    assert set(whole) == {0.0, 1.0} and whole.mean() == pytest.approx(0.75, abs=0.03)


def test_weight_extrapolates_from_blind_to_seeing():
    source = np.array([3.0], np.float32)
    calls = []

    def function(x, level, source):
        calls.append(1)
        return x + 2.0 * source

    assert guided(function, source, 1.0, 0.0)(1.0, 0.5)[0] == 7.0 and len(calls) == 1
    with warnings.catch_warnings(action="error"):  # without source is p(target), nothing wrong
        assert float(guided(function, source, 0.0, 0.1)(1.0, 0.5)[0]) == 1.0 and len(calls) == 2
    with pytest.warns(UserWarning, match="calibration"):
        assert float(guided(function, source, 1.5, 0.1)(1.0, 0.5)[0]) == pytest.approx(1.0 + 1.5 * 6.0)
    with pytest.raises(ParameterError, match="source_dropout"):
        guided(function, source, 1.5, 0.0)
