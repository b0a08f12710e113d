"""Free electrons, Faraday rotation, electron models and spectra, against numbers by hand."""

import astropy.units as u
import numpy as np
import pytest

from skazoo import physics
from skazoo.errors import MissingField, ParameterError
from skazoo.physics.synchrotron import emissivity
from skazoo.simulations import Species


def cells(electrons=1.16, kelvin=1e7, **changes):
    """One cell of n_H = 1e-3 cm^-3 in a field of 2 uG along +z."""
    density = 1e-3 / 0.76 / (u.Msun / u.kpc**3).to(1.6726219e-24 * u.g / u.cm**3)
    energy = 1.5 * 8.2544e-3 * kelvin / (4 / (1 + 3 * 0.76 + 4 * 0.76 * electrons))
    fields = {
        "mass": np.ones(1) * u.Msun,
        "density": np.array([density]) * u.Msun / u.kpc**3,
        "internal_energy": np.array([energy]) * (u.km / u.s) ** 2,
        "electron_abundance": np.array([electrons]),
        "magnetic_field": np.array([[0.0, 0.0, 2e-6]]) * u.G,
    }
    return Species("gas", {k: v for k, v in (fields | changes).items() if v is not None})


def test_electrons_and_compton_y():
    gas = cells()
    assert physics.electron_density(gas).to_value(u.cm**-3)[0] == pytest.approx(1.16e-3, rel=1e-4)
    # sigma_T n_e k T / m_e c^2 = 6.652e-25 cm^2 * 1.16e-3 cm^-3 * 1.6863e-3 * 3.0857e21 cm/kpc
    assert physics.compton_density(gas).to_value(1 / u.kpc)[0] == pytest.approx(4.015e-9, rel=1e-3)


def test_rotation_measure_of_a_uniform_slab():
    gas = cells()
    towards = physics.faraday_depth_density(gas, [0, 0, 1]).to_value(u.rad / u.m**2 / u.kpc)[0]
    assert towards == pytest.approx(0.812 * 1.16e-3 * 2.0 * 1000, rel=1e-4)
    away = physics.faraday_depth_density(gas, [0, 0, -1]).value[0]
    across = physics.faraday_depth_density(gas, [1, 0, 0]).value[0]
    assert away == pytest.approx(-towards, rel=1e-9) and across == 0.0
    with pytest.raises(MissingField, match="magnetic_field"):
        physics.faraday_depth_density(cells(magnetic_field=None), [0, 0, 1])


def test_bremsstrahlung():
    # 1.426e-27 T^1/2 n_e (n_H + 4 n_He) g, n_He / n_H = 0.24 / (4 * 0.76)
    expected = 1.426e-27 * 1e7**0.5 * 1.16e-3 * 1e-3 * (1 + 0.24 / 0.76) * 1.2
    value = physics.bremsstrahlung_emissivity(cells()).to_value(u.erg / u.s / u.cm**3)
    assert value[0] == pytest.approx(expected, rel=1e-3)
    assert not physics.bremsstrahlung_emissivity(cells(kelvin=3e4)).value.any()
    assert not physics.bremsstrahlung_emissivity(cells(star_formation_rate=np.ones(1) * u.Msun / u.yr)).value.any()


def test_free_free_absorbs_like_the_textbook():
    # Gaunt factor at 1 GHz and 1e4 K is 5.9 (Draine 2011, fig. 10.1), and falls slowly with frequency
    gas = cells(kelvin=1e4)
    value = physics.free_free_emissivity(gas, 1 * u.GHz).to(u.erg / u.s / u.Hz / u.cm**3).value[0]
    assert value == pytest.approx(6.8e-38 * 1e-2 * 1.16e-3 * 1e-3 * (1 + 0.24 / 0.76) * 5.96, rel=0.02)
    index = physics.spectral_index(
        physics.free_free_emissivity(gas, 1 * u.GHz), 1 * u.GHz, physics.free_free_emissivity(gas, 2 * u.GHz), 2 * u.GHz
    )
    assert 0.05 < index[0] < 0.15


def test_polarised_fraction_and_its_angle():
    assert physics.polarised_fraction(0.5) == pytest.approx(3 / 4 * 12 / 13)  # p = 2: 9/13
    assert physics.polarised_fraction(1.0) == pytest.approx(0.75)
    with pytest.raises(ParameterError, match="spectral_index"):
        physics.polarised_fraction(-1.0)
    field = np.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, 0], [0, 0, 1.0]]) * u.uG
    q, v = physics.stokes_fractions(field, [1, 0, 0], [0, 1, 0], 1.0)
    # a horizontal field has a vertical electric vector: Q > 0
    np.testing.assert_allclose(q, [0.75, -0.75, 0, 0], atol=1e-12)
    # a field up and to the right has its electric vector up and to the left, 45 degrees east of north: U > 0
    np.testing.assert_allclose(v, [0, 0, 0.75, 0], atol=1e-12)


def test_thermal_electrons_scale_with_pressure_and_agree_with_equipartition_where_the_energies_do():
    gas = cells()
    band = {"frequency": 1.4 * u.GHz, "bandwidth": 0.3 * u.GHz}
    one = physics.synchrotron_emissivity(gas, **band, electrons="thermal", thermal_fraction=0.01)
    two = physics.synchrotron_emissivity(gas, **band, electrons="thermal", thermal_fraction=0.02)
    assert (two / one).value[0] == pytest.approx(2.0)
    magnetic = (2e-6) ** 2 / 8 / np.pi * u.erg / u.cm**3
    field = np.array([2.0]) * u.uG
    same = emissivity(field, *band.values(), cosmic_ray_energy=magnetic)
    np.testing.assert_allclose(same.value, emissivity(field, *band.values()).value, rtol=1e-9)
    with pytest.raises(ParameterError, match="electron model 'equi'"):
        physics.synchrotron_emissivity(gas, electrons="equi")


def test_spectral_index_of_maps():
    field = np.array([[1.0, 2.0], [5.0, 0.0]]) * u.uG
    low, high = (emissivity(field, f, 1 * u.MHz, 0.8) for f in (0.95 * u.GHz, 1.4 * u.GHz))
    index = physics.spectral_index(low, 0.95 * u.GHz, high, 1400 * u.MHz)
    np.testing.assert_allclose(index[[0, 0, 1], [0, 1, 0]], 0.8, rtol=1e-5)
    assert np.isnan(index[1, 1])
    with pytest.raises(ParameterError, match="two frequencies"):
        physics.spectral_index(low, 1 * u.GHz, high, 1000 * u.MHz)
