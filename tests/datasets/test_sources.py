"""Galaxies of runs on disk and of fetched cutouts."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from skazoo.datasets.configurations import CONFIGURATIONS
from skazoo.datasets.sources import Selection, cutouts, fetched, galaxies_in
from skazoo.errors import DatasetError
from tests.conftest import write_cutout
from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

from .conftest import small_config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A toy universe of 4 galaxies as a TNG run in 3 chunks: (folder, galaxies by group)."""
    from skazoo.simulations import toy

    folder = tmp_path_factory.mktemp("run")
    galaxies = toy.write_tng_snapshot(
        [toy.Galaxy.draw(s) for s in range(4)], folder / "output", chunks=3, resolution=0.3
    )
    return folder, galaxies


def test_a_run_from_files_to_dataset(run, tmp_path):
    folder, truth = run
    config = small_config(
        name="run", run="any", npix=32, min_gas_cells=500, array="", fields=("dark_matter", "gas", "hi")
    )
    builder = Builder(config=config, data_dir=tmp_path)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=folder))
    found = list(builder.as_dataset(split="test").as_numpy_iterator())
    assert len(found) == 8 and {int(e["halo"]) for e in found} == set(range(len(truth)))
    for example in found:
        galaxy = truth[int(example["halo"])]
        # the group's mass, and its HI within the frame, are those of the galaxy that was written
        assert example["halo_mass"] == pytest.approx(galaxy.visible.halo_mass, rel=0.5)
        inside = example["hi"].sum() * example["pixel_kpc"] ** 2
        assert inside == pytest.approx(float(example["hi_mass"]), rel=1e-4)
        assert 0.1 < inside / galaxy.hidden.hi_mass < 3.0
        assert example["snapshot"] == 99 and example["dark_matter"].max() > 1e6
    assert any(name.startswith("snap_099") for name in builder.info.metadata["sources"])


def test_selection_of_a_run(run):
    folder, _ = run
    most = galaxies_in(folder, (99,), Selection(500, 0, 2))
    assert len(most) == 2 and {g.snapshot for g in most} == {99} and len({g.root for g in most}) == 2
    with pytest.raises(DatasetError, match="lower min_gas_cells"):
        galaxies_in(folder, (99,), Selection(10**9))
    with pytest.raises(DatasetError, match="not TNG50-1"):
        galaxies_in(folder, (99,), Selection(500), "TNG50-1")


def test_several_runs_in_one_folder(run, tmp_path):
    folder, _ = run
    for name in ("A", "B"):
        (tmp_path / name).symlink_to(folder)
    found = galaxies_in(tmp_path, (99,), Selection(500))
    assert len(found) == 8 and {g.simulation for g in found} == {"A", "B"}


def test_a_folder_of_neither(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match="neither a run nor a folder of runs or cutouts"):
        galaxies_in(tmp_path, (99,), Selection())


def test_fetched_files_are_known_by_their_names(tmp_path):
    for name in ("TNG50-1_099_halo_12", "TNG50-1_099_halo_7", "mine"):
        write_cutout(tmp_path / f"{name}.hdf5", count=50)
    found = {g.name: g for g in cutouts(tmp_path)}
    assert {n for n in found if n.startswith("TNG")} == {"TNG50-1/99/12", "TNG50-1/99/7"}
    assert found["TNG50-1/99/12"].group != found["TNG50-1/99/7"].group
    # ids of another snapshot say nothing about these: all of the run stay together
    write_cutout(tmp_path / "TNG50-1_091_halo_12.hdf5", count=50)
    assert len({g.group for g in cutouts(tmp_path) if g.simulation == "TNG50-1"}) == 1
    with pytest.raises(DatasetError, match="no .hdf5"):
        cutouts(tmp_path / "nowhere")


def test_fetching_takes_centrals_of_one_snapshot(monkeypatch, tmp_path):
    asked = {}

    class Client:
        def search(self, simulation, snapshot, number, order_by, **where):
            asked.update(where, number=number, run=(simulation, snapshot))
            return [{"id": 5}, {"id": 0}]

        def cutouts(self, simulation, snapshot, ids, scope):
            return [tmp_path / f"{scope}{i}.hdf5" for i in ids]

    monkeypatch.setattr("skazoo.simulations.TNGClient", Client, raising=False)
    found = fetched("TNG50-1", (99,), Selection(1000, 0, 2))
    assert [g.name for g in found] == ["TNG50-1/99/5", "TNG50-1/99/0"] and found[0].path.endswith("halo5.hdf5")
    assert asked == {"len_gas__gt": 999, "primary_flag": 1, "number": 2, "run": ("TNG50-1", 99)}
    with pytest.raises(DatasetError, match="one snapshot"):
        fetched("TNG50-1", (99, 91), Selection())


def test_configurations_are_what_they_are_called():
    by_name = {config.name: config for config in CONFIGURATIONS}
    for run in ("tng50_1", "tng100_1", "tng300_1", "camels", "eagle", "simba", "fire"):
        for npix in (64, 128, 256, 512):
            assert by_name[f"{run}_{npix}"].npix == npix and by_name[f"{run}_{npix}"].run == run
    assert [by_name[f"toy_{n}"].npix for n in (32, 64, 128)] == [32, 64, 128] and by_name["toy_mini"].views == 2
    assert by_name["tng50_1_10k"].selection.limit == 10_000
    assert all(np.isfinite(config.view.taper_arcsec) for config in CONFIGURATIONS)
