"""Neutral and atomic hydrogen against limits and identities."""

import astropy.units as u
import numpy as np
import pytest

from skazoo import physics
from skazoo.errors import MissingField, ParameterError
from skazoo.physics.hydrogen import PRESSURE_LAWS, rahmati_neutral_fraction, two_phase_neutral_fraction
from skazoo.physics.photodissociation import gnedin_kravtsov_fraction
from skazoo.physics.thermodynamics import hydrogen_fraction, hydrogen_number_density, thermal_pressure
from skazoo.simulations import Species


def gas(count=2000, seed=0, **fields):
    rng = np.random.default_rng(seed)
    base = {
        "mass": rng.uniform(1e4, 1e6, count) * u.Msun,
        "density": rng.lognormal(14, 3, count) * u.Msun / u.kpc**3,
        "internal_energy": rng.lognormal(6, 2, count) * (u.km / u.s) ** 2,
        "electron_abundance": rng.uniform(0, 1.16, count),
        "neutral_hydrogen_abundance": rng.uniform(0, 1, count),
        "metallicity": rng.uniform(1e-4, 0.04, count),
        "star_formation_rate": np.where(rng.random(count) < 0.3, 0.1, 0.0) * u.Msun / u.yr,
    }
    return Species("gas", {k: v for k, v in (base | fields).items() if v is not None})


def test_fractions_stay_in_bounds_and_masses_add_up():
    cells = gas()
    neutral = physics.neutral_fraction(cells)
    assert neutral.min() >= 0 and neutral.max() <= 1
    atomic, molecular = physics.hi_mass(cells), physics.molecular_fraction(cells)
    hydrogen = 0.76 * cells.mass * neutral
    np.testing.assert_allclose((atomic + hydrogen * molecular).value, hydrogen.value, rtol=1e-12)


@pytest.mark.parametrize("model", PRESSURE_LAWS)
def test_half_molecular_at_the_scale_pressure(model):
    scale, power = PRESSURE_LAWS[model]
    cells = gas(1, star_formation_rate=None, neutral_hydrogen_abundance=np.ones(1))
    pressure = thermal_pressure(cells).value[0]
    for factor in (1.0, 1e-4, 1e4):
        cells = gas(1, star_formation_rate=None, neutral_hydrogen_abundance=np.ones(1),
                    density=cells.density * 0 + gas(1).density * factor * scale / pressure)  # fmt: skip
        expected = factor**power / (1 + factor**power)
        np.testing.assert_allclose(physics.molecular_fraction(cells, model), expected, rtol=1e-9)
    assert physics.molecular_fraction(cells, None) == 0.0


def test_two_phase_is_one_for_cold_and_zero_for_hot_gas():
    density = np.array([0.2, 1.0, 30.0]) * u.cm**-3
    cold = 1e3 * u.K
    # u of neutral gas at 1000 K: k T / ((gamma - 1) mu m_p)
    from astropy.constants import k_B, m_p

    energy = (k_B * cold / (2 / 3 * 4 / (1 + 3 * 0.76) * m_p)).to((u.km / u.s) ** 2)
    np.testing.assert_allclose(two_phase_neutral_fraction(np.ones(3) * energy, density), 1.0, rtol=1e-12)
    assert (two_phase_neutral_fraction(np.ones(3) * energy * 1e5, density) == 0).all()


def test_rahmati_limits_and_the_equilibrium_it_solves():
    density = np.logspace(-7, 2, 60) * u.cm**-3
    fraction = rahmati_neutral_fraction(np.full(60, 1e4) * u.K, density, 0.0)
    assert (np.diff(fraction) > 0).all() and fraction[0] < 1e-4 and fraction[-1] > 0.99
    # optically thin: f = alpha n / Gamma; case-A alpha(1e4 K) = 4.2e-13
    thin = fraction[0] * 8.34e-14 / density[0].value
    assert thin == pytest.approx(4.2e-13, rel=0.05)
    hot = rahmati_neutral_fraction(np.full(60, 1e6) * u.K, density, 0.0)
    assert hot.max() < 1e-4
    with pytest.raises(MissingField, match="z = 6"):
        rahmati_neutral_fraction(np.full(60, 1e4) * u.K, density, 6.0)


def test_missing_abundance_falls_back_on_equilibrium():
    cells = gas(neutral_hydrogen_abundance=None, star_formation_rate=None)
    expected = rahmati_neutral_fraction(physics.temperature(cells), hydrogen_number_density(cells), 0.5)
    np.testing.assert_array_equal(physics.neutral_fraction(cells, 0.5), expected)


def test_unknown_model_is_named():
    with pytest.raises(ParameterError, match="molecular model 'leroy8'.*Did you mean 'leroy08'"):
        physics.molecular_fraction(gas(), "leroy8")


def test_gnedin_kravtsov_by_hand_and_in_its_limits():
    # U = D = 1: s = 0.04 / (1 + 0.0015 ln(1 + 3^1.7)), alpha = 2, Lambda = ln(1 + g / 15^(4/7))
    s = 0.04 / (1 + 1.5e-3 * np.log(1 + 3**1.7))
    g = (1 + 2 * s + s**2) / (1 + s)
    critical = 20 * np.log(1 + g * 15 ** (-4 / 7)) ** (4 / 7) / np.sqrt(2)
    fraction = gnedin_kravtsov_fraction([0, critical, 1e6] * u.Msun / u.pc**2, 1.0, 1.0)
    np.testing.assert_allclose(fraction, [0, 0.25, 1], atol=1e-4)
    surface = 30 * u.Msun / u.pc**2
    more_dust = gnedin_kravtsov_fraction(surface, np.array([0.01, 0.1, 1.0, 3.0]), 1.0)
    more_light = gnedin_kravtsov_fraction(surface, 0.1, np.array([0.1, 1.0, 10.0]))
    assert (np.diff(more_dust) > 0).all() and (np.diff(more_light) < 0).all()


def test_gnedin_kravtsov_of_cells_stays_in_bounds():
    cells = gas()
    fraction = physics.molecular_fraction(cells, "gk11")
    assert (fraction >= 0).all() and (fraction <= 1).all() and fraction.std() > 0.05
    with pytest.raises(MissingField, match="metallicity"):
        physics.molecular_fraction(gas(metallicity=None), "gk11")


def test_softer_equation_of_state_is_undone():
    density = np.array([0.2, 1.0, 30.0]) * u.cm**-3
    energy = np.array([300.0, 500.0, 900.0]) * (u.km / u.s) ** 2
    plain = two_phase_neutral_fraction(energy, density)
    # u(1e4 K) of ionised gas, mu = 4 / (3 + 5 X)
    warm = 1.5 * 1e4 * 8.2544e-3 / (4 / (3 + 5 * 0.76)) * (u.km / u.s) ** 2
    softened = 0.3 * energy + 0.7 * warm
    np.testing.assert_allclose(two_phase_neutral_fraction(softened, density, softening=0.3), plain, rtol=1e-4)
    with pytest.raises(ParameterError, match="softening"):
        two_phase_neutral_fraction(energy, density, softening=0.0)
    with pytest.raises(ParameterError, match="sf_model"):
        physics.neutral_fraction(gas(), sf_model="softened")


def test_a_run_that_followed_its_own_atomic_hydrogen_is_believed():
    cells = gas(star_formation_rate=np.ones(2000) * u.Msun / u.yr, atomic_hydrogen_abundance=np.linspace(0, 1, 2000))
    hydrogen = cells.mass * hydrogen_fraction(cells)
    assert u.allclose(physics.hi_mass(cells), hydrogen * np.linspace(0, 1, 2000))
    assert not u.allclose(physics.hi_mass(cells, molecular="leroy08"), physics.hi_mass(cells))
    without = gas(star_formation_rate=np.ones(2000) * u.Msun / u.yr)
    assert u.allclose(physics.hi_mass(without), physics.hi_mass(without, molecular="leroy08"))
