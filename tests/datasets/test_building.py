"""The prepared dataset: content, resumption, faults, formats."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from skazoo.datasets import building
from skazoo.datasets.generate import Galaxy, examples
from skazoo.datasets.plan import make_plan
from skazoo.datasets.shards import digest_of, finished, write_shard
from skazoo.errors import DatasetError, OutputError
from skazoo.maps import FIELDS
from tests.conftest import write_cutout
from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

from .conftest import SMALL, small_config


def plan_of(count=6, shards=3, **arguments):
    return make_plan({"train": [Galaxy("toy", i) for i in range(count)]}, SMALL, 1, num_shards=shards, **arguments)


def test_prepared_dataset(prepared, decoded):
    builder, folder = prepared
    facts = builder.info.metadata
    assert sum(map(len, decoded.values())) == 48
    one = decoded["train"][0]
    for name in facts["fields"]:
        assert one[name].shape == (16, 16) and np.isfinite(one[name]).all(), name
        assert facts["units"][name] == FIELDS[name].unit.to_string()
    assert set(facts["statistics"]) == set(facts["fields"]) and facts["statistics_split"] == "train"
    train = np.stack([e["hi"] for e in decoded["train"]])
    assert facts["statistics"]["hi"]["mean"] == pytest.approx(train.mean(), rel=1e-4)
    assert facts["statistics"]["hi"]["maps"] == len(train)
    assert builder.info.supervised_keys == ("dark_matter", "ska")
    assert one["noise_rms"] > 0 and facts["observation"]["telescope"]
    # nothing but the dataset is left
    assert [p.name for p in (folder / "ska_tng" / "small").iterdir()] == ["1.0.0"]


def test_recorded_hash_is_that_of_the_decoded_arrays(prepared, decoded):
    import hashlib

    builder, _ = prepared
    for name, own in decoded.items():
        shard = digest_of({})
        for example in own:
            digest_of(example, shard)
        assert builder.info.metadata["content_sha256"][name] == hashlib.sha256(shard.digest()).hexdigest()


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
    builder, _ = prepared
    # two files to a split and another format: the same examples in the same order
    import tensorflow_datasets as tfds

    again = Builder(config=builder.builder_config, data_dir=tmp_path)
    again.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2), file_format="array_record")
    source = again.as_data_source(split="train")
    assert again.info.splits["train"].num_shards == 2 and again.info.splits["train"].num_examples == len(source)
    for one, other in zip(builder.as_dataset(split="train").as_numpy_iterator(), source, strict=True):
        assert digest_of(one).hexdigest() == digest_of(other).hexdigest()
    one, two = (b.info.metadata["statistics"]["gas"] for b in (builder, again))
    assert one["mean"] == pytest.approx(two["mean"], rel=1e-12) and one["quantiles"] == two["quantiles"]


def test_parquet_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="parquet.*loses rows"):
        Builder(config=small_config(), data_dir=tmp_path).download_and_prepare(file_format="parquet")
    assert not list(tmp_path.rglob("*.parquet*"))


KILLED = """
import sys, time
from skazoo.datasets import building, shards
from tests.datasets.test_building import plan_of
inner = shards.examples
def slow(*arguments):
    for example in inner(*arguments):
        print(example["id"], flush=True)
        yield example
        time.sleep(0.2)
shards.examples = slow
with building.working_folder(sys.argv[1], sys.argv[2]) as folder:
    building.write_shards(plan_of(), folder, number=1)
"""


def test_killed_and_resumed(tmp_path, monkeypatch):
    target, plan = str(tmp_path / "1.0.0"), plan_of()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, target, plan.fingerprint], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    for _ in range(4):  # the fourth example is in the second of three shards
        assert process.stdout.readline()
    with pytest.raises(DatasetError, match="another process is building"), building.working_folder(target, "x"):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    made = []
    monkeypatch.setattr("skazoo.datasets.shards.examples", lambda *a: (made.append(e["id"]) or e for e in examples(*a)))
    with building.working_folder(target, plan.fingerprint) as folder:
        written = building.write_shards(plan, folder, number=1)
        assert made == [f"toy/{i}/0" for i in range(2, 6)], "the first shard is kept, the second is made again"
        (tmp_path / "whole").mkdir()
        lengths = building.deliver(plan, written, folder, str(tmp_path / "whole"))
        assert not list((tmp_path / ".building-1.0.0").glob("*.partial"))
    assert lengths == {"train": [2, 2, 2]}
    fresh = [write_shard(shard, str(tmp_path), SMALL, 1) for shard in plan.shards]
    assert [w.content for w in written] == [w.content for w in fresh]
    # another plan begins anew
    with building.working_folder(target, "another plan") as folder:
        assert sorted(p.name for p in (tmp_path / ".building-1.0.0").iterdir()) == ["fingerprint", "lock"]


def test_a_shard_that_was_cut_short_does_not_count(tmp_path):
    (shard,) = plan_of(2, 1).shards
    note = write_shard(shard, str(tmp_path), SMALL, 1)
    path = tmp_path / shard.file
    assert finished(path).content == note.content
    path.write_bytes(path.read_bytes()[:-1])
    assert finished(path) is None
    assert write_shard(shard, str(tmp_path), SMALL, 1).content == note.content


def test_full_disk(tmp_path):
    # a limit on the size of files stands in for a disk that is full: the write fails in the same place
    resource = pytest.importorskip("resource")
    shards = plan_of(40, 2).shards
    small = dataclasses.replace(shards[0], galaxies=shards[0].galaxies[:1])
    write_shard(small, str(tmp_path), SMALL, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(OutputError, match="cannot write .*finished shards are kept"):
            write_shard(shards[1], str(tmp_path), SMALL, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(p.name for p in tmp_path.iterdir()) == [small.file, f"{small.file}.note.npz"]


def test_too_little_room_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 10))
    with pytest.raises(OutputError, match="GB free"):
        building.write_shards(plan_of(), str(tmp_path))


def cutout_folder(folder, count=3):
    folder.mkdir()
    for number in range(count):
        write_cutout(folder / f"{'abcdef'[number]}.hdf5", seed=number, count=200)
    return folder


def build_cutouts(folder, data_dir, **arguments):
    import tensorflow_datasets as tfds

    fields = ("dark_matter", "gas", "stars", "hi")
    config = small_config(name="files", run="cutouts", fields=fields, array="", galaxies=0)
    builder = Builder(config=config, data_dir=data_dir, **arguments)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=folder))
    return builder


def test_cutouts_and_a_corrupt_one(tmp_path):
    folder = cutout_folder(tmp_path / "files")
    (folder / "b.hdf5").write_text("no")
    with pytest.raises(DatasetError, match="b.hdf5.*not an HDF5 file"):
        build_cutouts(folder, tmp_path / "data")
    assert not list((tmp_path / "data" / "ska_tng" / "files").rglob("*tfrecord-*"))
    builder = build_cutouts(folder, tmp_path / "data", skip_bad=True)
    assert builder.info.splits["test"].num_examples == 4 and list(builder.info.metadata["skipped"]) == ["b.hdf5"]
    assert set(builder.info.metadata["sources"]) == {"a.hdf5", "b.hdf5", "c.hdf5"}
    found = list(builder.as_dataset(split="test").as_numpy_iterator())
    assert {e["simulation"].decode() for e in found} == {"a", "c"}
    for path in folder.iterdir():
        path.write_text("no")
    with pytest.raises(DatasetError, match="none of the 3 galaxies"):
        build_cutouts(folder, tmp_path / "third", skip_bad=True)


def test_without_source_files_the_error_has_the_commands(tmp_path, monkeypatch):
    monkeypatch.delenv("TNG_API_KEY", raising=False)
    with pytest.raises(DatasetError, match="skazoo data build tng50_1_64 --manual-dir FOLDER[^$]*TNG_API_KEY"):
        Builder(config="tng50_1_64", data_dir=tmp_path).download_and_prepare()


def test_beam(prepared, decoded, tmp_path):
    pytest.importorskip("apache_beam")
    builder, _ = prepared
    again = Builder(config=builder.builder_config, data_dir=tmp_path, beam=["--runner=DirectRunner"])
    again.download_and_prepare()
    assert again.info.metadata["content_sha256"] == builder.info.metadata["content_sha256"]


def test_croissant(prepared):
    import json

    builder, _ = prepared
    path = os.path.join(builder.data_dir, "croissant.json")
    with open(path) as file:
        text = json.load(file)
    fields = {one["name"] for one in text["recordSet"][0]["field"]}
    assert fields == set(builder.info.features)
    files = [one for one in text["distribution"] if one["@type"] == "cr:FileObject"]
    assert len(files) == sum(s.num_shards for s in builder.info.splits.values()) and all(f["sha256"] for f in files)
    croissant = pytest.importorskip("mlcroissant")
    described = croissant.Dataset(path)
    assert not described.metadata.ctx.issues.errors
