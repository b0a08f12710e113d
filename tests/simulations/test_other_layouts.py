"""EAGLE, Simba and FIRE-2 (synthetic files to the published layouts), and CAMELS' maps."""

import astropy.units as u
import h5py
import numpy as np
import pytest

from skazoo.datasets.splits import split_of
from skazoo.errors import MissingField, ParameterError, SimulationError
from skazoo.simulations import camels_maps, open_cutout, open_run
from skazoo.simulations.particles import UNITS
from tests.simulations.other_layouts import write_eagle, write_fire, write_simba


def agree(particles, truth, kinds, names, centre=None, tolerance=2e-3):
    """Fields of one galaxy, matched by particle id; positions up to the shift of `centre` where that is measured."""
    for kind in kinds:
        species, own = particles.species[kind], truth[kind]
        assert len(species) == len(own["id"])
        found, expected = np.argsort(species.id), np.argsort(own["id"])
        np.testing.assert_array_equal(species.id[found], own["id"][expected])
        for name in names[kind]:
            values = getattr(species, name)
            values = (values if UNITS[name] is None else values.to_value(UNITS[name]))[found]
            wanted = own[name][expected]
            if name in ("position", "velocity"):
                shift = np.median(values - wanted, axis=0)
                limit = centre if name == "position" else 5.0
                assert np.abs(shift).max() <= (limit if limit else tolerance)
                np.testing.assert_allclose(values - shift, wanted, rtol=0, atol=tolerance)
            else:
                np.testing.assert_allclose(values, wanted, rtol=2e-6, err_msg=f"{kind} {name}")


COMMON = ("position", "velocity", "mass")
GAS = (*COMMON, "density", "internal_energy", "metallicity", "star_formation_rate")


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("chunks", [1, 3])
def test_eagle(tmp_path, attributes, chunks):
    found, _, _ = write_eagle(tmp_path, redshift=0.5, chunks=chunks, attributes=attributes)
    run = open_run(tmp_path, 28)
    assert run.layout == "eagle" and run.header.simulation == "L0012N0188"
    assert run.header.box_size.to_value(u.Mpc) == pytest.approx(8.47 / 0.6777 / 1.5)
    table = run.galaxies()
    assert table["number_gas"].tolist() == [400, 150] and table["halo_id"].tolist() == [1, 2]
    for row, (centre, velocity, own) in enumerate(found):
        assert table["mass_stars"][row].value == pytest.approx(own["stars"]["mass"].sum(), rel=1e-6)
        assert table["sfr"][row].value == pytest.approx(own["gas"]["star_formation_rate"].sum(), rel=1e-6)
        box = run.header.box_size.value
        offset = (table["position"][row].value - centre + box / 2) % box - box / 2
        assert np.abs(offset).max() < 2  # a mean over hundreds, across the corner
        names = {"gas": (*GAS, "hydrogen_fraction"), "dark_matter": COMMON, "stars": (*COMMON, "metallicity")}
        particles = run.load(row)
        agree(particles, own, names, names, centre=4.0)
        assert np.linalg.norm(velocity) > 0
        np.testing.assert_allclose(particles.gas.temperature.to_value(u.K), 12345.0)
        np.testing.assert_allclose(particles.gas.smoothing_length.to_value(u.kpc), 2.0, rtol=1e-6)
    assert len(run.load(0, extent=10 * u.kpc).gas) < 400
    with pytest.raises(MissingField, match="EAGLE was run without magnetic fields"):
        run.load(0).gas.magnetic_field  # noqa: B018


def test_eagle_units_that_contradict(tmp_path):
    write_eagle(tmp_path, chunks=2)
    with h5py.File(tmp_path / "snap_028_z000p000.1.hdf5", "a") as file:
        file["PartType0/Density"].attrs["CGSConversionFactor"] = 1.0
    with pytest.raises(SimulationError, match=r"000.1.hdf5: PartType0/Density: its unit attributes"):
        open_run(tmp_path, 28).load(0).gas.density  # noqa: B018


def test_simba(tmp_path):
    found, _, _ = write_simba(tmp_path)
    run = open_run(tmp_path, 151)
    assert run.layout == "simba"
    table = run.galaxies(min_gas_cells=200)
    assert table["id"].tolist() == [0]
    table = run.galaxies()
    np.testing.assert_allclose(table["half_mass_radius_gas"].to_value(u.kpc), [10, 20])
    for row, (centre, _, own) in enumerate(found):
        np.testing.assert_allclose(table["position"][row].value, np.mod(centre, run.header.box_size.value), rtol=1e-9)
        names = {"gas": GAS, "dark_matter": COMMON, "stars": COMMON}
        particles = run.load(row, scope="halo")
        agree(particles, own, names, names)
        order = np.argsort(particles.gas.id)
        neutral = own["gas"]["neutral_hydrogen_abundance"][np.argsort(own["gas"]["id"])]
        np.testing.assert_allclose(particles.gas.atomic_hydrogen_abundance[order], 0.8 * neutral, rtol=1e-6)
        expected = 0.75 - own["gas"]["metallicity"][np.argsort(own["gas"]["id"])]
        np.testing.assert_allclose(particles.gas.hydrogen_fraction[order], expected, rtol=1e-6)
        assert run.load(row).dark_matter is None and len(run.load(row).gas) == len(own["gas"]["id"])
        box = run.load(row, extent=300 * u.kpc, scope="box")
        assert len(box.gas) == len(own["gas"]["id"])


@pytest.mark.parametrize("variant", ["Omega0", "Omega_Matter"])
@pytest.mark.parametrize("redshift", [0.0, 2.3])
def test_fire(tmp_path, variant, redshift):
    found, _ = write_fire(tmp_path, redshift, variant=variant)
    run = open_run(tmp_path, 600)
    assert run.layout == "fire" and run.header.cosmology.Om0 == 0.272
    centre, _, own = found[0]
    table, box = run.galaxies(), run.header.box_size.value
    offset = (table["position"][0].value - centre + box / 2) % box - box / 2
    assert np.abs(offset).max() < 0.5
    particles = run.load(0, extent=100 * u.kpc)
    names = {"gas": (*GAS, "magnetic_field"), "dark_matter": COMMON, "stars": COMMON}
    agree(particles, own, names, names, centre=1.0, tolerance=3e-3)
    np.testing.assert_allclose(particles.gas.molecular_fraction, 0.25)
    assert len(run.load(0).gas) == 4500  # without an extent everything


def test_fire_without_mhd(tmp_path):
    write_fire(tmp_path, field=False, size=800)
    with pytest.raises(MissingField, match="FIRE-2 runs with MHD"):
        open_run(tmp_path).load(0, 50 * u.kpc).gas.magnetic_field  # noqa: B018


def test_one_file_of_another_layout_opens_as_a_cutout(tmp_path):
    found, _ = write_fire(tmp_path, chunks=1)
    path = tmp_path / "output/snapdir_600/snapshot_600.0.hdf5"
    particles = open_cutout(path, centre=found[0][0] * u.kpc)
    assert particles.metadata["layout"] == "fire"
    strength = np.sort(np.linalg.norm(particles.gas.magnetic_field.to_value(u.G), axis=1))
    expected = np.concatenate([own["gas"]["magnetic_field"] for _, _, own in found])
    np.testing.assert_allclose(strength, np.sort(np.linalg.norm(expected, axis=1)), rtol=1e-6)


def write_maps(folder, fields, simulations=40, npix=8, seed=0):
    rng = np.random.default_rng(seed)
    for field in fields:
        data = rng.lognormal(size=(15 * simulations, npix, npix)).astype("f4")
        np.save(folder / f"Maps_{field}_IllustrisTNG_LH_z=0.00.npy", data)
    np.savetxt(folder / "params_LH_IllustrisTNG.txt", rng.random((simulations, 6)))


def test_camels_maps(tmp_path):
    write_maps(tmp_path, ["Mcdm", "HI", "T"])
    maps = camels_maps(tmp_path, ("Mcdm", "HI", "T"))
    assert len(maps) == 600 and maps.fields == ("dark_matter", "hi", "temperature") and maps.parameters.shape == (40, 6)
    raw = np.load(tmp_path / "Maps_HI_IllustrisTNG_LH_z=0.00.npy")
    # (Msun/h) / (Mpc/h)^2 = h Msun / Mpc^2
    np.testing.assert_allclose(maps.read("hi").to_value(u.Msun / u.Mpc**2), raw * 0.6711, rtol=1e-6)
    # mass is pixels times their area, in a box of 25 Mpc/h
    total = (maps.read("hi", 3).sum() * maps.pixel_scale**2).to_value(u.Msun)
    assert total == pytest.approx(raw[3].sum(dtype="f8") * (25 / 8) ** 2 / 0.6711, rel=1e-5)
    source, target = maps.pair("dark_matter", "temperature", slice(10, 12))
    assert source.shape == target.shape == (2, 8, 8) and target.unit == u.K
    splits = {name: maps.split(name) for name in ("train", "validation", "test")}
    sets = [set(one.simulation.tolist()) for one in splits.values()]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and set.union(*sets) == set(range(40))
    for name, one in splits.items():
        assert len(one) == 15 * len(set(one.simulation.tolist()))
        assert all(split_of("CAMELS-IllustrisTNG-LH", i) == name for i in set(one.simulation.tolist()))
        if len(one):
            np.testing.assert_allclose(one.read("temperature")[0].value, maps.read("temperature", one.rows[0]).value)


def test_camels_maps_that_are_not_right(tmp_path):
    write_maps(tmp_path, ["Mcdm", "HI", "T"])
    path = tmp_path / "Maps_T_IllustrisTNG_LH_z=0.00.npy"
    with pytest.raises(SimulationError, match="Maps_B_Ill.*does not exist; its folder has Maps_HI"):
        camels_maps(tmp_path, ("Mcdm", "B"))
    with pytest.raises(ParameterError, match="CMD field"):
        camels_maps(tmp_path, ("ne",))
    np.save(path, np.ones((599, 8, 8), "f4"))
    with pytest.raises(SimulationError, match="599 maps"):
        camels_maps(tmp_path, ("Mcdm", "T"))
    np.save(path, np.ones((600, 8), "f4"))
    with pytest.raises(SimulationError, match=r"expected \(maps, n, n\)"):
        camels_maps(tmp_path, ("Mcdm", "T"))
    np.save(path, np.full((600, 8, 8), np.nan, "f4"))
    with pytest.raises(SimulationError, match="not finite"):
        camels_maps(tmp_path, ("T",)).read("temperature", 0)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(SimulationError, match="cannot be read as an array"):
        camels_maps(tmp_path, ("T",))
    path.write_bytes(b"text")
    with pytest.raises(SimulationError, match="cannot be read as an array"):
        camels_maps(tmp_path, ("T",))
