"""The standard error of the transfer function, against the scatter of repeated evaluations."""

import numpy as np
import pytest

from skazoo.metrics.spectral_scores import SpectralScores


def test_the_error_of_t_is_its_scatter_between_evaluations():
    rng = np.random.default_rng(0)
    level = rng.normal(0, 0.5, (400, 150, 1))  # of ln T, one a galaxy: all scales of a galaxy rise and fall together
    transfer = np.exp(level + rng.normal(0, 0.1, (400, 150, 6)))
    measured = np.median(transfer, axis=1).mean(axis=1)  # of each evaluation of 150 galaxies
    errors = [SpectralScores.relative_error(one, 150) for one in transfer]
    assert np.mean(errors) == pytest.approx(np.std(np.log(measured)), rel=0.1)


def test_samples_without_structure_leave_no_infinite_error():
    transfer = np.exp(np.random.default_rng(0).normal(0, 0.5, (50, 4)))
    transfer[3] = 0.0
    assert 0 < SpectralScores.relative_error(transfer, 50) < 1
    assert np.isnan(SpectralScores.relative_error(transfer, 1))
