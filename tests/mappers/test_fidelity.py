"""Losses of paired training against distributions that are known."""

import math

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.pixel_transforms import Power
from skazoo.errors import ParameterError
from skazoo.mappers.fidelity import (
    FIDELITIES,
    LEAST,
    Diversity,
    energy_distance,
    fourier_modes,
    log_powers,
    peak_heights,
    window_means,
)

N = 400_000


def expected(name, mean, spread):
    """Mean loss of samples from N(mean, spread^2) where the truth is N(0, 1); common random numbers."""
    rng = np.random.default_rng(0)
    a, b, truth = (rng.normal(size=N).astype(np.float32) for _ in range(3))
    a, b = ((mean + spread * each).astype(np.float32) for each in (a, b))
    values = FIDELITIES[name](ops.array(a), ops.array(b), ops.array(truth))
    return float(np.mean(ops.convert_to_numpy(values), dtype=float))


@pytest.mark.parametrize("name", ["crps", "rcgan"])
def test_true_mean_and_spread_are_the_optimum(name):
    spreads = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
    fit = np.polyfit(spreads, [expected(name, 0.0, spread) for spread in spreads], 2)
    assert fit[0] > 0 and -fit[1] / (2 * fit[0]) == pytest.approx(1.0, abs=0.03)
    at_truth = expected(name, 0.0, 1.0)
    assert expected(name, 0.2, 1.0) > at_truth and expected(name, -0.2, 1.0) > at_truth


def test_crps_of_the_truth_itself():
    """1 / sqrt(pi) for a standard Gaussian (Gneiting & Raftery 2007)."""
    assert expected("crps", 0.0, 1.0) == pytest.approx(1 / math.sqrt(math.pi), abs=0.004)


def test_l1_prefers_no_spread():
    assert expected("l1", 0.0, 0.0) == pytest.approx(math.sqrt(2 / math.pi), abs=0.004)
    assert expected("l1", 0.0, 0.0) < expected("l1", 0.0, 0.5) < expected("l1", 0.0, 1.0)


@pytest.mark.parametrize("name", list(FIDELITIES))
def test_nothing_is_lost_where_all_agree(name):
    x = ops.array(np.random.default_rng(0).normal(size=50).astype(np.float32))
    assert np.all(ops.convert_to_numpy(FIDELITIES[name](x, x, x)) == 0.0)


@pytest.mark.parametrize("size", [(16, 16), (8, 12), (15, 9)])
def test_fourier_modes_are_orthonormal_and_white(size):
    """With any scale the transform keeps the sum of squares; with its own, every ring has unit power."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(64, *size, 2)).astype(np.float32)
    maps = (maps + 0.5 * np.roll(maps, 1, 1) + 3.0 * maps.mean((1, 2), keepdims=True)) * [1.0, 20.0]
    maps = maps.astype(np.float32)
    modes, scale = (ops.convert_to_numpy(each) for each in fourier_modes(ops.array(maps)))
    assert modes.shape == (64, 2, *size, 2) and scale.shape == (2, *size)
    reference = np.fft.fft2(maps.astype(float), axes=(1, 2), norm="ortho").transpose(0, 3, 1, 2)
    assert np.allclose(modes[..., 0] * scale, reference.real, atol=1e-3)
    assert np.allclose(modes[..., 1] * scale, reference.imag, atol=1e-3)
    assert np.allclose(np.mean(np.sum(modes**2, -1)), 2.0, rtol=1e-3)
    again, same = fourier_modes(ops.array(2 * maps), ops.array(scale))
    assert np.allclose(ops.convert_to_numpy(again), 2 * modes, rtol=1e-3, atol=1e-3)
    assert np.array_equal(ops.convert_to_numpy(same), scale)


def test_fourier_modes_need_a_size():
    import keras

    with pytest.raises(ParameterError, match="same size"):
        fourier_modes(keras.KerasTensor((None, None, 16, 1)))


@pytest.mark.parametrize("size", [(16, 16), (15, 15)])
def test_log_powers_are_those_of_the_metrics(size):
    """Up to the unit, which is the same for all; of physical maps where a transform is given."""
    from skazoo.datasets.transforms import Log10
    from skazoo.metrics import power_spectrum

    maps = np.random.default_rng(0).normal(1.0, 0.5, size=(5, *size, 1)).astype(np.float32)
    for transform, physical in ((None, maps), (Log10(1e-3), 10.0**maps)):
        found = np.exp(ops.convert_to_numpy(log_powers(ops.array(maps), transform)[0]))[:, 0] - LEAST
        _, power = power_spectrum(physical[..., 0], 1.0)
        ratio = found[:, : power.shape[1]] / power
        assert np.allclose(ratio, ratio[0, 0], rtol=1e-3)


def test_log_powers_keep_the_unit_and_bear_empty_maps():
    maps = ops.array(np.random.default_rng(0).normal(size=(3, 8, 12, 2)).astype(np.float32))
    powers, unit = log_powers(maps)
    one, four = (np.exp(ops.convert_to_numpy(each)) for each in (powers, log_powers(2 * maps, unit=unit)[0]))
    assert np.allclose(four - LEAST, 4 * (one - LEAST), rtol=1e-3)
    assert np.allclose(ops.convert_to_numpy(log_powers(ops.zeros((2, 8, 8, 1)))[0]), math.log(LEAST))
    import keras

    with pytest.raises(ParameterError, match="same size"):
        log_powers(keras.KerasTensor((None, None, 16, 1)))


def test_energy_distance_of_gaussians():
    """E|x - y| of N(m, 1) and N(0, 1) is that of |N(m, 2)|, folded normal; 0 on average where both are alike."""
    rng, shift = np.random.default_rng(0), 1.5
    a, b = rng.normal(size=(2, 16, 20_000)).astype(np.float32)  # so many pairs of batches of 16 maps
    found = [np.mean(ops.convert_to_numpy(energy_distance(ops.array(a + m), ops.array(b)))) for m in (0.0, shift)]
    folded = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
    assert found[0] == pytest.approx(0, abs=0.005)
    assert found[1] == pytest.approx(folded - 2 / math.sqrt(math.pi), abs=0.01)
    one = ops.array(a[:1])
    assert np.array_equal(ops.convert_to_numpy(energy_distance(one, one)), 0 * a[0])  # batches of one map


@pytest.mark.parametrize("transform", [None, Power(0.5, 1e-6)])
def test_window_means(transform):
    """Of physical maps (here the squares), where the transform is given; the whole side where the window is larger."""
    maps = np.random.default_rng(0).uniform(1.0, 2.0, (3, 9, 8, 2)).astype(np.float32)
    powers = (lambda x: x) if transform is None else np.square
    for window, rows, columns in ((1, 1, 1), (4, 4, 4), (16, 9, 8)):
        cut = powers(maps[:, : 9 // rows * rows]).reshape(3, 9 // rows, rows, 8 // columns, columns, 2)
        expected = cut.mean((2, 4)) if transform is None else np.sqrt(cut.mean((2, 4)))
        found = ops.convert_to_numpy(window_means(ops.array(maps), window, transform))
        assert np.allclose(found, expected, rtol=1e-5)


def test_peak_heights_are_those_of_overlapping_windows():
    maps = np.random.default_rng(0).normal(size=(3, 9, 8, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(maps, (4, 4), (1, 2))[:, ::2, ::2]
    large = np.lib.stride_tricks.sliding_window_view(maps, (8, 8), (1, 2))[:, ::4, ::4]
    expected = [(w.max((-2, -1)) - w.mean((-2, -1))).reshape(3, -1) for w in (windows, large)]
    found = ops.convert_to_numpy(peak_heights(ops.array(maps)))
    assert np.allclose(found, np.concatenate(expected, 1), atol=1e-6)
    assert peak_heights(ops.array(maps[:, :4, :5])).shape == (3, 2)  # one window of 4, none of 8
    with pytest.raises(ParameterError, match="4 pixels"):
        peak_heights(ops.array(maps[:, :3]))


def test_peaks_tell_points_from_waves():
    """One point somewhere, or a Gaussian field of the same mean and power at each wavenumber: nearly alike to the
    Fourier modes, but not to the heights of peaks."""
    rng = np.random.default_rng(0)
    n, size = 2000, 8

    def points():
        maps = np.zeros((n, size * size), np.float32)
        maps[np.arange(n), rng.integers(size * size, size=n)] = 6.0
        return maps.reshape(n, size, size, 1)

    def waves():
        white = rng.normal(size=(n, size * size))
        white = 0.75 * (white - white.mean(1, keepdims=True)) + 6 / 64  # (6/8)^2 is a point's power, 6/64 its mean
        return white.reshape(n, size, size, 1).astype(np.float32)

    truth, modes = points(), lambda maps: fourier_modes(ops.array(maps), scale)[0]
    _, scale = fourier_modes(ops.array(truth))

    def score(of, make):
        values = FIDELITIES["crps"](of(make()), of(make()), of(truth))
        return float(np.mean(ops.convert_to_numpy(values)))

    def heights(maps):
        return peak_heights(ops.array(maps))

    assert score(modes, waves) < 1.1 * score(modes, points)
    assert score(heights, waves) > 1.5 * score(heights, points)


def test_diversity_of_exact_samples_is_one():
    """Samples and truth exchangeable, whatever the source: batches of very different spread."""
    rng, monitor = np.random.default_rng(0), Diversity()
    for width in (0.1, 1.0, 3.0):
        mean = rng.normal(size=(256, 16, 16, 1))
        drawn = [(mean + width * rng.normal(size=mean.shape)).astype(np.float32) for _ in range(3)]
        monitor.update_state(*map(ops.array, drawn))
    assert float(monitor.result()) == pytest.approx(1.0, abs=0.01)


def test_diversity_of_collapsed_and_of_narrow_samples():
    rng = np.random.default_rng(0)
    a, b, truth = (rng.normal(size=(64, 16, 16, 1)).astype(np.float32) for _ in range(3))
    monitor = Diversity()
    monitor.update_state(ops.array(a), ops.array(a), ops.array(truth))
    assert float(monitor.result()) == 0.0
    monitor.reset_state()
    monitor.update_state(ops.array(0.5 * a), ops.array(0.5 * b), ops.array(truth))  # variance 2 s^2 over 1 + s^2
    assert float(monitor.result()) == pytest.approx(math.sqrt(0.5 / 1.25), abs=0.01)
