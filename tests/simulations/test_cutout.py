"""Reading one file: units, unwrapping, and every kind of damage."""

import warnings

import astropy.units as u
import h5py
import numpy as np
import pytest

from skazoo.errors import MissingField, ParameterError, SimulationError
from skazoo.simulations import open_cutout
from skazoo.simulations.hdf5 import check_storage
from tests.conftest import write_cutout


@pytest.mark.parametrize("redshift", [0.0, 2.3])
@pytest.mark.parametrize("hubble", [0.6774, 0.6711])
@pytest.mark.parametrize("attributes", [True, False])
def test_physical_units(tmp_path, redshift, hubble, attributes):
    path = tmp_path / "a.hdf5"
    truth = write_cutout(path, redshift=redshift, hubble=hubble, attributes=attributes)
    particles = open_cutout(path)
    gas = particles.gas
    for name in ("velocity", "mass", "density", "internal_energy"):
        np.testing.assert_allclose(getattr(gas, name).value, truth[name], rtol=3e-7, err_msg=name)
    np.testing.assert_allclose(gas.position.to_value(u.kpc), truth["position"], atol=1e-8)  # unwrapped at the corner
    np.testing.assert_allclose(particles.dark_matter.mass.to_value(u.Msun), truth["dark_matter_mass"], rtol=1e-7)
    assert particles.header.redshift == pytest.approx(redshift)
    assert particles.header.box_size.to_value(u.kpc) == pytest.approx(35000 / hubble / (1 + redshift))
    assert particles.header.simulation == "TNG50-1"


def test_wind_is_not_stars(cutout):
    assert len(open_cutout(cutout).stars) == 390


def test_missing_field_names_file_and_alternatives(cutout):
    with pytest.raises(MissingField, match=r"cutout.hdf5.*gas has no field 'magnetic_field'.*density"):
        open_cutout(cutout).gas.magnetic_field  # noqa: B018


def test_centres(cutout):
    truth = open_cutout(cutout)
    code = truth.metadata["centre_code"]
    same = open_cutout(cutout, centre=code)
    np.testing.assert_allclose(same.gas.position, truth.gas.position)
    shifted = open_cutout(cutout, centre=(np.array(code) * u.kpc / 0.6774) + [1, 0, 0] * u.kpc)
    np.testing.assert_allclose((truth.gas.position - shifted.gas.position).mean(axis=0).value, [1, 0, 0], atol=1e-9)
    densest = open_cutout(cutout, centre="densest").metadata["centre_code"]
    offset = (np.array(densest) - code + 17500) % 35000 - 17500
    assert np.linalg.norm(offset) < 12
    for wrong in ("middle", [1.0, 2.0], [np.nan, 0, 0]):
        with pytest.raises(ParameterError, match="centre must be"):
            open_cutout(cutout, centre=wrong)


def test_without_position_the_densest_point_and_a_warning(cutout):
    with h5py.File(cutout, "a") as file:
        del file["Header"].attrs["SubhaloPos"]
    with pytest.warns(UserWarning, match="densest point"):
        open_cutout(cutout)


def test_systemic_velocity_is_taken_out(tmp_path):
    path = tmp_path / "a.hdf5"
    truth = write_cutout(path, SubhaloVel=np.array([100.0, -50.0, 25.0]))
    expected = truth["velocity"] - [100.0, -50.0, 25.0]
    np.testing.assert_allclose(open_cutout(path).gas.velocity.value, expected, atol=1e-3)
    with h5py.File(path, "a") as file:
        del file["Header"].attrs["SubhaloVel"]
    stars = open_cutout(path).stars
    near = (stars.position.to_value(u.kpc) ** 2).sum(axis=1) <= 400
    # wind particles enter the mean, so it is only nearly that of the stars
    np.testing.assert_allclose(np.average(stars.velocity.value[near], axis=0, weights=stars.mass[near]), 0, atol=8)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:20000])


def damage_text(path):
    path.write_text("not HDF5")


def edit(function):
    def change(path):
        with h5py.File(path, "a") as file:
            function(file)

    return change


def replace(file, name, values):
    del file[name]
    file[name] = values


DAMAGES = {
    "truncated": (damage_truncate, "cut short|damaged"),
    "not HDF5": (damage_text, "not an HDF5 file"),
    "gone": (lambda path: path.unlink(), "does not exist"),
    "no header": (edit(lambda f: f.__delitem__("Header")), "no Header"),
    "no particles": (edit(lambda f: [f.__delitem__(f"PartType{i}") for i in (0, 1, 4)]), "no particles"),
    "no coordinates": (edit(lambda f: f.__delitem__("PartType0/Coordinates")), "no Coordinates"),
    "no h": (edit(lambda f: f["Header"].attrs.__delitem__("HubbleParam")), "HubbleParam"),
    "h is 100": (edit(lambda f: f["Header"].attrs.__setitem__("HubbleParam", 67.74)), "HubbleParam"),
    "time is 7": (edit(lambda f: f["Header"].attrs.__setitem__("Time", 7.0)), "Time"),
    "redshift contradicts": (edit(lambda f: f["Header"].attrs.__setitem__("Redshift", 1.0)), "contradict"),
    "text in number": (edit(lambda f: f["Header"].attrs.__setitem__("Omega0", "much")), "Omega0"),
    "short masses": (edit(lambda f: replace(f, "PartType0/Masses", np.ones(3))), "PartType0/Masses"),
    "text masses": (edit(lambda f: replace(f, "PartType0/Masses", np.full(400, b"x"))), "PartType0/Masses"),
    "flat coordinates": (edit(lambda f: replace(f, "PartType0/Coordinates", np.ones(400))), "Coordinates"),
    "wrong unit": (edit(lambda f: f["PartType0/Density"].attrs.__setitem__("to_cgs", 1.0)), "Density.*unit attr"),
    "text in unit": (edit(lambda f: f["PartType0/Density"].attrs.__setitem__("h_scaling", "b")), "Density"),
    "counts": (edit(lambda f: f["Header"].attrs.__setitem__("NumPart_ThisFile", [1] * 6)), "promises 1"),
    "no dark mass": (edit(lambda f: f["Header"].attrs.__delitem__("MassTable")), "MassTable"),
    "nan centre": (edit(lambda f: f["Header"].attrs.__setitem__("SubhaloPos", [np.nan] * 3)), "SubhaloPos"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_named(cutout, kind):
    change, words = DAMAGES[kind]
    change(cutout)
    with pytest.raises(SimulationError, match=words) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open_cutout(cutout)
    assert "cutout.hdf5" in str(caught.value)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(SimulationError, match="is a folder"):
        open_cutout(tmp_path)


def test_corrupt_chunk_is_named(tmp_path):
    path = tmp_path / "a.hdf5"
    write_cutout(path)
    with h5py.File(path, "a") as file:
        values = file["PartType0/Density"][:]
        del file["PartType0/Density"]
        file.create_dataset("PartType0/Density", data=values, chunks=(100,), fletcher32=True)
        offset = file["PartType0/Density"].id.get_chunk_info(1).byte_offset
    raw = bytearray(path.read_bytes())
    raw[offset + 8] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(SimulationError, match="PartType0/Density"):
        open_cutout(path).gas.density  # noqa: B018


def test_a_chunk_that_the_index_no_longer_finds_is_not_zeros(tmp_path):
    """A key of HDF5's chunk index is damaged: listings still have the chunk, reading gives fill values."""
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_dataset("x", data=np.ones((40, 3)), chunks=(4, 1))
    with h5py.File(path) as file:
        check_storage(file["x"], "a: x")
    raw = bytearray(path.read_bytes())
    key = np.array([20, 2, 0], "<u8").tobytes()  # first row, first column, and the element size's dimension
    assert raw.count(key) == 1
    raw[raw.index(key)] ^= 8
    path.write_bytes(raw)
    with h5py.File(path) as file:
        assert (file["x"][:] == 0).any()  # silently
        with pytest.raises(SimulationError, match="a: x has lost parts"):
            check_storage(file["x"], "a: x")
