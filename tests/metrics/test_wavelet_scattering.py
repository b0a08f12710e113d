import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import frechet_distance, scattering, scattering_features
from skazoo.metrics.standards import GaussianField
from skazoo.metrics.wavelet_scattering import wavelets


def direct(image, scales, directions):
    """The same sums without any short cut, in double precision."""
    bank = wavelets(image.shape, scales, directions).astype(float)
    convolve = [[np.abs(np.fft.ifft2(np.fft.fft2(image - image.mean()) * one)) for one in row] for row in bank]
    first = np.array([np.mean(row) for row in convolve])
    second = []
    for j in range(scales):
        for other in range(j + 1, scales):
            row = [[] for _ in range(directions // 2 + 1)]
            for l in range(directions):
                for m in range(directions):
                    turn = min(abs(l - m), directions - abs(l - m))
                    again = np.fft.ifft2(np.fft.fft2(convolve[j][l]) * bank[other, m])
                    row[turn].append(np.abs(again).mean())
            second.append([np.mean(values) for values in row])
    return first, np.array(second)


def test_it_is_the_sum_it_claims_to_be():
    image = np.random.default_rng(0).lognormal(size=(32, 32))
    first, second = scattering(image)
    expected = direct(image, 3, 4)
    np.testing.assert_allclose(first[0], expected[0], rtol=1e-4)
    np.testing.assert_allclose(second[0], expected[1], rtol=0.02)  # means of coarser grids


def test_wavelets_have_no_mean_and_peak_an_octave_apart():
    bank = wavelets((64, 64), 4, 4)
    assert np.all(bank[:, :, 0, 0] == 0)
    k = 2 * np.pi * np.fft.fftfreq(64)
    peaks = [abs(k[np.argmax(bank[j, 0, 0])]) for j in range(4)]
    np.testing.assert_allclose(peaks, 0.75 * np.pi / 2.0 ** np.arange(4), rtol=0.15)


def test_turning_by_a_right_angle_and_shifting_change_nothing_and_the_amplitude_scales():
    image = np.random.default_rng(1).lognormal(size=(32, 32))
    first, second = scattering(np.stack([image, np.rot90(image), np.roll(image, (3, 5), (0, 1)), 5 * image]))
    for other, factor in ((1, 1), (2, 1), (3, 5)):
        np.testing.assert_allclose(first[other], factor * first[0], rtol=1e-3)
        np.testing.assert_allclose(second[other], factor * second[0], rtol=1e-2)


def test_frechet_distance_of_gaussians_and_its_floor():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(40_000, 3)), rng.normal(size=(40_000, 3)) * [1, 2, 3] + [1, 0, 0]
    assert frechet_distance(a, b) == pytest.approx(1 + 0 + 1 + 4, rel=0.03)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_another_texture_of_the_same_spectrum_is_seen():
    fields = GaussianField(size=32).draw(120, 0)[1][..., 0].astype(float)
    real, other, samples = scattering_features(fields[:40]), scattering_features(fields[40:80]), fields[80:]
    modes = np.abs(np.fft.fft2(samples))
    spiked = np.fft.ifft2(modes * np.exp(1j * np.angle(np.fft.fft2(np.sign(samples) * samples**4)))).real
    floor = frechet_distance(real, other)
    assert frechet_distance(real, scattering_features(samples)) < 2 * floor
    assert frechet_distance(real, scattering_features(spiked)) > 4 * floor


def test_constant_and_broken_maps_are_undefined():
    maps = np.ones((3, 32, 32))
    maps[1, 0, 0], maps[2] = np.nan, np.random.default_rng(0).normal(size=(32, 32))
    assert np.isfinite(scattering_features(maps)).all(axis=1).tolist() == [False, False, True]
    with pytest.raises(ParameterError, match="scales"):
        scattering(maps, scales=9)
    with pytest.raises(ParameterError, match="not finite"):
        frechet_distance(np.full((3, 2), np.nan), np.zeros((3, 2)))
