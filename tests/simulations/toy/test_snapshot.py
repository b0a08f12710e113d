"""The TNG-layout run, read back the way TNG's own scripts do."""

import astropy.units as u
import h5py
import numpy as np
import pytest

from skazoo.errors import OutputError, ParameterError
from skazoo.simulations.toy import Galaxy, write_tng_snapshot

H, CHUNKS = 0.6774, 5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three galaxies at z = 0.1 in five files: (folder, galaxies in group order)."""
    folder = tmp_path_factory.mktemp("toy") / "output"
    drawn = [Galaxy.draw(seed, (11.2, 12.2), redshift=0.1) for seed in (4, 1, 2)]
    return folder, write_tng_snapshot(drawn, folder, chunks=CHUNKS)


def headers(folder):
    for i in range(CHUNKS):
        with h5py.File(folder / f"snapdir_091/snap_091.{i}.hdf5") as file:
            yield file, dict(file["Header"].attrs)


def header(folder, name):
    with h5py.File(folder / "snapdir_091/snap_091.0.hdf5") as file:
        return file["Header"].attrs[name]


def catalogue(folder, table, column):
    parts = []
    for i in range(CHUNKS):
        with h5py.File(folder / f"groups_091/fof_subhalo_tab_091.{i}.hdf5") as file:
            if column in file[table]:
                parts.append(file[table][column][:])
    return np.concatenate(parts)


def load(folder, table, row, kind, name):
    """Particles of one group or subhalo through the offsets file, chunk by chunk."""
    with h5py.File(folder.parent / "postprocessing/offsets/offsets_091.hdf5") as file:
        files, start = file["FileOffsets/SnapByType"][:, kind], file[f"{table}/SnapByType"][row, kind]
    length = catalogue(folder, table, f"{table}LenType")[row, kind]
    chunk, parts = np.flatnonzero(files <= start)[-1], []
    while length:
        with h5py.File(folder / f"snapdir_091/snap_091.{chunk}.hdf5") as file:
            first = start - files[chunk]
            here = min(length, file["Header"].attrs["NumPart_ThisFile"][kind] - first)
            if here:
                parts.append(file[f"PartType{kind}/{name}"][first : first + here])
            start, length, chunk = start + here, length - here, chunk + 1
    return np.concatenate(parts)


def test_headers_count_the_particles(run):
    folder, galaxies = run
    total = np.zeros(6, int)
    for file, head in headers(folder):
        total += head["NumPart_ThisFile"]
        for kind in range(6):
            group = f"PartType{kind}"
            assert (group in file) == (head["NumPart_ThisFile"][kind] > 0)
            if group in file:
                assert len(file[group]["ParticleIDs"]) == head["NumPart_ThisFile"][kind]
        assert head["Time"] == pytest.approx(1 / 1.1) and head["HubbleParam"] == H
        assert head["MassTable"][1] > 0 and head["NumFilesPerSnapshot"] == CHUNKS
    for _, head in headers(folder):
        assert np.array_equal(head["NumPart_Total"], total)
    assert any("PartType5" not in file for file, _ in headers(folder))  # missing, not empty
    identities = np.concatenate(
        [f[g]["ParticleIDs"][:] for f, _ in headers(folder) for g in f if g.startswith("PartType")]
    )
    assert len(np.unique(identities)) == total.sum()


def test_gas_of_a_group_is_that_of_the_galaxy(run):
    """Code units undone by hand: positions across the box corner, masses, densities, velocities, fields."""
    folder, galaxies = run
    a = 1.0 / 1.1
    for row, galaxy in enumerate(galaxies):
        gas = galaxy.particles().gas
        centre = catalogue(folder, "Group", "GroupPos")[row].astype(float)
        box = header(folder, "BoxSize")
        coordinates = load(folder, "Group", row, 0, "Coordinates")
        assert coordinates.min() >= 0.0 and coordinates.max() <= box
        offset = coordinates - centre
        offset = (offset - box * np.round(offset / box)) * a / H
        mass = load(folder, "Group", row, 0, "Masses") * 1e10 / H
        density = load(folder, "Group", row, 0, "Density") * 1e10 * H**2 / a**3
        order, expected = np.lexsort((offset[:, 0], mass)), np.lexsort((gas.position.value[:, 0], gas.mass.value))
        assert mass[order] == pytest.approx(gas.mass.value[expected], rel=1e-5)
        assert density[order] == pytest.approx(gas.density.value[expected], rel=1e-5)
        assert np.abs(offset[order] - gas.position.value[expected]).max() < 0.02
        field = load(folder, "Group", row, 0, "MagneticField") * 2.6019e-6 * H / a**2
        assert np.abs(field[order] - gas.magnetic_field.value[expected]).max() < 1e-8
        velocity = load(folder, "Group", row, 0, "Velocities")[order] * np.sqrt(a) - gas.velocity.value[expected]
        assert velocity.std(axis=0).max() < 0.01
        assert velocity.mean(axis=0) == pytest.approx(catalogue(folder, "Group", "GroupVel")[row] / a, abs=0.05)
        metals = load(folder, "Group", row, 0, "GFM_Metals")
        assert metals.sum(axis=1) == pytest.approx(np.ones(len(metals)), abs=1e-5)


def test_galaxies_span_files_and_the_box_corner(run):
    folder, _ = run
    files = np.cumsum([head["NumPart_ThisFile"] for _, head in headers(folder)], axis=0)
    with h5py.File(folder.parent / "postprocessing/offsets/offsets_091.hdf5") as file:
        start = file["Group/SnapByType"][:3]
    length = catalogue(folder, "Group", "GroupLenType")[:3]
    for kind in (0, 1, 4):
        first = np.searchsorted(files[:, kind], start[:, kind], "right")
        last = np.searchsorted(files[:, kind], start[:, kind] + length[:, kind] - 1, "right")
        assert (last > first).any()
    coordinates = load(folder, "Group", 0, 1, "Coordinates")
    box = header(folder, "BoxSize")
    assert (coordinates.min(axis=0) < 0.1 * box).all() and (coordinates.max(axis=0) > 0.9 * box).all()


def test_catalogue_describes_the_particles(run):
    folder, galaxies = run
    assert list(catalogue(folder, "Group", "GroupFirstSub"))[-1] == -1
    parents = catalogue(folder, "Subhalo", "SubhaloGrNr")
    first = catalogue(folder, "Group", "GroupFirstSub")[:3]
    assert np.array_equal(parents[first], np.arange(3))
    assert np.array_equal(np.bincount(parents), catalogue(folder, "Group", "GroupNsubs")[:3])
    scale = 1.0 / 1.1
    for row, galaxy in enumerate(galaxies):
        dark = load(folder, "Group", row, 1, "Velocities")
        particle = header(folder, "MassTable")[1] * 1e10 / H
        masses = catalogue(folder, "Group", "GroupMassType")[row] * 1e10 / H
        assert masses[1] == pytest.approx(len(dark) * particle, rel=1e-5)
        m200 = catalogue(folder, "Group", "Group_M_Crit200")[row] * 1e10 / H
        assert 0.75 < m200 / galaxy.visible.halo_mass < 1.05
        r200 = catalogue(folder, "Group", "Group_R_Crit200")[row] * scale / H
        assert r200 == pytest.approx(galaxy.visible.r200, rel=0.1)
        central = first[row]
        half = catalogue(folder, "Subhalo", "SubhaloHalfmassRadType")[central, 4] * scale / H
        assert 0.3 < half / (0.015 * galaxy.visible.r200 * galaxy.hidden.size) < 3.0
        vmax = catalogue(folder, "Subhalo", "SubhaloVmax")[central]
        assert 0.8 < vmax / galaxy.visible.v200 < 3.0
        spin = catalogue(folder, "Subhalo", "SubhaloSpin")[central]
        assert np.linalg.norm(spin) > 0.0
        rate = catalogue(folder, "Group", "GroupSFR")[row]
        assert rate == pytest.approx(galaxy.particles().metadata["sfr"], rel=1e-4)


def test_subhaloes_are_clumps_and_satellites_keep_their_gas(run):
    folder, galaxies = run
    lengths = catalogue(folder, "Subhalo", "SubhaloLenType")
    position = catalogue(folder, "Subhalo", "SubhaloPos").astype(float)
    box = header(folder, "BoxSize")
    groups = catalogue(folder, "Subhalo", "SubhaloGrNr")
    first = catalogue(folder, "Group", "GroupFirstSub")
    satellites = [i for i in range(len(groups)) if i not in first]
    assert len(satellites) >= 3
    for row in satellites:
        offset = load(folder, "Subhalo", row, 1, "Coordinates") - position[row]
        offset -= box * np.round(offset / box)
        reach = catalogue(folder, "Subhalo", "SubhaloHalfmassRad")[row]
        assert np.median(np.linalg.norm(offset, axis=1)) < 3.0 * reach + 1.0
    assert (lengths[satellites, 0] > 50).any()
    assert lengths.sum(axis=1).min() >= 20


def test_stars_hold_wind_and_black_holes_are_there(run):
    folder, galaxies = run
    time = load(folder, "Group", 0, 4, "GFM_StellarFormationTime")
    mass = load(folder, "Group", 0, 4, "Masses") * 1e10 / H
    assert 0.0 < np.mean(time <= 0.0) < 0.03
    stars = mass[time > 0.0].sum(dtype=np.float64)
    assert stars == pytest.approx(galaxies[0].particles().stars.mass.value.sum(dtype=np.float64), rel=1e-4)
    assert catalogue(folder, "Group", "GroupMassType")[0, 4] * 1e10 / H == pytest.approx(stars, rel=1e-4)
    assert len(load(folder, "Group", 0, 5, "BH_Mass")) == 1


def test_attributes_are_those_of_tng(run):
    folder, _ = run
    expected = {
        "PartType0/Coordinates": (1, -1, 3.085678e21),
        "PartType0/Masses": (0, -1, 1.989e43),
        "PartType0/Density": (-3, 2, 6.769911178e-22),
        "PartType0/InternalEnergy": (0, 0, 1e10),
        "PartType0/Velocities": (0.5, 0, 1e5),
        "PartType0/ElectronAbundance": (0, 0, 0),
        "PartType0/StarFormationRate": (0, 0, 6.30276067e25),
        "PartType0/MagneticField": (-2, 1, 2.6019e-6),
        "PartType1/SubfindHsml": (1, -1, 3.085678e21),
    }
    with h5py.File(folder / "snapdir_091/snap_091.0.hdf5") as file:
        for name, (a, h, cgs) in expected.items():
            attributes = file[name].attrs
            assert (attributes["a_scaling"], attributes["h_scaling"]) == (a, h)
            assert attributes["to_cgs"] == pytest.approx(cgs, rel=1e-4)
        assert "Masses" not in file["PartType1"]
        assert file["PartType0/Coordinates"].dtype == np.float64


def test_dark_matter_mass_is_common_and_can_be_chosen(tmp_path):
    write_tng_snapshot([Galaxy.draw(1)], tmp_path / "output", chunks=1, dark_matter_mass=1e8 * u.Msun, resolution=0.1)
    with h5py.File(tmp_path / "output/snapdir_099/snap_099.0.hdf5") as file:
        head = file["Header"].attrs
        assert head["MassTable"][1] == pytest.approx(0.01 * H)
        assert head["Redshift"] < 1e-15


@pytest.mark.parametrize(
    ("galaxies", "options", "words"),
    [
        ([], {}, "galaxies is empty"),
        ([1, 1], {"redshifts": (0.0, 0.1)}, "different redshifts"),
        ([1], {"snapshot": 50}, "snapshot 50 is at z = 1"),
        ([1], {"snapshot": 98}, "not a full TNG snapshot"),
        ([1], {"chunks": 0}, "chunks"),
    ],
)
def test_errors(tmp_path, galaxies, options, words):
    redshifts = options.pop("redshifts", (0.0,) * len(galaxies))
    drawn = [Galaxy.draw(s, redshift=z) for s, z in zip(galaxies, redshifts, strict=True)]
    with pytest.raises(ParameterError, match=words):
        write_tng_snapshot(drawn, tmp_path / "output", **options)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "output").write_text("no folder")
    with pytest.raises(OutputError, match="output"):
        write_tng_snapshot([Galaxy.draw(1)], tmp_path / "output", resolution=0.1)
