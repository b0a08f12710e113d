"""A preset gives back the same mapper, and nothing but an intact one."""

import json
import os
import re

import keras
import numpy as np
import pytest
from keras import ops

import skazoo.presets.names as names
from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError, PresetError
from skazoo.mappers import Diffusion
from skazoo.presets import from_pretrained, list_pretrained, load
from skazoo.presets.manifest import write_manifest

SOURCE = np.random.default_rng(0).lognormal(16.0, 1.0, (1, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def mapper():
    mapper = Diffusion("dark_matter", ("hi", "x"), 8, transforms={"x": Affine(1, 2)}, width=8, multipliers=(1,), seed=5)
    rng = np.random.default_rng(1)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.05 * rng.normal(size=variable.shape).astype(np.float32))
    return mapper


@pytest.fixture(scope="module")
def original(mapper, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "diffusion"
    return mapper.save_pretrained(folder, metrics={"crps": 0.25}, metadata={"hours": 0.1})


@pytest.fixture
def preset(original, tmp_path):
    """A copy to spoil."""
    import shutil

    return shutil.copytree(original, tmp_path / "preset")


def rewrite(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_files_are_those_of_the_contract(original):
    assert sorted(os.listdir(original)) == [
        "README.md", "config.json", "manifest.json", "metadata.json", "metrics.json", "model.weights.h5",
        "transforms.json",
    ]  # fmt: skip
    config = json.loads((original / "config.json").read_text())
    assert config["class_name"] == "Diffusion" and config["config"]["target"] == ["hi", "x"]
    assert {"keras_version", "skazoo_version"} <= set(config)
    transforms = json.loads((original / "transforms.json").read_text())
    assert transforms["hi"]["unit"] == "solMass / kpc2" and transforms["dark_matter"]["role"] == "source"
    assert json.loads((original / "metrics.json").read_text()) == {"crps": 0.25}
    metadata = json.loads((original / "metadata.json").read_text())
    assert metadata["parameter_count"] == load(original).count_params()
    card = (original / "README.md").read_text()
    assert "dark_matter" in card and "crps: 0.25" in card and card.startswith("---\n")


def test_loaded_mapper_gives_identical_samples(mapper, original):
    expected = mapper.sample(SOURCE, 2, steps=3)
    for again in (load(original), from_pretrained(original), from_pretrained(str(original)),
                  Diffusion.from_pretrained(original), keras.saving.load_model(original)):  # fmt: skip
        assert np.array_equal(again.sample(SOURCE, 2, steps=3), expected)
        assert again.get_config() == mapper.get_config()


def test_dtype_and_fresh_weights(mapper, original):
    half = load(original, dtype="mixed_bfloat16")
    assert half.dtype_policy.name == "mixed_bfloat16"
    samples = half.sample(SOURCE, 2, steps=3)
    assert samples.dtype == np.float32 and np.all(np.isfinite(samples))
    fresh = load(original, load_weights=False)
    assert not np.array_equal(fresh.trainable_variables[0], mapper.trainable_variables[0])
    with pytest.raises(ParameterError, match="dtype"):
        load(original, dtype="float15")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "transforms.json", "manifest.json"])
def test_a_missing_file_is_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(PresetError, match=re.escape(name)):
        load(preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "README.md"])
def test_one_changed_byte_is_found_before_anything_is_loaded(preset, name):
    content = bytearray((preset / name).read_bytes())
    content[len(content) // 2] ^= 1
    (preset / name).write_bytes(bytes(content))
    with pytest.raises(PresetError, match=f"{re.escape(name)} is not what its manifest says"):
        load(preset)


def test_an_unlisted_file_is_not_trusted(preset):
    rewrite(preset / "manifest.json", lambda manifest: manifest["files"].pop("model.weights.h5"))
    with pytest.raises(PresetError, match="does not list model.weights.h5"):
        load(preset)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "..\\secret", "c:\\x", "..", ""])
def test_paths_out_of_the_folder_are_refused(preset, name):
    (preset.parent / "secret").write_text("x")
    rewrite(preset / "manifest.json", lambda manifest: manifest["files"].update({name: "0" * 64}))
    with pytest.raises(PresetError, match="refused"):
        load(preset)


def test_links_out_of_the_folder_are_refused_but_those_of_a_cache_are_not(preset, original):
    weights = preset / "model.weights.h5"
    weights.unlink()
    weights.symlink_to(original / "model.weights.h5")
    with pytest.raises(PresetError, match="link out of the preset"):
        load(preset)
    assert load(preset, root=original.parent.parent) is not None  # as the Hub's client lays out its snapshots


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(class_name="Transporter"), "Transporter"),
        (lambda c: c.update(class_name="Mapper"), "does not know"),
        (lambda c: c.update(class_name="Posterior"), "does not know"),
        (lambda c: c.update(class_name=["os"]), "does not know"),
        (lambda c: c.pop("config"), "no arguments"),
        (lambda c: c["config"].update(beam=1), "does not describe"),
        (lambda c: c["config"].update(width=-1), "does not describe"),
        (lambda c: c["config"].update(stem=0), "does not describe"),
        (lambda c: c["config"]["transforms"].update(hi={"class_name": "Lambda", "config": {}}), "does not describe"),
        (lambda c: c["config"]["transforms"]["hi"].update(name="Lambda"), "does not describe"),
        (lambda c: c["config"].update(width=16), "model.weights.h5 does not fit"),
        (lambda c: c["config"]["transforms"]["hi"]["transforms"][0].update(floor=1.0), "contradict"),
    ],
)
def test_what_config_json_may_not_say_even_with_a_true_manifest(preset, change, message):
    rewrite(preset / "config.json", change)
    write_manifest(preset)
    with pytest.raises(PresetError, match=message):
        load(preset)


@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_transforms_of_another_kind(preset, value):
    rewrite(preset / "transforms.json", lambda transforms: transforms.update(hi=value))
    write_manifest(preset)
    with pytest.raises(PresetError, match="contradict"):
        load(preset)


def test_truncated_weights_with_a_true_manifest(preset):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    write_manifest(preset)
    with pytest.raises(PresetError, match="model.weights.h5 cannot be read as HDF5, it was cut short"):
        load(preset)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "1", "files": {}}', '{"format": 2, "files": {}}'])
def test_a_manifest_of_another_kind(preset, text):
    (preset / "manifest.json").write_text(text)
    with pytest.raises(PresetError, match="newer than" if "2" in text else "JSON|manifest"):
        load(preset)


def test_saving_over_a_preset_replaces_it(mapper, preset):
    mapper.save_pretrained(preset, metrics={"crps": 0.5})
    assert json.loads((preset / "metrics.json").read_text()) == {"crps": 0.5}
    load(preset)
    assert [name for name in os.listdir(preset.parent) if name.startswith(".")] == []


def test_names(preset, original, tmp_path, monkeypatch):
    import shutil

    zoo = tmp_path / "zoo"
    shutil.copytree(original, zoo / "diffusion" / "dm2hi_test8")
    (zoo / "diffusion" / "not_trained_yet").mkdir()
    monkeypatch.setattr(names, "files", lambda package: zoo)
    assert list_pretrained() == {
        "diffusion_dm2hi_test8": {
            "family": "diffusion",
            "source": ("dark_matter",),
            "target": ("hi", "x"),
            "image_size": 8,
            "parameters": json.loads((original / "metadata.json").read_text())["parameter_count"],
        }
    }
    assert list(list_pretrained(family="diffusion", source="dark_matter", target="hi")) == ["diffusion_dm2hi_test8"]
    assert list_pretrained(target="ska") == {}
    with pytest.raises(ParameterError, match="family"):
        list_pretrained(family="vae")
    assert isinstance(from_pretrained("diffusion_dm2hi_test8"), Diffusion)
    with pytest.raises(PresetError, match="Shipped presets: diffusion_dm2hi_test8"):
        from_pretrained("diffusion_dm2hi_toy65")
    for wrong in ("hf://only-a-name", "hf://a/b/c", "hf://../x"):
        with pytest.raises(ParameterError, match="hf://org/name"):
            from_pretrained(wrong)
    with pytest.raises(PresetError, match="revision"):
        from_pretrained(preset, revision="v1")


def test_installed_zoo_can_be_listed():
    for name, facts in list_pretrained().items():
        assert name.startswith(facts["family"] + "_") and facts["parameters"] > 0
