"""Numbers and vectors go round, gradients pass, and the codebook follows the data."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.mappers.backend import gradient
from skazoo.networks import FiniteScalarQuantiser, VectorQuantiser
from skazoo.networks.quantisers import codes_in_use


def filled(vocabulary=16, dim=3, **more):
    """A codebook with random codes, each counted once."""
    quantiser, rng = VectorQuantiser(vocabulary, dim, **more), np.random.default_rng(0)
    codes = rng.normal(size=(vocabulary, dim)).astype(np.float32)
    quantiser.codebook.assign(codes)
    quantiser.sums.assign(codes)
    quantiser.counts.assign(np.ones(vocabulary))
    return quantiser


def features(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (2, 3), (4,), (7, 6, 2)])
def test_every_finite_scalar_code_goes_round_and_can_be_reached(levels):
    quantiser = FiniteScalarQuantiser(levels)
    numbers = np.arange(quantiser.vocabulary, dtype=np.int32)
    vectors = ops.convert_to_numpy(quantiser.vectors(numbers))
    assert np.abs(vectors).max() <= 1.0 and len(np.unique(vectors, axis=0)) == quantiser.vocabulary
    # the features before squashing that lead to each code
    raw = np.arctanh(np.clip((vectors * quantiser._steps + quantiser._offset) / quantiser._reach, -0.999999, 0.999999))
    found, back, penalty = quantiser((raw - quantiser._shift).astype(np.float32))
    assert np.array_equal(ops.convert_to_numpy(back), numbers) and penalty == 0.0
    assert np.allclose(ops.convert_to_numpy(found), vectors, atol=1e-6)


def test_ordinary_features_reach_all_finite_scalar_codes():
    quantiser = FiniteScalarQuantiser((4, 3, 5))
    _, numbers, _ = quantiser(2.0 * features(20_000, 3))
    assert len(np.unique(ops.convert_to_numpy(numbers))) == 60
    assert 20 < float(codes_in_use(numbers, 60)) <= 60


def test_finite_scalar_gradient_is_that_of_the_squashing_alone():
    quantiser, x = FiniteScalarQuantiser((5, 8)), features(10, 2)
    found, _ = gradient(lambda x: (ops.sum(quantiser(x)[0], axis=-1), ()), x)
    slope = quantiser._reach / quantiser._steps / np.cosh(x + quantiser._shift) ** 2
    assert np.allclose(ops.convert_to_numpy(found), slope, atol=1e-5)


def test_vectors_are_the_nearest_codes_and_numbers_go_round():
    quantiser, x = filled(), features(50, 3)
    found, numbers, _ = quantiser(x)
    codes = ops.convert_to_numpy(quantiser.codebook)
    nearest = np.argmin(((x[:, None] - codes) ** 2).sum(-1), axis=1)
    assert np.array_equal(ops.convert_to_numpy(numbers), nearest)
    assert np.allclose(ops.convert_to_numpy(found), codes[nearest], atol=1e-6)
    assert np.array_equal(ops.convert_to_numpy(quantiser.nearest(quantiser.vectors(np.arange(16)))), np.arange(16))


def test_gradient_passes_the_codebook_as_if_it_were_not_there():
    quantiser, x, weights = filled(), features(10, 3), features(10, 3, seed=2)
    found, _ = gradient(lambda x: (ops.sum(weights * quantiser(x)[0], axis=-1), ()), x)
    assert np.array_equal(ops.convert_to_numpy(found), weights)


def test_commitment_pulls_features_to_their_codes():
    quantiser, x = filled(commitment=0.5), features(10, 3)
    found, _ = gradient(lambda x: (quantiser(x)[2], ()), x)
    codes = ops.convert_to_numpy(quantiser.vectors(quantiser.nearest(x)))
    assert np.allclose(ops.convert_to_numpy(found), 0.5 * 2.0 * (x - codes) / 3, atol=1e-6)
    assert np.allclose(ops.convert_to_numpy(quantiser(x)[2]), 0.5 * ((x - codes) ** 2).mean(-1), atol=1e-6)


def test_codes_become_the_means_of_what_chooses_them():
    centres = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]], np.float32)
    quantiser, rng = VectorQuantiser(4, 2, decay=0.98), np.random.default_rng(3)

    def batch(n):
        return centres[rng.integers(0, 4, n)] + 0.2 * rng.normal(size=(n, 2)).astype(np.float32)

    for _ in range(200):
        quantiser(batch(64), training=True)
    x = batch(20_000)
    codes, numbers = (ops.convert_to_numpy(each) for each in (quantiser.codebook, quantiser.nearest(x)))
    means = np.stack([x[numbers == code].mean(0) for code in range(4)])  # a fixed point of k-means
    assert np.abs(codes - means).max() < 0.15


def test_dead_codes_come_back_and_without_chance():
    def after(steps):
        quantiser = filled(decay=0.9, dead=0.05)
        quantiser.codebook.assign(np.r_[np.zeros((1, 3)), np.full((15, 3), 1e3)].astype(np.float32))
        for step in range(steps):
            quantiser(features(64, 3, seed=step), training=True)
        return quantiser

    quantiser = after(60)
    x = features(500, 3, seed=99)
    assert float(codes_in_use(quantiser(x)[1], 16)) > 10.0
    assert np.array_equal(ops.convert_to_numpy(quantiser.codebook), ops.convert_to_numpy(after(60).codebook))
    before = ops.convert_to_numpy(quantiser.codebook)
    quantiser(x)  # outside training nothing moves
    assert np.array_equal(ops.convert_to_numpy(quantiser.codebook), before)


def test_codes_in_use_is_the_exponential_of_the_entropy():
    assert float(codes_in_use(np.array([[0, 1], [2, 3]], np.int32), 10)) == pytest.approx(4.0, rel=1e-5)
    assert float(codes_in_use(np.zeros((3, 2), np.int32), 10)) == pytest.approx(1.0, rel=1e-5)


def test_impossible_vocabularies_are_refused():
    for make in (lambda: FiniteScalarQuantiser((1, 5)), lambda: VectorQuantiser(1), lambda: VectorQuantiser(decay=1.0)):
        with pytest.raises(ParameterError):
            make()
