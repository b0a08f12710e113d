"""21 cm brightness and synchrotron emission against independent forms."""

import astropy.units as u
import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM

from skazoo import physics
from skazoo.errors import ParameterError
from skazoo.physics.synchrotron import emissivity

COSMOLOGY = FlatLambdaCDM(H0=67.74, Om0=0.3089)


def test_column_density_of_one_solar_mass_per_square_parsec():
    assert physics.column_density(1 * u.Msun / u.pc**2).to_value(u.cm**-2) == pytest.approx(1.248e20, rel=1e-3)


@pytest.mark.parametrize("redshift", [0.0, 0.5, 2.3])
def test_hubble_flow_and_column_forms_agree(redshift):
    surface, width = 3e6 * u.Msun / u.kpc**2, 150 * u.km / u.s
    depth = physics.line_depth(width, redshift, COSMOLOGY)
    # Sigma is proper; its comoving density spreads a^2 Sigma over the comoving depth
    flow = physics.brightness_temperature(surface / (1 + redshift) ** 2 / depth, redshift, COSMOLOGY)
    column = physics.brightness_temperature_from_column(physics.column_density(surface), width, redshift)
    assert (flow / column).to_value(u.one) == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize("redshift", [0.0, 0.5, 2.3])
def test_brightness_times_depth_is_the_column(redshift):
    # T H L / (1 + z) = N / 1.8224e18 for the brightness T where it is emitted, (1 + z) times the observed one; L is
    # comoving, so H L / (1 + z) is the velocity that the depth spans
    surface, depth = 3e6 * u.Msun / u.kpc**2, 2 * u.Mpc
    observed = physics.brightness_temperature(surface / (1 + redshift) ** 2 / depth, redshift, COSMOLOGY)
    emitted = observed * (1 + redshift)
    integral = (emitted * COSMOLOGY.H(redshift) * depth / (1 + redshift)).to_value(u.K * u.km / u.s)
    column = physics.column_density(surface).to_value(u.cm**-2)
    assert integral * 1.8224e18 == pytest.approx(column, rel=0.015)


def test_brightness_temperature_by_hand():
    critical = COSMOLOGY.critical_density0
    value = physics.brightness_temperature(0.001 * critical, 1.0, COSMOLOGY)
    expected = 189 * 0.6774 * 4 / COSMOLOGY.efunc(1.0) * 0.001
    assert value.to_value(u.mK) == pytest.approx(expected, rel=1e-6)


def test_flux():
    assert physics.hi_flux(2.36e5 * u.Msun, 1 * u.Mpc).to_value(u.Jy * u.km / u.s) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("microgauss", "index", "at_120", "at_1400"),
    [(1, 0.7, 5.541e16, 9.890e15), (1, 0.8, 3.926e16, 5.477e15), (1, 1.7, 5.577e14, 8.446e12),
     (10, 0.8, 2.477e20, 3.456e19)],
)  # fmt: skip
def test_emissivity_table(microgauss, index, at_120, at_1400):
    field = np.array([microgauss]) * u.uG
    low = emissivity(field, 120 * u.MHz, 32 * u.MHz, index)[0].value
    high = emissivity(field, 1400 * u.MHz, 25 * u.MHz, index)[0].value
    assert low == pytest.approx(at_120, rel=1e-3) and high == pytest.approx(at_1400, rel=1e-3)


def test_emissivity_scalings():
    field = np.array([0.0, 1.0, 2.0]) * u.uG
    narrow = {"bandwidth": 1 * u.MHz, "spectral_index": 0.8}
    value = emissivity(field, 1 * u.GHz, **narrow).value
    assert value[0] == 0.0 and value[2] / value[1] == pytest.approx(2**3.8, rel=1e-9)
    twice = emissivity(field, 2 * u.GHz, **narrow).value
    assert twice[1] / value[1] == pytest.approx(2**-0.8, rel=1e-4)
    around_one = [emissivity(field[1:], 1 * u.GHz, 1 * u.MHz, a)[0].value for a in (1 - 1e-6, 1.0, 1 + 1e-6)]
    np.testing.assert_allclose(around_one, around_one[1], rtol=1e-4)
    for bad in ({"spectral_index": 0.4}, {"bandwidth": 5 * u.GHz}, {"bandwidth": 0 * u.Hz}):
        with pytest.raises(ParameterError):
            emissivity(field, 1 * u.GHz, **({"bandwidth": 1 * u.MHz} | bad))
