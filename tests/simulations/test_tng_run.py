"""TNG runs on disk: chunks, catalogue, offsets; every field to 1e-6."""

import shutil
import warnings

import astropy.units as u
import h5py
import numpy as np
import pytest

from skazoo.errors import MissingField, ParameterError, SimulationError
from skazoo.simulations import open_run
from skazoo.simulations.particles import UNITS
from tests.simulations.tng_run import write_tng_run


def compare(particles, truth, dark_mass):
    """Every field of every kind, by particle and in order."""
    assert set(particles.species) == set(truth)
    for kind, own in truth.items():
        species = particles.species[kind]
        rows = own["formation_scale_factor"] > 0 if kind == "stars" else slice(None)
        assert set(species.fields) == {*own, "mass"}
        for name, expected in own.items():
            found = getattr(species, name)
            found = found.to_value(UNITS[name]) if UNITS[name] is not None else found
            if name == "position":
                np.testing.assert_allclose(found, expected[rows], rtol=0, atol=2e-3, err_msg=name)
            elif name == "velocity":
                np.testing.assert_allclose(found, expected[rows], rtol=1e-6, atol=2e-4, err_msg=name)
            else:
                np.testing.assert_allclose(found, expected[rows], rtol=1e-6, err_msg=f"{kind} {name}")
        if kind == "dark_matter":
            np.testing.assert_allclose(species.mass.to_value(u.Msun), dark_mass, rtol=1e-12)


@pytest.mark.parametrize("chunks", range(1, 8))
@pytest.mark.parametrize(("redshift", "hubble"), [(0.0, 0.6774), (2.3, 0.6711), (0.0, 0.6711), (2.3, 0.6774)])
def test_write_then_read(tmp_path, chunks, redshift, hubble):
    offsets = chunks % 2 == 0  # else they are computed
    truth = write_tng_run(tmp_path, redshift=redshift, hubble=hubble, chunks=chunks, high=chunks != 2)
    if not offsets:
        shutil.rmtree(tmp_path / "postprocessing")
    run = open_run(tmp_path, 99)
    assert run.header.snapshot == 99 and run.header.redshift == pytest.approx(redshift, abs=1e-9)
    for subhalo in range(3):
        compare(run.load(subhalo), truth[subhalo], truth["dark_mass"])


def test_positions_are_exact_in_double_precision(tmp_path):
    """Beside the f4 of SubhaloPos nothing is lost: distances between particles are those that were written."""
    truth = write_tng_run(tmp_path, redshift=2.3)
    gas = open_run(tmp_path).load(0).gas.position.to_value(u.kpc)
    written = truth[0]["gas"]["position"]
    np.testing.assert_allclose(gas - gas[0], written - written[0], rtol=1e-6, atol=1e-8)


def test_table(tmp_path):
    write_tng_run(tmp_path, redshift=1.0, hubble=0.7)
    run = open_run(tmp_path / "output")
    table = run.galaxies(real_only=False)
    assert table["id"].tolist() == [0, 1, 2] and table["halo_id"].tolist() == [0, 0, 2]
    assert table["central"].tolist() == [True, False, True] and table["flag"].tolist() == [True, False, True]
    np.testing.assert_allclose(table["mass"].to_value(u.Msun), np.array([3, 1, 2]) * 1e10 / 0.7, rtol=1e-6)
    np.testing.assert_allclose(table["half_mass_radius"].to_value(u.kpc), np.array([10, 4, 5]) / 0.7 / 2, rtol=1e-6)
    np.testing.assert_allclose(table["position"][2].to_value(u.Mpc), np.array([12, 7, 19]) / 0.7 / 2, rtol=1e-6)
    assert table["number_gas"].tolist() == [300, 90, 0] and table["half_mass_radius_gas"][2] == 0
    assert run.galaxies()["id"].tolist() == [0, 2]
    assert run.galaxies(min_gas_cells=50, real_only=False)["id"].tolist() == [0, 1]
    assert run.galaxies(central=False, real_only=False)["id"].tolist() == [1]
    assert len(run.galaxies(min_stellar_mass=1e10 * u.Msun)) == 2
    assert len(run.galaxies(max_stellar_mass=1e10 * u.Msun)) == 0
    with pytest.raises(ParameterError, match="min_stellar_mass"):
        run.galaxies(min_stellar_mass=3 * u.kpc)


def test_scopes(tmp_path):
    write_tng_run(tmp_path, chunks=4)
    run = open_run(tmp_path)
    halo = run.load(1, scope="halo")
    assert len(halo.gas) == 300 + 90 + 60
    assert len(halo.dark_matter) == 300 + 90 + 60 + 3 * 7
    # satellite 1 lies 55 kpc from the central and in the middle of group 1: its box holds particles of all three, its
    # halo those of the first two, its subhalo only its own
    box = run.load(1, extent=60 * u.kpc, scope="box")
    near = run.load(1, extent=60 * u.kpc, scope="halo")
    assert len(box.gas) > len(near.gas) > len(run.load(1, extent=60 * u.kpc).gas)
    assert set(near.gas.id) < set(box.gas.id)
    radius = np.linalg.norm(box.gas.position.to_value(u.kpc), axis=1)
    assert radius.max() <= 30 * np.sqrt(3) and (radius > 30).any()
    place = run.galaxies(real_only=False)["position"][1]
    np.testing.assert_array_equal(run.load(place, 60 * u.kpc).gas.id, box.gas.id)
    assert run.load(2).gas is None  # no gas: the kind is absent, not empty


def test_small_blocks_give_the_same(tmp_path, monkeypatch):
    write_tng_run(tmp_path, chunks=5)
    whole = open_run(tmp_path).load(0, extent=40 * u.kpc, scope="halo")
    monkeypatch.setattr("skazoo.simulations.pieces.BLOCK", 17)
    parts = open_run(tmp_path).load(0, extent=40 * u.kpc, scope="halo")
    for kind in whole.species:
        for name in whole.species[kind].fields:
            np.testing.assert_array_equal(getattr(whole.species[kind], name), getattr(parts.species[kind], name))


def test_32_bit_totals_without_high_word(tmp_path):
    """A total of 2^32 + n stored as n, as newer files without the high word do, is not an error."""
    write_tng_run(tmp_path, chunks=2)
    for path in (tmp_path / "output/snapdir_099").iterdir():
        with h5py.File(path, "a") as file:
            file["Header"].attrs["NumPart_Total"] = file["Header"].attrs["NumPart_Total"].astype("u8")
            del file["Header"].attrs["NumPart_Total_HighWord"]
    assert sum(open_run(tmp_path).counts.values()) > 0


def test_missing_field_says_where_it_is(tmp_path):
    write_tng_run(tmp_path, chunks=1, snapshot=98)
    path = tmp_path / "output/snapdir_098/snap_098.0.hdf5"
    with h5py.File(path, "a") as file:
        for name in ("MagneticField", "NeutralHydrogenAbundance", "GFM_Metals"):
            del file["PartType0"][name]
    gas = open_run(tmp_path, 98).load(0).gas
    with pytest.raises(
        MissingField, match=r"snap_098.0.hdf5: gas has no field 'magnetic_field'.*98 is a mini snapshot"
    ):
        gas.magnetic_field  # noqa: B018
    with pytest.raises(MissingField, match="full snapshots only: 2, 3, 4, .* 91, 99.*physics.neutral_fraction"):
        gas.neutral_hydrogen_abundance  # noqa: B018


DAMAGES = {
    "a chunk is gone": (lambda d: (d / "output/snapdir_099/snap_099.1.hdf5").unlink(), "has 3 files.*2"),
    "a catalogue file is gone": (lambda d: (d / "output/groups_099/fof_subhalo_tab_099.2.hdf5").unlink(), "hold 2"),
    "the catalogue is gone": (lambda d: shutil.rmtree(d / "output/groups_099"), "no group catalogue"),
    "a chunk of another time": (lambda d: attribute(d, "snap", 1, "Time", 0.5), "snap_099.1.*Time.*not of one"),
    "counts": (lambda d: attribute(d, "snap", 2, "NumPart_ThisFile", [9] * 6), "NumPart_Total|snap_099.2"),
    "catalogue of another run": (lambda d: attribute(d, "fof", 0, "HubbleParam", 0.5), "HubbleParam"),
    "units": (lambda d: attribute(d, "snap", 0, "UnitLength_in_cm", 3e24), "UnitLength_in_cm"),
    "units of a later chunk": (lambda d: scaling(d, 1), "snap_099.1.hdf5: PartType0/Density.*unit attr"),
    "offsets": (lambda d: offset(d), "offsets_099.hdf5: Subhalo/SnapByType"),
    "a short dataset": (lambda d: shorten(d), "snap_099.1.hdf5: PartType0/Density has shape"),
    "nan": (lambda d: not_a_number(d), "PartType0/Masses.*not finite"),
}


def attribute(folder, stem, chunk, name, value):
    path = next(p for p in folder.rglob(f"{stem}*.{chunk}.hdf5"))
    with h5py.File(path, "a") as file:
        file["Header"].attrs[name] = value


def scaling(folder, chunk):
    with h5py.File(folder / f"output/snapdir_099/snap_099.{chunk}.hdf5", "a") as file:
        file["PartType0/Density"].attrs["h_scaling"] = 1.0


def offset(folder):
    with h5py.File(folder / "postprocessing/offsets/offsets_099.hdf5", "a") as file:
        file["Subhalo/SnapByType"][0] += 500


def shorten(folder):
    with h5py.File(folder / "output/snapdir_099/snap_099.1.hdf5", "a") as file:
        values = file["PartType0/Density"][:-5]
        del file["PartType0/Density"]
        file["PartType0/Density"] = values


def not_a_number(folder):
    with h5py.File(folder / "output/snapdir_099/snap_099.0.hdf5", "a") as file:
        file["PartType0/Masses"][3] = np.nan


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_runs(tmp_path, kind):
    write_tng_run(tmp_path, chunks=3)
    change, words = DAMAGES[kind]
    change(tmp_path)
    with pytest.raises(SimulationError, match=words):
        run = open_run(tmp_path)
        run.galaxies()
        particles = run.load(0)
        [getattr(s, name) for s in particles.species.values() for name in s.fields]


def test_which_snapshot(tmp_path):
    write_tng_run(tmp_path / "run", snapshot=99)
    write_tng_run(tmp_path / "other", snapshot=67)
    shutil.move(tmp_path / "other/output/snapdir_067", tmp_path / "run/output/snapdir_067")
    with pytest.raises(SimulationError, match="2 snapshot families.*give snapshot="):
        open_run(tmp_path / "run")
    assert open_run(tmp_path / "run", 67).header.snapshot == 67
    assert len(open_run(tmp_path / "run", 99).galaxies(real_only=False)) == 3
    file = tmp_path / "run/output/snapdir_099/snap_099.1.hdf5"
    assert len(open_run(file).galaxies(real_only=False)) == 3
    with pytest.raises(SimulationError, match="snapshot 99, not of 67"):
        open_run(file, 67)
    with pytest.raises(SimulationError, match="no snapshot of number 50"):
        open_run(tmp_path / "run", 50)
    with pytest.raises(SimulationError, match="does not exist"):
        open_run(tmp_path / "nothing")


def test_wrong_questions(tmp_path):
    write_tng_run(tmp_path)
    run = open_run(tmp_path)
    for wrong in (3, -1, 0.5, "first", None):
        with pytest.raises(ParameterError, match="galaxy id must be a whole number from 0 to 2"):
            run.load(wrong)
    with pytest.raises(ParameterError, match="scope"):
        run.load(0, scope="fof")
    with pytest.raises(ParameterError, match="needs an extent"):
        run.load(0, scope="box")
    with pytest.raises(ParameterError, match="extent"):
        run.load(0, extent=100)
    with pytest.raises(SimulationError, match="nothing of galaxy.*wider"):
        run.load([5, 15, 20] * u.Mpc, extent=1 * u.kpc)


def test_the_toy_universe_reads_back_to_the_last_bit(tmp_path):
    """Against bare h5py through the offsets file, chunk by chunk."""
    from skazoo.simulations.toy import Galaxy, write_tng_snapshot

    folder = tmp_path / "output"
    write_tng_snapshot([Galaxy.draw(s) for s in (1, 2)], folder, chunks=4, resolution=0.2)
    files = sorted((folder / "snapdir_099").iterdir())
    whole = {}
    for number, name in ((0, "Masses"), (0, "Velocities"), (4, "Masses"), (1, "Coordinates")):
        parts = []
        for path in files:
            with h5py.File(path) as file:
                parts.append(file[f"PartType{number}/{name}"][:])
        whole[number, name] = np.concatenate(parts)
    with h5py.File(tmp_path / "postprocessing/offsets/offsets_099.hdf5") as file:
        starts = file["Subhalo/SnapByType"][:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = open_run(folder)
        table = run.galaxies(real_only=False)
    for row in np.flatnonzero(table["number_gas"] > 20)[:5]:
        particles = run.load(table["id"][row])
        rows = slice(starts[row, 0], starts[row, 0] + table["number_gas"][row])
        h = np.float32(1e10 / 0.6774)
        np.testing.assert_array_equal(particles.gas.mass.value, whole[0, "Masses"][rows] * h)
        rows = slice(starts[row, 1], starts[row, 1] + table["number_dark_matter"][row])
        box = run.header.box_size.value
        offset = whole[1, "Coordinates"][rows] / 0.6774 - table["position"][row].value
        np.testing.assert_allclose(
            particles.dark_matter.position.value, (offset + box / 2) % box - box / 2, rtol=0, atol=1e-9
        )
    fresh = shutil.copytree(folder, tmp_path / "no_offsets/output")
    again = open_run(fresh).load(0, scope="halo")
    np.testing.assert_array_equal(again.gas.mass, run.load(0, scope="halo").gas.mass)
