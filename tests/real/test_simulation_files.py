"""The reference numbers of the real files (shared/reference/simulations.md, section 0)."""

import astropy.units as u
import numpy as np
import pytest

from skazoo import physics
from skazoo.maps import render
from skazoo.simulations import open_cutout

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:.*(densest point|GFM_InitialMass)")]
TNG50 = "tng50-1_snap99_sub12_cutoutlike_mini.hdf5"


def test_tng50_subhalo_12(real_data):
    particles = open_cutout(real_data / TNG50)
    gas = particles.gas
    forming = gas.star_formation_rate.value > 0
    assert len(gas) == 13254 and forming.sum() == 4603
    assert gas.mass.sum().to_value(u.Msun) == pytest.approx(1.2774e9, rel=5e-5)
    assert gas.mass[forming].sum().to_value(u.Msun) == pytest.approx(4.4478e8, rel=1e-4)
    assert gas.star_formation_rate.sum().value == pytest.approx(0.2453, abs=5e-5)
    assert physics.hi_mass(gas)[forming].sum().to_value(u.Msun) == pytest.approx(1.8495e8, rel=1e-4)
    kelvin = np.percentile(physics.temperature(gas).to_value(u.K), [5, 50, 95])
    np.testing.assert_allclose(kelvin, [9390, 20000, 1.22e6], rtol=4e-3)
    density = physics.hydrogen_number_density(gas)[forming].to_value(u.cm**-3)
    np.testing.assert_allclose([density.min(), density.max()], [0.1065, 17.8], rtol=2e-3)
    fraction = physics.neutral_fraction(gas)[forming]
    np.testing.assert_allclose([fraction.min(), np.median(fraction), fraction.max()], [0.897, 0.909, 0.974], atol=1e-3)


def test_arepo_box(real_data):
    gas = open_cutout(real_data / "arepo_cosmo_box.hdf5").gas
    assert gas.mass.sum().to_value(u.Msun) == pytest.approx(7.466844e12, rel=1e-5)
    hydrogen = 0.76 * gas.mass.to_value(u.Msun)
    assert (hydrogen * gas.neutral_hydrogen_abundance).sum() == pytest.approx(4.55547e9, rel=1e-4)
    assert (hydrogen * physics.neutral_fraction(gas)).sum() == pytest.approx(1.29215e10, rel=1e-4)
    assert physics.hi_mass(gas).sum().to_value(u.Msun) == pytest.approx(1.00020e10, rel=1e-4)
    assert gas.star_formation_rate.sum().value == pytest.approx(6.936925, rel=1e-4)
    kelvin = np.percentile(physics.temperature(gas).to_value(u.K), [5, 50, 95])
    np.testing.assert_allclose(kelvin, [1455, 49466, 1.651e6], rtol=1e-3)


def test_camels_unwraps(real_data):
    particles = open_cutout(real_data / "camels_tng_CV0_z0.10_snap_mini.hdf5")
    assert particles.header.redshift == pytest.approx(0.1, abs=1e-3)
    assert len(particles.gas) == 269 and len(particles.stars) == 3479


@pytest.mark.parametrize("extent", [20.0, 60.0, 100.0, 300.0])
def test_rendered_gas_accounts_for_every_solar_mass(real_data, extent):
    particles = open_cutout(real_data / TNG50)
    one = render(particles, ("gas",), 64, extent * u.kpc)["gas"]
    inside, outside = one.metadata["inside"], one.metadata["outside_frame"] + one.metadata["outside_depth"]
    total = particles.gas.mass.sum(dtype=np.float64).to_value(u.Msun)
    assert inside + outside == pytest.approx(total, rel=1e-9)
    assert one.total.to_value(u.Msun) == pytest.approx(inside, rel=1e-6)
    if extent == 300.0:
        assert inside == pytest.approx(total, rel=1e-6)
