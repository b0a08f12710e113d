"""Runs and catalogues of real simulations, opened as a user would."""

import warnings

import astropy.units as u
import h5py
import numpy as np
import pytest

from skazoo.errors import MissingField, SimulationError
from skazoo.simulations import open_cutout, open_run

pytestmark = pytest.mark.real
CATALOGUE = "tng100-1_fof_subhalo_tab_099.87.hdf5"
CAMELS = "camels_tng_CV0_z0.10_{}_mini.hdf5"


def test_tng100_catalogue_chunk(real_data):
    with pytest.warns(UserWarning, match="3592 of 4371211 subhaloes"):
        run = open_run(real_data / CATALOGUE)
    table = run.galaxies(real_only=False)
    assert len(table) == 3592 and np.count_nonzero(~table["flag"]) == 23 and len(run.galaxies()) == 3569
    assert np.count_nonzero(table["half_mass_radius_gas"] == 0) == 3530  # why a frame is not chosen by gas
    with h5py.File(real_data / CATALOGUE) as file:
        assert file["Group/GroupLenType"].shape == (2, 6)
        groups = np.unique(file["Subhalo/SubhaloGrNr"][:])
        position = file["Subhalo/SubhaloPos"][:].astype("f8")
    assert np.unique(table["halo_id"]).tolist() == groups.tolist() and len(groups) <= 2
    np.testing.assert_allclose(table["position"].to_value(u.kpc), position / 0.6774, rtol=1e-9)
    assert run.header.box_size.to_value(u.Mpc) == pytest.approx(75 / 0.6774)
    few = run.galaxies(min_stellar_mass=1e10 * u.Msun, min_gas_cells=1)
    assert 0 < len(few) < 62 and (few["mass_stars"] >= 1e10 * u.Msun).all()
    with pytest.raises(SimulationError, match="catalogue without its snapshot"):
        run.load(0)


@pytest.fixture
def camels(real_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_run(real_data / CAMELS.format("snap"), catalogue=real_data / CAMELS.format("subhalo"))


def test_camels_galaxies_are_whole_across_the_edge_of_the_box(camels, real_data):
    with h5py.File(real_data / CAMELS.format("snap")) as file:
        coordinates = file["PartType4/Coordinates"][:]
    with h5py.File(real_data / CAMELS.format("subhalo")) as file:
        lengths, places = file["Subhalo/SubhaloLenType"][:], file["Subhalo/SubhaloPos"][:]
    assert 0 < coordinates.min() < 50 and 24890 < coordinates.max() < 25000
    assert camels.header.simulation == "CAMELS" and camels.header.hubble == 0.6711
    assert camels.galaxies()["number_stars"].tolist() == lengths[:, 4].tolist()
    scale, start = 0.909046978208372, 0
    for galaxy, count in enumerate(lengths[:, 4]):
        stars = camels.load(galaxy).stars
        own = coordinates[start : start + count].astype("f8")
        start += count
        expected = periodic(own - places[galaxy].astype("f8"))
        position = stars.position.to_value(u.kpc)
        # wind is left out, so every star is one of those in the file
        assert 0 < len(position) <= count
        nearest = np.array([np.abs(expected * scale / 0.6711 - one).max(axis=1).min() for one in position[:50]])
        assert nearest.max() < 1e-6
        assert np.abs(position).max() < 100
    # galaxy 0 is 80 ckpc/h from one side, galaxy 4 about as far from the other: the box around one holds stars of both
    radius = 2000.0 * np.sqrt(3) / 2 / scale * 0.6711
    near = np.linalg.norm(periodic(coordinates - places[0].astype("f8")), axis=1) < radius
    with h5py.File(real_data / CAMELS.format("snap")) as file:
        near &= file["PartType4/GFM_StellarFormationTime"][:] > 0
    assert coordinates[near, 0].min() < 100 and coordinates[near, 0].max() > 24800
    assert len(camels.load(0, extent=2000 * u.kpc, scope="box").stars) == np.count_nonzero(near)


def periodic(offset):
    return (offset + 12500) % 25000 - 12500


def test_arepo_box_opens_as_a_run(real_data):
    run = open_run(real_data / "arepo_cosmo_box.hdf5")
    assert run.layout == "tng" and run.counts == {"gas": 29452, "dark_matter": 32768, "stars": 2711}
    with pytest.raises(SimulationError, match="no group catalogue beside it"):
        run.galaxies()
    whole = open_cutout(real_data / "arepo_cosmo_box.hdf5", centre=[0.0, 0.0, 0.0])
    side = run.header.box_size
    place = run.load(0.5 * u.Quantity([side, side, side]), extent=2 * side).gas
    assert place.mass.sum().value == pytest.approx(whole.gas.mass.sum().value, rel=1e-6)
    assert place.mass.sum(dtype=np.float64).to_value(u.Msun) == pytest.approx(7.466844e12, rel=1e-5)
    # V = sum m / rho fills the box
    volume = (place.mass.astype("f8") / place.density.astype("f8")).sum()
    assert (volume / side**3).to_value(u.dimensionless_unscaled) == pytest.approx(1.0, abs=1e-6)


def test_what_the_real_cutout_lacks_is_explained(real_data):
    gas = open_cutout(real_data / "tng50-1_snap99_sub12_cutoutlike_mini.hdf5", [7731.75, 24314.5, 21695.1]).gas
    with pytest.raises(MissingField, match="Snapshot 99 of TNG has it: ask for MagneticField when making the cutout"):
        gas.magnetic_field  # noqa: B018
