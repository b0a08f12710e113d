"""A real simulation from its file to a sampled map and to a dataset, through the commands that users type."""

import shutil

import numpy as np
import pytest
from astropy.io import fits

from skazoo.cli.main import main
from skazoo.maps import Map

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:.*(densest point|GFM_InitialMass)")]
TNG50 = "tng50-1_snap99_sub12_cutoutlike_mini.hdf5"


def test_tng_galaxy_is_observed(real_data, tmp_path):
    fields = "gas,hi,stars,temperature,brightness_temperature"
    out = tmp_path / "seen"
    assert (
        main(["observe", str(real_data / TNG50), "--fields", fields, "--array", "ska-mid-aa4", "--out", str(out)]) == 0
    )
    assert {p.name for p in out.glob("*.fits")} == {f"{f}.fits" for f in (*fields.split(","), "ska")}
    gas, hi = Map.from_fits(out / "gas.fits"), Map.from_fits(out / "hi.fits")
    assert gas.total.value == pytest.approx(1.2774e9, rel=1e-4)
    seen, header = fits.getdata(out / "ska.fits"), fits.getheader(out / "ska.fits")
    # the 21 cm emission is where the HI is, well above the noise
    centre = np.unravel_index(np.argmax(seen), seen.shape)
    mass = hi.data / hi.data.sum()
    expected = [(mass * axis).sum() for axis in np.mgrid[:64, :64]]
    assert np.hypot(*np.subtract(centre, expected)) < 3
    assert seen.max() > 6 * np.std(seen[:12]) and header["TELESCOP"].startswith("SKA-Mid")


def test_arepo_box_to_samples(real_data, tmp_path):
    from skazoo.mappers import Diffusion

    box = str(real_data / "arepo_cosmo_box.hdf5")
    Diffusion("dark_matter", "hi", image_size=64, stem=2, width=8, multipliers=(1, 1)).save_pretrained(tmp_path / "m")
    view = ["--extent", "150", "--centre", "densest"]
    assert main(["observe", box, "--fields", "dark_matter,gas,hi,stars", *view, "--out", str(tmp_path / "seen")]) == 0
    sampling = ["sample", str(tmp_path / "m"), box, *view, "--num-samples", "2", "--out", str(tmp_path / "samples")]
    assert main(sampling) == 0
    source = Map.from_fits(tmp_path / "samples" / "source_dark_matter.fits")
    np.testing.assert_array_equal(source.data, Map.from_fits(tmp_path / "seen" / "dark_matter.fits").data)
    assert source.data.max() > 1e9  # the densest halo's centre
    first, second = (Map.from_fits(tmp_path / "samples" / f"hi_sample_{i}.fits") for i in range(2))
    assert first.unit == Map.from_fits(tmp_path / "seen" / "hi.fits").unit
    assert np.isfinite(first.data).all() and (first.data >= 0).all() and not np.array_equal(first.data, second.data)


def test_a_folder_of_real_cutouts_is_a_dataset(real_data, tmp_path, capsys):
    import tensorflow_datasets as tfds

    (tmp_path / "files").mkdir()
    shutil.copy(real_data / TNG50, tmp_path / "files")
    build = ["data", "build", "cutouts", "--manual-dir", str(tmp_path / "files"), "--data-dir", str(tmp_path / "data")]
    assert main(build) == 0
    assert capsys.readouterr().err.count("has no dark_matter particles") == 1  # told once, not for every view
    found = list(tfds.load("ska_tng/cutouts", split="test", data_dir=str(tmp_path / "data")).as_numpy_iterator())
    assert len(found) == 4 and {e["simulation"].decode() for e in found} == {TNG50.removesuffix(".hdf5")}
    for example in found:
        assert (example["gas"].sum() * example["pixel_kpc"] ** 2) == pytest.approx(1.2774e9, rel=1e-3)
        assert example["hi_mass"] == pytest.approx(3.658e8, rel=1e-3)
