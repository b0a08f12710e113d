"""Talks of the real huggingface_hub client with a loopback Hub: python -m tests.hub.scenarios NAME PRESET HOME.

One process each, because the client reads its variables when it is imported; keras is imported by one of them only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

from .loopback_hub import READER, WRITER, LoopbackHub

REPO = "ska/small"


@contextlib.contextmanager
def refused(*words: str):
    """The block raises an error of skazoo with these words, in one sentence without token, even in its traceback."""
    from skazoo.errors import SkazooError

    try:
        yield
    except SkazooError as error:
        text = str(error)
        assert all(word in text for word in words), text
        assert "\n" not in text and text.endswith("."), text
        told = "".join(traceback.format_exception(error))
        assert WRITER not in told and READER not in told and "hf_Bad" not in told, told
        assert "http" not in told.replace("http://127", ""), told  # nor the client's own traceback
    else:
        raise AssertionError(f"not refused: {words}")


def change(preset: Path, name: str, content: bytes) -> None:
    """Replace or add a file, and make the manifest say so."""
    from skazoo.presets.manifest import write_manifest

    (preset / name).write_bytes(content)
    write_manifest(preset)


def publication(hub, preset, home):
    """Create, upload in one commit, tag, change, pin, and use the cache."""
    from huggingface_hub import ModelCard

    from skazoo.hub import fetch_preset, publish_preset

    first = publish_preset(preset, REPO, tag="v1.0", message="First")
    repository = hub.repositories["model", REPO]
    assert [message for _, _, message in repository.commits] == ["initial commit", "First"]
    assert repository.tags == {"v1.0": first} and not repository.private
    expected = {path.name for path in preset.iterdir()} - {"notes.txt"}
    assert set(repository.files) == {".gitattributes", *expected}, repository.files
    assert any("/lfs/" in call for call in hub.calls)  # the weights went through LFS, the JSON in the commit itself
    weights = (preset / "model.weights.h5").read_bytes()
    assert hub.blobs[repository.files["model.weights.h5"]] == weights

    folder = fetch_preset(f"hf://{REPO}")
    assert folder.name == first and {path.name for path in folder.iterdir()} == expected
    assert f'from_pretrained("hf://{REPO}")' in (folder / "README.md").read_text()
    card = ModelCard.load(folder / "README.md")
    card.validate()
    assert card.data.license == "apache-2.0" and len(card.data.eval_results) > 20
    assert "](samples.png)" in card.text
    card.data.tags = [1]
    with contextlib.suppress(ValueError):
        card.validate()
        raise AssertionError("the loopback Hub must see what the Hub refuses")

    change(preset, "model.weights.h5", weights[::-1])
    (preset / "samples.png").unlink()
    change(preset, "recipe.json", b"{}")
    second = publish_preset(f"{preset}", f"hf://{REPO}")
    assert second != first and "samples.png" not in repository.files and ".gitattributes" in repository.files
    assert publish_preset(preset, REPO) == second and repository.head == second  # nothing changed, nothing committed
    for revision, commit in (("v1.0", first), (first, first), (first[:9], first), (None, second), ("main", second)):
        folder = fetch_preset(REPO, revision)
        assert folder.name == commit
        assert (folder / "model.weights.h5").read_bytes() == (weights if commit == first else weights[::-1])
    calls = len(hub.calls)
    fetch_preset(REPO, first)
    assert len(hub.calls) == calls  # a commit never changes, so the Hub is not asked

    os.environ["HF_TOKEN"] = ""
    with refused("cannot fetch", "v9", "no such revision"):
        fetch_preset(REPO, "v9")
    with refused("ska/none", "no such repository"):
        fetch_preset("ska/none")
    repository.commit({"a.txt": repository.files["README.md"]}, "no preset")
    with refused("holds no manifest.json"):
        fetch_preset(REPO)
    folder = fetch_preset(REPO, first)
    target = (folder / "config.json").resolve()
    target.write_bytes(target.read_bytes().replace(b"Diffusion", b"Infusion_"))
    with refused("config.json is not what its manifest says", "remove", "load it again"):
        fetch_preset(REPO, first)


def permissions(hub, preset, home):
    """Tokens, names and repositories that must not be published with or to; the command line."""
    from skazoo.cli.main import main
    from skazoo.hub import fetch_preset, publish_preset

    publish_preset(preset, "ska/secret", private=True)
    assert hub.repositories["model", "ska/secret"].private
    publish_preset(preset, REPO, tag="v1")
    before = dict(hub.repositories), hub.repositories["model", REPO].head
    with refused("exists and is public"):
        publish_preset(preset, REPO, private=True)
    with refused("has a tag 'v1' already"):
        publish_preset(preset, REPO, tag="v1")
    with refused("may not do that"):
        publish_preset(preset, "other/place")
    for name in ("small", "ska/a/b", "../x", "ska/..", "ska/a b", "ska/a--b", "ska/x.git", f"ska/{'x' * 97}"):
        with refused("not of the form hf://org/name"):
            publish_preset(preset, name)
    for name, value in (("tag", "v 1"), ("message", " ")):
        with refused(name):
            publish_preset(preset, REPO, **{name: value})
    os.environ["HF_TOKEN"] = READER
    with refused("may not do that"):
        publish_preset(preset, "ska/new")
    for bad in ("hf_BadTokenBadTokenBadToken", "hf_Bad\u2026Token"):
        os.environ["HF_TOKEN"] = bad
        with refused("token", "hf auth login"):
            publish_preset(preset, "ska/new")
    os.environ["HF_TOKEN"] = ""
    with refused("no Hub token", "hf auth login", "HF_TOKEN"):
        publish_preset(preset, "ska/new")
    with refused("no such repository, or it is private"):
        fetch_preset("ska/secret")

    os.environ.pop("HF_TOKEN")
    home.mkdir(exist_ok=True)
    (home / "token").write_text(WRITER)  # as `hf auth login` leaves it
    fetch_preset("ska/secret")
    shutil.copytree(preset, home / "spoilt")
    (home / "spoilt" / "config.json").write_text("{}")
    with refused("damaged or altered", "before publishing"):
        publish_preset(home / "spoilt", "ska/new")
    assert (dict(hub.repositories), hub.repositories["model", REPO].head) == before

    assert main(["publish", str(preset), "ska/from-shell", "--private", "--tag", "v2", "--message", "Shell"]) == 0
    made = hub.repositories["model", "ska/from-shell"]
    assert made.private and made.tags == {"v2": made.head} and made.commits[-1][2] == "Shell"
    assert main(["publish", str(preset), "nowhere"]) == 2


def interruptions(hub, preset, home):
    """Connections that break, servers that fail, and another writer: nothing half-done, and the next try goes on."""
    from huggingface_hub import constants

    from skazoo.hub import fetch_preset, publish_preset

    time.sleep = lambda seconds: None  # the client waits before it tries again
    key = hashlib.sha256((preset / "model.weights.h5").read_bytes()).hexdigest()
    hub.faults.append(("PUT", f"/lfs/{key}", ("cut", 10_000)))
    first = publish_preset(preset, REPO)
    assert hub.blobs[hub.repositories["model", REPO].files["model.weights.h5"]]
    assert not hub.faults and f"PUT /lfs/{key}" in hub.calls  # the second try
    change(preset, "model.weights.h5", os.urandom(300_000))
    hub.faults.append(("POST", "/commit/", 500))
    hub.faults.append(("POST", "/commit/", ("cut", 100)))
    for words in ("answered 500", "cannot be reached"):
        with refused("cannot publish", words):
            publish_preset(preset, REPO)
        assert hub.repositories["model", REPO].head == first
    uploads = sum("PUT /lfs/" in call for call in hub.calls)
    second = publish_preset(preset, REPO)
    assert hub.repositories["model", REPO].head == second
    assert sum("PUT /lfs/" in call for call in hub.calls) == uploads  # what was uploaded is not sent again

    hub.before_commit = lambda repository: repository.commit(repository.files, "someone else's")
    change(preset, "model.weights.h5", os.urandom(300_000))
    with refused("someone else published", "publish again"):
        publish_preset(preset, REPO)
    assert hub.repositories["model", REPO].commits[-1][2] == "someone else's"
    assert hub.repositories["model", REPO].resolve(second)[1] == hub.repositories["model", REPO].files
    third = publish_preset(preset, REPO)
    hub.faults.append(("POST", "/tag/", 500))
    with refused(f"cannot tag the published commit {third}", "as 'v3'", "answered 500"):
        publish_preset(preset, REPO, tag="v3")

    constants.DOWNLOAD_CHUNK_SIZE = 10_000  # of 10 MB, which a break loses the last one of
    hub.faults.append(("GET", "/model.weights.h5", ("cut", 100_000)))
    folder = fetch_preset(REPO)
    assert (folder / "model.weights.h5").read_bytes() == (preset / "model.weights.h5").read_bytes()
    (name, start), *more = hub.ranges
    assert name == "model.weights.h5" and 0 < start <= 100_000 and not more  # it went on where it broke off
    shutil.rmtree(home / "hub")
    hub.faults.append(("GET", "/model.weights.h5", 404))
    with refused("cannot fetch model.weights.h5 of hf://ska/small"):
        fetch_preset(REPO)
    hub.calls.clear()
    assert fetch_preset(REPO).name == third
    assert not any("config.json" in call for call in hub.calls)  # there already

    script = "from skazoo.hub import fetch_preset\nprint(fetch_preset('{}', {!r}).name)"
    for env, name, revision, words in (
        ({"HF_HUB_OFFLINE": "1"}, REPO, None, third),
        ({"HF_HUB_OFFLINE": "1"}, REPO, second, "HF_HUB_OFFLINE is set and it is not in the cache"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, REPO, "main", third),
    ):
        done = subprocess.run(
            [sys.executable, "-c", script.format(name, revision)], env=os.environ | env, capture_output=True, text=True
        )
        assert words in done.stdout + done.stderr, done.stderr
        assert ("PresetError" in done.stderr) == (words != third), done.stderr


def datasets(hub, preset, home):
    """A dataset repository with shards, description, Croissant and datasheet."""
    from types import SimpleNamespace

    from huggingface_hub import DatasetCard, snapshot_download

    from skazoo.hub import publish_dataset

    folder = home / "ska_tng" / "toy_mini" / "1.0.0"
    folder.mkdir(parents=True)
    shards = {f"ska_tng-{split}.tfrecord-00000-of-00001": os.urandom(50_000) for split in ("train", "test")}
    for name, content in shards.items():
        (folder / name).write_bytes(content)
    (folder / "dataset_info.json").write_text("{}")
    listing = [{"name": name, "sha256": hashlib.sha256(content).hexdigest()} for name, content in shards.items()]
    (folder / "croissant.json").write_text(json.dumps({"distribution": [*listing, {"name": "shards"}]}))
    facts = {"run": "toy", "splits": {"by": "galaxy", "fractions": {}}, "license": "CC0-1.0", "seed": 0, "views": 1}
    facts |= {"view": {"npix": 8, "extent_kpc": 100.0, "array": None}, "skazoo_version": "0", "code_sha256": "0" * 64}
    info = SimpleNamespace(full_name="ska_tng/toy_mini/1.0.0", description="Maps.", config_description="Toy")
    info.metadata, info.splits = facts, {"train": SimpleNamespace(num_examples=8, num_shards=1)}
    builder = SimpleNamespace(data_dir=str(folder), info=info)
    first = publish_dataset(builder, "ska/toy-mini", tag="v1")
    repository = hub.repositories["dataset", "ska/toy-mini"]
    names = {"README.md", "dataset_info.json", "croissant.json", *shards}
    assert set(repository.files) == {".gitattributes", *names} and repository.tags == {"v1": first}
    got = Path(snapshot_download("ska/toy-mini", repo_type="dataset", revision="v1"))
    assert {name: (got / name).read_bytes() for name in shards} == shards
    card = DatasetCard.load(got / "README.md")
    card.validate()
    assert card.data.license == "cc0-1.0" and 'snapshot_download("ska/toy-mini"' in card.text

    old, new = (folder / f"ska_tng-test.tfrecord-00000-of-0000{n}" for n in (1, 2))
    content = old.read_bytes()
    old.write_bytes(content[:-1])
    with refused("is not the file that was built"):
        publish_dataset(builder, "ska/toy-mini")
    old.unlink()
    with refused("is missing"):
        publish_dataset(builder, "ska/toy-mini")
    new.write_bytes(content)
    listing[1]["name"] = new.name
    (folder / "croissant.json").write_text(json.dumps({"distribution": listing}))
    publish_dataset(builder, "ska/toy-mini")
    assert new.name in repository.files and old.name not in repository.files  # a shard of before would be read along
    (folder / "croissant.json").unlink()
    with refused("no croissant.json"):
        publish_dataset(builder, "ska/toy-mini")


def mappers(hub, preset, home):
    """From a trained mapper to the Hub and back, with skazoo and with Keras' own loading."""
    import keras
    import numpy as np

    import skazoo
    from skazoo.mappers import Diffusion

    mapper = Diffusion("dark_matter", "hi", 8, width=8, multipliers=(1,), seed=5)
    rng = np.random.default_rng(1)
    for variable in mapper.trainable_variables:
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(value + 0.05 * rng.normal(size=variable.shape).astype(np.float32))
    expected = mapper.get_weights()
    commit = mapper.push_to_hub(REPO, tag="v1", metadata={"dataset": "ska_tng/toy_8"})
    for again in (
        skazoo.from_pretrained(f"hf://{REPO}", revision="v1"),
        Diffusion.from_pretrained(f"hf://{REPO}", revision=commit),
        keras.saving.load_model(f"hf://{REPO}"),
    ):
        assert again.get_config() == mapper.get_config()
        assert all(np.array_equal(a, b) for a, b in zip(again.get_weights(), expected, strict=True))


def main(name: str, preset: str, home: str) -> None:
    with LoopbackHub() as hub:
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": home, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}
        os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        globals()[name](hub, Path(preset), Path(home))


if __name__ == "__main__":
    main(*sys.argv[1:])
