"""The command line as users meet it: results on disk, one sentence for every mistake, nothing half-written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from skazoo.cli.main import main
from skazoo.maps import Map

FAST = ["--npix", "32", "--array", "ska-mid-aa2", "--taper", "30"]


def test_observe_writes_everything(cutout, tmp_path, capsys):
    out = tmp_path / "seen"
    fields = "gas,hi,stars,dark_matter,temperature,brightness_temperature"
    assert main(["observe", str(cutout), "--fields", fields, "--out", str(out), *FAST]) == 0
    names = {f"{f}.fits" for f in (*fields.split(","), "ska")} | {"sheet.png", "summary.json"}
    assert {p.name for p in out.iterdir()} == names
    header = fits.getheader(out / "ska.fits")
    assert header["CTYPE1"] == "RA---SIN" and header["BMAJ"] > 0 and "SKA" in header["TELESCOP"]
    gas = Map.from_fits(out / "gas.fits")
    summary = json.loads((out / "summary.json").read_text())["fields"]["gas"]
    with np.errstate(all="raise"):
        assert gas.total.value == pytest.approx(summary["mass_inside_msun"], rel=1e-6)
    assert "hi" in capsys.readouterr().out
    # a second run over the same folder replaces the files
    assert main(["observe", str(cutout), "--fields", "gas", "--out", str(out), "--seed", "1", *FAST]) == 0
    assert {p.name for p in out.iterdir()} == names and not list(tmp_path.glob(".*"))


def test_observe_without_telescope(cutout, tmp_path):
    assert main(["observe", str(cutout), "--fields", "stars", "--array", "none", "--out", str(tmp_path / "o")]) == 0
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"stars.fits", "sheet.png", "summary.json"}


def truncated(path):
    path.write_bytes(path.read_bytes()[:30000])
    return path


MISTAKES = {
    "missing file": (lambda c: ["observe", str(c) + "x"], "cutout.hdf5x does not exist"),
    "not HDF5": (lambda c: [c.write_text("x") and "observe", str(c)], "not an HDF5 file"),
    "truncated": (lambda c: ["observe", str(truncated(c))], "cut short|damaged|cannot be read"),
    "folder": (lambda c: ["observe", str(c.parent)], "is a folder"),
    "unknown field": (lambda c: ["observe", str(c), "--fields", "gaz"], "unknown field 'gaz'.*Did you mean 'gas'"),
    "missing field": (lambda c: ["observe", str(c), "--fields", "magnetic_field"], "no field 'magnetic_field'"),
    "npix 0": (lambda c: ["observe", str(c), "--npix", "0"], "npix"),
    "extent 0": (lambda c: ["observe", str(c), "--extent", "0"], "extent"),
    "extent negative": (lambda c: ["observe", str(c), "--extent", "-5"], "extent"),
    "unknown array": (lambda c: ["observe", str(c), "--array", "ska-mid-aa5"], "ska-mid-aa5.*ska-mid-aa4"),
    "centre": (lambda c: ["observe", str(c), "--centre", "1,2"], "--centre"),
    "rotation": (lambda c: ["observe", str(c), "--rotation", "up"], "--rotation"),
    "hours": (lambda c: ["observe", str(c), "--hours", "0"], "hours"),
    "channel": (lambda c: ["observe", str(c), "--channel-width", "-1"], "channel_width"),
    "redshift": (lambda c: ["observe", str(c), "--redshift", "-1"], "redshift"),
    "coarse": (lambda c: ["observe", str(c), "--npix", "16", "--taper", "1"], "pixel"),
    "config": (lambda c: ["data", "build", "toy_65"], "toy_65.*toy_64"),
    "no manual": (lambda c: ["data", "build", "cutouts"], "--manual-dir"),
    "manual": (lambda c: ["data", "build", "cutouts", "--manual-dir", str(c) + "x"], "not a folder"),
    "mapper": (lambda c: ["sample", "no_such", str(c)], "no_such"),
    "samples": (lambda c: ["quickstart", "--samples", "1"], "--samples"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_sentence_and_leave_nothing(kind, cutout, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, words = MISTAKES[kind]
    arguments = make(cutout)
    folder = tmp_path / "out"
    if arguments[0] in ("observe", "sample"):
        arguments += ["--out", str(folder)]
    assert main(arguments) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("skazoo: error: ")
    import re

    assert re.search(words, message), message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cutout.hdf5"]


def test_no_particles(tmp_path, capsys):
    import h5py

    with h5py.File(tmp_path / "empty.hdf5", "w") as file:
        file.create_group("Header").attrs.update(HubbleParam=0.7, Omega0=0.3, Time=1.0)
    assert main(["observe", str(tmp_path / "empty.hdf5"), "--out", str(tmp_path / "o")]) == 2
    assert "no particles" in capsys.readouterr().err


def test_output_that_is_a_file(cutout, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    for out in ("taken", "taken/below"):
        assert main(["observe", str(cutout), "--out", str(tmp_path / out), *FAST]) == 2
        assert "taken" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(cutout, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["observe", str(cutout), "--out", str(tmp_path / "locked" / "o"), *FAST]) == 2
    assert "not writable" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [[], ["observe"], ["data", "build"], ["sample"], ["evaluate"], ["quickstart"], ["list"]]
)
def test_help_has_an_example(command):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "skazoo.cli.main", *command, "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    if command != ["list"]:
        assert "skazoo " + " ".join(command) in done.stdout.split("options:")[1]
    assert "keras" not in done.stderr and "astropy" not in done.stderr


def test_interrupt(cutout, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skazoo.maps.plot.sheet", stop)
    assert main(["observe", str(cutout), "--out", str(tmp_path / "o"), *FAST]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cutout.hdf5"]
