import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import bispectrum, reduced_bispectrum, wavenumber_bins
from skazoo.metrics.three_point import ring_filters


def brute_force(image, scale, shape):
    """The mean over all closed triangles, one by one, of a periodic map."""
    size = len(image)
    modes = np.fft.fft2(image - image.mean()) * scale**2
    bins = wavenumber_bins(image.shape, scale)
    count = len(ring_filters(image.shape, scale, shape)[1])
    rings = [[divmod(i, size) for i in bins.averaging[b].indices] for b in range(count)]
    signed = np.fft.fftfreq(size, 1 / size).astype(int)
    result = []
    for number in range(count):
        first = rings[number] if shape == "equilateral" else rings[0]
        total, found = 0.0, 0
        members = set(rings[number])
        for a in first:
            for b in rings[number]:
                whole = [-(signed[a[i]] + signed[b[i]]) for i in (0, 1)]
                c = (whole[0] % size, whole[1] % size)
                if c in members:
                    total += (modes[a] * modes[b] * modes[c]).real
                    found += 1
        result.append(total / found / (size * scale) ** 2)
    return np.array(result)


@pytest.mark.parametrize("shape", ["equilateral", "squeezed"])
def test_it_is_the_mean_over_triangles(shape):
    image = np.random.default_rng(0).lognormal(size=(12, 12))
    k, b = bispectrum(image, 0.5, shape, window=None)
    np.testing.assert_allclose(b[0], brute_force(image, 0.5, shape), rtol=1e-9)
    np.testing.assert_allclose(k, wavenumber_bins((12, 12), 0.5).k[: len(k)])


def quadratic_fields(size=64, count=800, f=0.05):
    """Gaussian fields g of a band-limited spectrum P (per mode), and g +- f (g^2 - <g^2>)."""
    k = np.hypot(*np.meshgrid(*(2 * np.pi * np.fft.fftfreq(size),) * 2, indexing="ij"))
    power = np.where((k > 0) & (k < 1.0), 1 / (k + 0.1) ** 2, 0.0)
    power /= power.mean()
    white = np.random.default_rng(1).standard_normal((count, size, size))
    g = np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power)).real
    return power, g, f, f * (g**2 - power.mean())


def test_gaussian_fields_have_none_and_quadratic_ones_the_analytic_one():
    power, g, f, extra = quadratic_fields()
    _, none = bispectrum(g, 1.0, window=None)
    inside = slice(0, 9)  # where P is not 0
    chi = none.mean(axis=0) / (none.std(axis=0) / np.sqrt(len(g)))
    assert np.abs(chi[inside]).max() < 4
    _, rings, triangles = ring_filters(g.shape[1:], 1.0, "squeezed")
    plain, weighted = (np.fft.ifft2(rings * one).real for one in (1.0, power))
    theory = 2 * f * np.sum(2 * weighted[:1] * weighted * plain + plain[:1] * weighted**2, axis=(1, 2)) / triangles
    up, down = (bispectrum(g + sign * extra, 1.0, "squeezed", window=None)[1] for sign in (1, -1))
    # the difference of the two leaves the noise of the Gaussian field out
    np.testing.assert_allclose((up - down).mean(axis=0)[inside] / 2, theory[inside], rtol=0.12)
    assert np.sum((up - down).mean(axis=0)[inside]) / 2 == pytest.approx(np.sum(theory[inside]), rel=0.06)


def test_amplitude_unit_and_reduced_form():
    maps = np.random.default_rng(2).lognormal(size=(3, 32, 32))
    k, b = bispectrum(maps * u.K, 2 * u.kpc)
    assert b.unit == u.K**3 * u.kpc**4 and k.unit == 1 / u.kpc
    np.testing.assert_allclose(bispectrum(3 * maps, 2.0)[1], 27 * b.value)
    np.testing.assert_allclose(reduced_bispectrum(3 * maps, 2.0)[1], reduced_bispectrum(maps, 2.0)[1])


def test_constant_empty_and_broken_maps():
    maps = np.stack([np.ones((32, 32)), np.zeros((32, 32)), np.ones((32, 32))])
    maps[2, 0, 0] = np.nan
    b = bispectrum(maps, 1.0)[1]
    assert np.all(b[:2] == 0) and np.isnan(b[2]).all()
    assert np.isnan(reduced_bispectrum(maps, 1.0)[1]).all()
    with pytest.raises(ParameterError, match="shape"):
        bispectrum(maps, 1.0, "flat")
    with pytest.raises(ParameterError, match="square"):
        bispectrum(maps[:, :16], 1.0)
