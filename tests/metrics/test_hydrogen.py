import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import column_density, damped_fraction, hi_mass_and_diameter, peak_counts, peaks, size_residual


def test_a_solar_mass_per_square_parsec_in_atoms():
    assert column_density(np.full((1, 2, 2), 1e6))[0, 0, 0] == pytest.approx(1.248e20, rel=1e-3)
    found = column_density(np.ones((2, 2)) * u.Msun / u.pc**2)
    assert found[0, 0, 0] == pytest.approx(1.248e20, rel=1e-3)
    with pytest.raises(ParameterError, match="convert"):
        column_density(np.ones((2, 2)) * u.K)


def test_mass_and_diameter_of_an_exponential_disc():
    place = np.arange(128) - 63.5
    radius = 0.5 * np.hypot(place[:, None], place[None, :])
    disc = 1e7 * np.exp(-radius / 5.0)
    mass, diameter = hi_mass_and_diameter(disc, 0.5)
    edge = 5.0 * np.log(10.0)
    assert diameter[0] == pytest.approx(2 * edge, rel=0.03)
    frame = 2 * np.pi * 25 * 1e7
    assert mass[0] == pytest.approx(frame, rel=0.01)
    assert size_residual(mass, diameter)[0] == pytest.approx(
        np.log10(2 * edge) - 0.506 * np.log10(frame) + 3.293, abs=0.02
    )
    assert damped_fraction(disc)[0] == pytest.approx(np.mean(disc * 1.248e14 > 10**20.3), abs=1e-3)


def test_empty_maps_have_no_residual():
    mass, diameter = hi_mass_and_diameter(np.zeros((1, 32, 32)), 1.0)
    assert mass[0] == 0 and diameter[0] == 0 and np.isnan(size_residual(mass, diameter)[0])


def test_peaks_are_where_they_were_put():
    maps = np.zeros((2, 16, 16))
    maps[0, 4, 5], maps[0, 10, 11], maps[1, 8, 8], maps[1, 0, 0] = 2.0, 1.0, 3.0, 9.0
    index, height = peaks(maps, smoothing=0)
    assert index.tolist() == [[0, 4, 5], [0, 10, 11], [1, 8, 8]] and height.tolist() == [2, 1, 3]
    assert peak_counts(maps, [0.5, 1.5, 2.5, 3.5], smoothing=0).tolist() == [[1, 1, 0], [0, 0, 1]]
    index, _ = peaks(maps, smoothing=1.0)
    assert [8, 8] in index[index[:, 0] == 1][:, 1:].tolist()
    assert peaks(np.ones((1, 8, 8)))[0].shape == (0, 3)
    with pytest.raises(ParameterError, match="smoothing"):
        peaks(maps, -1)
