"""`skazoo array`, and what `skazoo observe` has of the telescope."""

import re
import subprocess
import sys

import pytest
from astropy.io import fits

from skazoo.cli.main import main
from skazoo.telescope import Array

FAST = ["--npix", "32", "--array", "ska-mid-aa2", "--taper", "30", "--integration", "600"]


def test_list(capsys):
    assert main(["array"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in Array.names()) and re.search(r"ska-mid-aa4 +197 +159.62 km +29.3 m", out)


def test_describe_and_draw(tmp_path, capsys):
    assert main(["array", "ska-mid-aa2", "--plot", str(tmp_path / "aa2.png"), "--redshift", "0.05"]) == 0
    out = capsys.readouterr().out
    assert "SKA-Mid AA2: 64 antennas (64 of 15 m)" in out and "34.6 m to 108.043 km" in out
    assert re.search(r"redshift 0.05: 1352.77 MHz, band 2", out) and "uJy/beam" in out
    assert (tmp_path / "aa2.png").read_bytes()[:4] == b"\x89PNG"


def test_both_kinds_of_dish(capsys):
    assert main(["array", "ska-mid-aastar"]) == 0
    assert "144 antennas (80 of 15 m + 64 of 13.5 m)" in capsys.readouterr().out


def test_low_takes_a_redshift_of_its_own(capsys):
    assert main(["array", "ska-low-aa1"]) == 0
    assert "redshift 5: 236.73 MHz, band low" in capsys.readouterr().out


def test_a_file(tmp_path, capsys):
    path = tmp_path / "three.csv"
    path.write_text(
        "# latitude_deg: -30.5\n# longitude_deg: 21\nname,diameter_m,east_m,north_m,up_m\n"
        "A,15,0,0,0\nB,15,300,0,1\nC,13.5,0,400,0\n"
    )
    assert main(["array", str(path)]) == 0
    assert "sensitivity: unknown" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["ska-mid-aa44"], "Did you mean 'ska-mid-aa4'"),
        (["ska-low-aa1", "--redshift", "0.1"], r"\[50, 350\] MHz.*redshift 3.06 to 27.41"),
        (["ska-mid-aa1", "--redshift", "7"], r"\[0.35, 15.4\] GHz.*redshift 0 to 3.058"),
        (["ska-mid-aa1", "--declination", "80"], r"must be in \[-90.0, 44.3\] deg"),
        (["ska-mid-aa1", "--hours", "0"], "hours must be positive"),
        (["ska-mid-aa1", "--robust", "3"], r"robust must be in \[-2, 2\]"),
        (["--plot", "x.png"], "--plot needs the name"),
        (["none.csv"], "cannot read the table none.csv"),
    ],
)
def test_mistakes(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["array", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("skazoo: error: ") and re.search(says, error), error
    assert not list(tmp_path.iterdir())


def test_help_has_an_example_and_is_light():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "skazoo.cli.main", "array", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "skazoo array ska-mid-aa4 --plot" in done.stdout
    assert "keras" not in done.stderr and "astropy" not in done.stderr and "numpy" not in done.stderr


# -- observe ----------------------------------------------------------------------------------------------


def test_observe_with_weighting_and_oskar(cutout, tmp_path):
    base = ["observe", str(cutout), "--fields", "gas", *FAST]
    assert main([*base, "--out", str(tmp_path / "a"), "--oskar", str(tmp_path / "oskar")]) == 0
    options = ["--weighting", "natural", "--declination", "-45", "--hours-per-night", "4", "--primary-beam"]
    assert main([*base, "--out", str(tmp_path / "b"), *options]) == 0
    first, second = (fits.getheader(tmp_path / name / "ska.fits") for name in "ab")
    assert first["CRVAL2"] == pytest.approx(-30, abs=0.01) and second["CRVAL2"] == pytest.approx(-45, abs=0.01)
    assert second["BMAJ"] != first["BMAJ"]
    assert fits.getheader(tmp_path / "b" / "gas.fits")["CRVAL2"] == second["CRVAL2"]
    assert {p.name for p in (tmp_path / "oskar").iterdir()} == {
        "sky.osm", "telescope.tm", "settings.ini", "karabo_run.py",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["uvfits", "uvh5"])
def test_observe_writes_visibilities(cutout, tmp_path, ending):
    pytest.importorskip("pyuvdata", reason='pyuvdata is the extra skazoo[ms]: pip install "skazoo[ms]"')
    path = tmp_path / f"vis.{ending}"
    options = ["--hours-per-night", "1", "--visibilities", str(path)]
    assert main(["observe", str(cutout), "--fields", "gas", *FAST, "--out", str(tmp_path / "o"), *options]) == 0
    from skazoo.telescope import read_visibilities

    data, *_ = read_visibilities(path)
    assert data.shape[0] > 1000


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--array", "ska-low-aa4"], r"redshift 3.06 to 27.41. Put the galaxy there with --redshift"),
        (["--visibilities", "x.fits"], "end in .ms, .uvfits, .uvh5"),
        (["--array", "none", "--oskar", "o"], "--oskar need a telescope"),
        (["--weighting", "robust"], "weighting"),
        (["--robust", "9"], r"robust must be in \[-2, 2\]"),
        (["--declination", "80"], r"must be in \[-90.0, 44.3\] deg"),
        (["--hours-per-night", "30"], r"hours per night must be in \(0, 24\]"),
        (["--integration", "0"], "integration must be positive"),
    ],
)
def test_observe_mistakes(arguments, says, cutout, tmp_path, capsys):
    assert main(["observe", str(cutout), "--fields", "gas", *FAST, "--out", str(tmp_path / "o"), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(says, error), error
    assert [p.name for p in tmp_path.iterdir()] == ["cutout.hdf5"]
