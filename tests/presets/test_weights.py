"""The weights file of a preset: half the room with the promised accuracy, and nothing in it that is not weights."""

import json
import pickle
import shutil

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError, PresetError
from skazoo.mappers import Diffusion
from skazoo.presets import load, seal, verify
from skazoo.presets.folder import REQUIRED
from skazoo.presets.manifest import write_manifest
from skazoo.presets.weights import store_half

WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def mapper():
    mapper = Diffusion("dark_matter", "hi", 8, width=16, multipliers=(1,), seed=5)
    rng = np.random.default_rng(1)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.05 * rng.normal(size=variable.shape).astype(np.float32))
    return mapper


@pytest.fixture(scope="module")
def original(mapper, tmp_path_factory):
    return mapper.save_pretrained(tmp_path_factory.mktemp("weights") / "whole")


@pytest.fixture
def preset(original, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(original, tmp_path / "preset")


def test_half_the_room_and_eleven_bits(mapper, original, tmp_path):
    half = mapper.save_pretrained(tmp_path / "half", half=True)
    numbers = sum(np.prod(variable.shape) for variable in mapper.trainable_variables)
    whole, room = ((folder / WEIGHTS).stat().st_size for folder in (original, half))
    assert whole > 4 * numbers and whole - room > 2 * numbers
    # around the numbers, the file of a mapper of many small arrays holds little
    assert room < 2 * numbers + 1000 * len(mapper.trainable_variables)
    assert json.loads((half / "metadata.json").read_text())["weights_on_disk"] == "float16"
    for again in (load(half), keras.saving.load_model(half)):
        assert {variable.dtype for variable in again.trainable_variables} == {"float32"}
        for a, b in zip(again.get_weights(), mapper.get_weights(), strict=True):
            expected = b.astype(np.float16).astype(np.float32) if b.dtype == np.float32 else b
            assert np.array_equal(a, expected)
            assert np.all(np.abs(a - b.astype(np.float64)) <= np.maximum(2.0**-11 * np.abs(b), 2.0**-25))
    assert sorted(path.name for path in half.iterdir()) == sorted(path.name for path in original.iterdir())


@pytest.mark.parametrize("value", [65520.0, -1e30, np.inf, np.nan])
def test_half_refuses_what_it_cannot_hold(preset, value):
    before = (preset / WEIGHTS).read_bytes()
    with h5py.File(preset / WEIGHTS, "r+") as file:
        name = first_array(file)
        file[name][...] = value
    spoilt = (preset / WEIGHTS).read_bytes()
    with pytest.raises(ParameterError, match=f"{name}.*float16"):
        store_half(preset / WEIGHTS)
    assert (preset / WEIGHTS).read_bytes() == spoilt != before
    assert not list(preset.glob(".*"))


def first_array(file) -> str:
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.ndim else None)
    return names[0]


def elsewhere(folder):
    with h5py.File(folder.parent / "secret.h5", "w") as other:
        other["numbers"] = np.zeros(4, np.float32)
    return folder.parent / "secret.h5"


def put_external_link(file, folder):
    file["more"] = h5py.ExternalLink(str(elsewhere(folder)), "/numbers")


def put_soft_link(file, folder):
    file["more"] = h5py.SoftLink("/layers")


def put_external_storage(file, folder):
    file.create_dataset("more", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def put_virtual_array(file, folder):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(elsewhere(folder)), "numbers", (4,))
    file.create_virtual_dataset("more", layout)


def put_pickle(file, folder):
    file["more"] = np.void(pickle.dumps({"a": 1}))


def put_text(file, folder):
    file["more"] = "lambda x: x"


def put_bomb(file, folder):
    file.create_dataset("more", (10**12,), "f4", chunks=(10**6,), compression="gzip", fillvalue=0.0)


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (put_external_link, "holds a link, more, to another place"),
        (put_soft_link, "holds a link, more, to another place"),
        (put_external_storage, "takes more from another file"),
        (put_virtual_array, "takes more from another file"),
        (put_pickle, "holds more, which is no array of numbers"),
        (put_text, "holds more, which is no array of numbers"),
        (put_bomb, "holds 1,000,0.* numbers, but its mapper has room for"),
    ],
)
def test_what_a_weights_file_may_not_hold_even_with_a_true_manifest(preset, put, message):
    with h5py.File(preset / WEIGHTS, "r+") as file:
        put(file, preset)
    write_manifest(preset)
    with pytest.raises(PresetError, match=message):
        load(preset)


@pytest.mark.parametrize("content", [pickle.dumps(print), b"", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_weights_file_of_another_kind(preset, content):
    (preset / WEIGHTS).write_bytes(content)
    write_manifest(preset)
    with pytest.raises(PresetError, match="cannot be read as HDF5"):
        load(preset)


def test_a_missing_array_and_one_of_another_shape(preset):
    with h5py.File(preset / WEIGHTS, "r+") as file:
        name = first_array(file)
        values = file[name][...]
        del file[name]
        file[name] = np.zeros(values.size + 1, np.float32)
    write_manifest(preset)
    with pytest.raises(PresetError, match="does not fit a Diffusion"):
        load(preset)
    with h5py.File(preset / WEIGHTS, "r+") as file:
        del file[name]
    write_manifest(preset)
    with pytest.raises(PresetError, match="does not fit a Diffusion"):
        load(preset)


def test_sealing_takes_up_what_was_added(preset):
    (preset / "samples.png").write_bytes(b"\x89PNG")
    (preset / "recipe.json").write_text("{}")
    (preset / ".hidden").write_text("")
    (preset / "folder").mkdir()
    assert seal(preset, {"crps": 0.125}, name="diffusion_dm2hi_toy8") == preset
    listed = json.loads((preset / "manifest.json").read_text())["files"]
    assert set(listed) == {*REQUIRED, "README.md", "samples.png", "recipe.json"}
    card = (preset / "README.md").read_text()
    assert "# diffusion_dm2hi_toy8\n" in card and "](samples.png)" in card and "crps: 0.125" in card
    verify(preset, REQUIRED)
    load(preset)
