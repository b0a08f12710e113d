"""Examples, splits, statistics, and the prepared dataset."""

import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from skazoo.datasets.generate import Galaxy, View, examples, make_example
from skazoo.datasets.splits import split_of
from skazoo.datasets.statistics import FieldStatistics, compressed
from skazoo.errors import DatasetError
from skazoo.maps import FIELDS
from tests.conftest import write_cutout

SMALL = View(npix=16, extent_kpc=100.0, array="")


def digest(items) -> str:
    value = hashlib.sha256()
    for example in items:
        for name in sorted(example):
            data = example[name]
            value.update(data.tobytes() if hasattr(data, "tobytes") else str(data).encode())
    return value.hexdigest()


def test_an_example_is_paired_physical_and_reproducible():
    galaxy = Galaxy("toy", 11)
    particles = galaxy.particles()
    one = make_example(particles, galaxy, 0, View(npix=32, array=""))
    assert one["id"] == "toy/11/0" and one["rotation"].shape == (3, 3)
    assert digest([one]) == digest([make_example(Galaxy("toy", 11).particles(), galaxy, 0, View(npix=32, array=""))])
    other = make_example(particles, galaxy, 1, View(npix=32, array=""))
    assert not np.allclose(one["gas"], other["gas"])
    # the pixel grid is shared: the HI mass in the map is the one recorded
    assert one["hi"].sum() * one["pixel_kpc"] ** 2 == pytest.approx(float(one["hi_mass"]), rel=1e-5)
    gas, hi = np.log10(one["gas"] + 1e3).ravel(), np.log10(one["hi"] + 1e2).ravel()
    assert np.corrcoef(gas, hi)[0, 1] > 0.5
    assert (one["hi"] <= one["gas"] * (1 + 1e-5)).all()


def test_content_does_not_depend_on_the_number_of_processes(monkeypatch):
    galaxies = [Galaxy("toy", seed) for seed in range(6)]
    monkeypatch.setenv("SKAZOO_WORKERS", "1")
    alone = list(examples(galaxies, 2, SMALL))
    monkeypatch.setenv("SKAZOO_WORKERS", "2")
    monkeypatch.setattr("skazoo.datasets.generate._POOL_FROM", 1)
    together = list(examples(galaxies, 2, SMALL))
    assert [e["id"] for e in together] == [f"toy/{g}/{v}" for g in range(6) for v in range(2)]
    assert digest(alone) == digest(together)


def test_a_bad_galaxy_is_named(tmp_path):
    (tmp_path / "broken_7.hdf5").write_text("no")
    with pytest.raises(DatasetError, match="broken_7.hdf5.*not an HDF5 file"):
        list(examples([Galaxy("broken_7", 0, str(tmp_path / "broken_7.hdf5"))], 1, SMALL))


def test_workers_are_checked(monkeypatch):
    monkeypatch.setenv("SKAZOO_WORKERS", "many")
    with pytest.raises(DatasetError, match="SKAZOO_WORKERS"):
        list(examples([Galaxy("toy", 0)], 1, SMALL))


def test_splits_are_stable_and_of_the_right_size():
    names = [split_of("toy", i) for i in range(4000)]
    share = {name: names.count(name) / 4000 for name in ("train", "validation", "test")}
    assert share["train"] == pytest.approx(0.8, abs=0.02) and share["test"] == pytest.approx(0.1, abs=0.015)
    assert [split_of("toy", i) for i in range(5)] == names[:5] and split_of("TNG50-1", 12) == split_of("TNG50-1", 12)


def test_statistics_against_numpy():
    maps = np.random.default_rng(0).lognormal(8, 3, (20, 16, 16))
    maps[:, :4] = 0.0
    running = FieldStatistics("hi")
    for one in maps:
        running.update(one)
    found = running.result()
    log = np.log10(np.maximum(maps, FIELDS["hi"].floor))
    np.testing.assert_allclose(compressed("hi", maps), log)
    expected = [maps.min(), maps.max(), maps.mean(), maps.std(), log.mean(), log.std(), 0.25]
    keys = ("min", "max", "mean", "std", "compressed_mean", "compressed_std", "zero_fraction")
    np.testing.assert_allclose([found[key] for key in keys], expected, rtol=1e-9)
    assert found["quantiles"]["0.5"] == pytest.approx(np.median(maps), rel=0.3)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """toy_mini of 24 galaxies, small maps, without the telescope's set-up."""
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder, SkaTngConfig

    folder = tmp_path_factory.mktemp("tfds")
    config = SkaTngConfig(name="small", galaxies=24, views=2, npix=16, array="ska-mid-aa2", hours=10.0, taper=60.0)
    builder = Builder(config=config, data_dir=folder)
    builder.download_and_prepare()
    return builder, folder


def test_prepared_dataset(prepared):
    builder, _ = prepared
    splits = {name: list(builder.as_dataset(split=name).as_numpy_iterator()) for name in builder.info.splits}
    assert sum(map(len, splits.values())) == 48
    members = {name: {e["galaxy"] for e in found} for name, found in splits.items()}
    assert not members["train"] & members.get("test", set()) and not members["train"] & members.get("validation", set())
    one = splits["train"][0]
    for name in builder.info.metadata["fields"]:
        assert one[name].shape == (16, 16) and np.isfinite(one[name]).all(), name
        assert builder.info.metadata["units"][name] == FIELDS[name].unit.to_string()
    assert set(builder.info.metadata["statistics"]) == set(builder.info.metadata["fields"])
    train = np.stack([e["hi"] for e in splits["train"]])
    assert builder.info.metadata["statistics"]["hi"]["mean"] == pytest.approx(train.mean(), rel=1e-4)
    assert builder.info.supervised_keys == ("dark_matter", "ska")
    assert one["noise_rms"] > 0 and builder.info.metadata["observation"]["telescope"]


def test_readable_without_skazoo(prepared):
    _, folder = prepared
    # a finder that hides our packages stands in for an environment without them
    code = f"""
import sys, importlib.abc
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split('.')[0] in ('skazoo', 'tfds_builders'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
import tensorflow_datasets as tfds
example = next(iter(tfds.load('ska_tng/small', split='train', data_dir={str(folder)!r}).as_numpy_iterator()))
print(example['hi'].shape, example['id'].decode().split('/')[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "(16, 16) toy", done.stderr[-2000:]


def test_a_second_build_is_equal(prepared, tmp_path):
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    builder, _ = prepared
    again = Builder(config=builder.builder_config, data_dir=tmp_path)
    again.download_and_prepare()
    digests = [digest(b.as_dataset(split="train").as_numpy_iterator()) for b in (builder, again)]
    assert digests[0] == digests[1]


def test_cutouts(tmp_path):
    import tensorflow_datasets as tfds

    from skazoo.cli.data import build

    folder = tmp_path / "files"
    folder.mkdir()
    write_cutout(folder / "a.hdf5")
    shutil.copy(folder / "a.hdf5", folder / "b.hdf5")
    info, _ = build("cutouts", str(tmp_path / "data"), str(folder))
    assert info.splits["test"].num_examples == 8 and set(info.metadata["sources"]) == {"a.hdf5", "b.hdf5"}
    found = list(tfds.load("ska_tng/cutouts", split="test", data_dir=tmp_path / "data").as_numpy_iterator())
    assert {e["simulation"].decode() for e in found} == {"a", "b"} and found[0]["ska"].any()
    with pytest.raises(DatasetError, match="--manual-dir"):
        build("cutouts", str(tmp_path / "other"))
    (folder / "c.hdf5").write_text("no")
    with pytest.raises(DatasetError, match="c.hdf5"):
        build("cutouts", str(tmp_path / "third"), str(folder))
    assert not list((tmp_path / "third").rglob("*.tfrecord*"))
