"""Maps and cubes of real galaxies: conservation, convergence, and the models of the neutral gas."""

import astropy.units as u
import numpy as np
import pytest

from skazoo import physics
from skazoo.maps import render, render_cube
from skazoo.simulations import open_cutout

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:.*(densest point|GFM_InitialMass)")]
SIDE = 40 * u.kpc


@pytest.fixture(scope="module")
def galaxy(real_data):
    return open_cutout(real_data / "tng50-1_snap99_sub12_cutoutlike_mini.hdf5")


@pytest.mark.parametrize("field", ["gas", "stars", "hi"])
@pytest.mark.parametrize("npix", [32, 64, 128])
def test_resolution_converges(galaxy, field, npix):
    coarse = render(galaxy, (field,), npix, SIDE)[field].data
    fine = render(galaxy, (field,), 2 * npix, SIDE)[field].data.reshape(npix, 2, npix, 2).mean(axis=(1, 3))
    assert np.abs(fine - coarse).sum() / coarse.sum() < 0.01


def test_a_quarter_turn_is_rot90(galaxy):
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    fields = ("gas", "temperature", "stars", "sfr")
    turned, maps = render(galaxy, fields, 64, SIDE, turn), render(galaxy, fields, 64, SIDE)
    # a mean over the rims of kernels alone, whose weights are float32, is noise
    rim = maps["gas"].data < 1e-5 * maps["gas"].data.max()
    for name, one in turned.items():
        straight = maps[name].data
        if name == "temperature":
            straight[rim], one.data[np.rot90(rim, -1)] = 0.0, 0.0
        np.testing.assert_allclose(one.data, np.rot90(straight, -1), rtol=1e-5, atol=1e-6 * straight.max())


def test_cube_adds_up_to_the_map_and_its_mean_velocity(galaxy):
    channels = np.arange(-1500.0, 1501.0, 10.0) * u.km / u.s
    cube = render_cube(galaxy, 32, SIDE, channels, "edge-on")
    maps = render(galaxy, ("hi", "velocity"), 32, SIDE, "edge-on")
    np.testing.assert_allclose(cube.moment(0).data, maps["hi"].data, rtol=1e-4, atol=1e-7 * maps["hi"].data.max())
    bright = maps["hi"].data > 1e4
    np.testing.assert_allclose(cube.moment(1).data[bright], maps["velocity"].data[bright], atol=0.5)


def test_models_of_the_molecular_gas_bracket_the_hydrogen(galaxy):
    gas = galaxy.gas
    forming = gas.star_formation_rate.value > 0
    masses = {m: physics.hi_mass(gas, molecular=m)[forming].sum().to_value(u.Msun) for m in ("leroy08", "br06", "gk11")}
    neutral = physics.hi_mass(gas, molecular=None)[forming].sum().to_value(u.Msun)
    assert neutral == pytest.approx(3.0881e8, rel=1e-3)
    assert all(0 < mass < neutral for mass in masses.values()) and masses["leroy08"] < masses["br06"]


def test_undoing_the_softer_equation_of_state(galaxy):
    forming = galaxy.gas.star_formation_rate.value > 0
    fraction = physics.neutral_fraction(galaxy.gas, sf_model="two-phase-softened")
    assert 0.0 <= fraction.min() and fraction.max() <= 1.0
    assert np.median(fraction[forming]) == pytest.approx(0.847, abs=1e-3)
