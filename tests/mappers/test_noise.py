"""Random numbers belong to (seed, row, sample), not to the batch."""

import numpy as np

from skazoo.mappers.noise import RowNoise


def test_same_numbers_in_any_company():
    together = RowNoise(7, [0, 1, 2, 1], [0, 0, 0, 5]).normal((4, 4, 1))
    alone = RowNoise(7, [1], [5]).normal((4, 4, 1))
    assert together.dtype == np.float32
    assert np.array_equal(together[3], alone[0])


def test_seed_row_sample_and_stream_are_independent():
    base = RowNoise(0, [1], [2]).normal((4096,))[0]
    others = [
        RowNoise(1, [1], [2]).normal((4096,))[0],
        RowNoise(0, [2], [1]).normal((4096,))[0],
        RowNoise(0, [1], [3]).normal((4096,))[0],
        RowNoise(0, [1], [2]).normal((4096,), stream=1)[0],
    ]
    for other in others:
        assert abs(np.corrcoef(base, other)[0, 1]) < 5 / 64
    assert abs(base.mean()) < 5 / 64 and abs(base.std() - 1) < 5 / 90


def test_uniform_is_in_the_unit_interval():
    x = RowNoise(3, [0, 1], [0, 0]).uniform((2000,))
    assert x.min() >= 0 and x.max() < 1 and abs(x.mean() - 0.5) < 0.03
