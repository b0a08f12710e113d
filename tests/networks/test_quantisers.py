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


@pytest.mark.parametrize("levels", [(4, 3, 5), (2, 2, 2)])
def test_ordinary_features_reach_all_finite_scalar_codes(levels):
    quantiser = FiniteScalarQuantiser(levels)
    _, numbers, _ = quantiser(2.0 * features(20_000, 3))
    assert len(np.unique(ops.convert_to_numpy(numbers))) == quantiser.vocabulary
    used = float(codes_in_use(numbers, quantiser.vocabulary))
    assert quantiser.vocabulary / 3 < used <= quantiser.vocabulary * (1 + 1e-6)


def test_finite_scalar_gradient_is_that_of_the_squashing_alone():
    quantiser, x = FiniteScalarQuantiser((5, 8, 2)), features(10, 3)
    found, _ = gradient(lambda x: (ops.sum(quantiser(x)[0], axis=-1), ()), x)
    slope = quantiser._reach / quantiser._steps / np.cosh(x + quantiser._shift) ** 2
    assert np.allclose(ops.convert_to_numpy(found), slope, atol=1e-5)
    assert slope.mean(0).min() > 0.2  # no feature sits where the squashing is flat


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


def test_counts_and_sums_are_running_means_in_closed_form():
    """After n batches: decay^n of the start, and (1 - decay) decay^(n - 1 - k) of what batch k brought."""
    quantiser, start = filled(decay=0.8, dead=0.0), np.ones(16)
    sums = ops.convert_to_numpy(quantiser.codebook).astype(np.float64)
    counts, moved = 0.8**3 * start, 0.8**3 * sums
    for k in range(3):
        x = features(20, 3, seed=k)
        number = ops.convert_to_numpy(quantiser(x, training=True)[1])  # chosen before the codebook moves
        chosen = np.eye(16)[number]
        counts = counts + 0.2 * 0.8 ** (2 - k) * chosen.sum(0)
        moved = moved + 0.2 * 0.8 ** (2 - k) * chosen.T @ x
    assert np.allclose(ops.convert_to_numpy(quantiser.counts), counts, rtol=1e-5)
    assert np.allclose(ops.convert_to_numpy(quantiser.sums), moved, atol=1e-5)
    assert np.allclose(ops.convert_to_numpy(quantiser.codebook), moved / counts[:, None], atol=1e-5)


def test_a_dead_code_and_no_other_is_put_on_a_feature():
    quantiser, x = filled(decay=0.9, dead=0.05), features(20, 3)
    counts, codes = np.ones(16, np.float32), ops.convert_to_numpy(quantiser.codebook).copy()
    codes[5:7], counts[5:7] = 1e3, (0.055, 0.057)  # far from all, of which 0.0495 and 0.0513 are left
    for state, value in zip((quantiser.codebook, quantiser.sums), (codes, codes * counts[:, None]), strict=True):
        state.assign(value)
    quantiser.counts.assign(counts)
    chosen = np.eye(16)[ops.convert_to_numpy(quantiser(x, training=True)[1])]
    found, counts, arrived = ops.convert_to_numpy(quantiser.codebook), counts[:, None], chosen.sum(0)[:, None]
    expected = (0.9 * counts * codes + 0.1 * chosen.T @ x) / (0.9 * counts + 0.1 * arrived)
    assert np.allclose(np.delete(found, 5, 0), np.delete(expected, 5, 0), rtol=1e-5, atol=1e-5)
    assert np.abs(x - found[5]).sum(1).min() < 1e-6 and float(quantiser.counts[5]) == 1.0


def test_the_first_batch_spreads_the_codes_over_its_features():
    quantiser, x = VectorQuantiser(16, 3), features(40, 3)
    quantiser(x, training=True)
    codes = ops.convert_to_numpy(quantiser.codebook)
    assert np.allclose(codes[0], x.mean(0), atol=1e-6)
    nearest = np.abs(x - codes[1:, None]).sum(2)
    assert nearest.min(1).max() < 1e-6 and len(np.unique(nearest.argmin(1))) == 15


def test_codes_become_the_means_of_what_chooses_them():
    centres = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]], np.float32)
    quantiser, rng = VectorQuantiser(4, 2, decay=0.9), np.random.default_rng(3)

    def batch(n):
        return centres[rng.integers(0, 4, n)] + 0.2 * rng.normal(size=(n, 2)).astype(np.float32)

    for _ in range(40):
        quantiser(batch(256), training=True)
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
