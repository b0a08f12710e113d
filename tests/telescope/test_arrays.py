"""Layouts: how many antennas, how far apart, where; and what a broken file is told."""

import csv

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.telescope import Array

# antennas, of which MeerKAT dishes, longest baseline in km (ska-ost-array-config 2.3.1)
LAYOUTS = {
    "ska-mid-aa05": (4, 0, 1.415),
    "ska-mid-aa1": (8, 0, 1.415),
    "ska-mid-aa2": (64, 0, 108.043),
    "ska-mid-aastar": (144, 64, 108.043),
    "ska-mid-aa4": (197, 64, 159.623),
    "ska-low-aa05": (4, 0, 5.592),
    "ska-low-aa1": (16, 0, 5.802),
    "ska-low-aa2": (64, 0, 38.955),
    "ska-low-aastar": (307, 0, 73.393),
    "ska-low-aa4": (512, 0, 73.442),
}


@pytest.mark.parametrize("key", LAYOUTS)
def test_counts_and_longest_baselines(key):
    count, meerkat, longest = LAYOUTS[key]
    array = Array.load(key)
    assert len(array) == count
    assert np.count_nonzero(array.diameters == 13.5) == meerkat
    assert array.baseline_lengths.max() / 1e3 == pytest.approx(longest, abs=1e-3)
    assert "2.3.1" in array.version
    assert len(set(array.antenna_names)) == count


def test_every_layout_is_tested_and_titled():
    assert Array.names() == sorted(LAYOUTS)
    assert Array.load("ska-mid-aa05").title == "SKA-Mid AA0.5"
    assert Array.load("ska-low-aastar").title == "SKA-Low AA*"


def test_stages_grow():
    for telescope in ("ska-mid", "ska-low"):
        names = [set(Array.load(f"{telescope}-{s}").antenna_names) for s in ("aa05", "aa1", "aastar", "aa4")]
        assert all(earlier < later for earlier, later in zip(names, names[1:], strict=False))


@pytest.mark.real
@pytest.mark.parametrize("key", LAYOUTS)
def test_coordinates_agree_with_skao(key, ska_data):
    lines = (ska_data / "ska" / f"{key.replace('-', '_')}.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    array = Array.load(key)
    where = {name: enu for name, enu in zip(array.antenna_names, array.enu, strict=True)}
    theirs = np.array([[float(row[c]) for c in ("east_m", "north_m", "up_m")] for row in rows])
    ours = np.array([where[row["name"]] for row in rows])
    assert len(rows) == len(array)
    assert np.linalg.norm(ours - theirs, axis=1).max() < 0.05
    sizes = dict(zip(array.antenna_names, array.diameters, strict=True))
    assert all(sizes[row["name"]] == float(row["diameter_m"]) for row in rows)


def test_csv_round_trip(tmp_path):
    path = tmp_path / "three.csv"
    path.write_text(
        "# three dishes\n# telescope: ska-mid\n# latitude_deg: -30.5\n# longitude_deg: 21\n"
        "name,diameter_m,east_m,north_m,up_m\nA,15,0,0,0\nB,15,300,0,1\nC,13.5,0,400,0\n"
    )
    array = Array.from_csv(path)
    assert array.antenna_names == ["A", "B", "C"] and array.telescope == "ska-mid"
    np.testing.assert_allclose(array.baseline_lengths, [np.hypot(300, 1), 400, np.sqrt(300**2 + 400**2 + 1)])


def test_quantities_are_brought_to_metres():
    array = Array([[0, 0, 0], [1, 0, 0]] * u.km, 1500 * u.cm, -30 * u.deg, 0.3 * u.rad)
    assert array.baseline_lengths[0] == 1000 and array.diameters[1] == 15
    assert array.longitude == pytest.approx(np.degrees(0.3))


HEAD = "# latitude_deg: -30\n# longitude_deg: 21\n"


@pytest.mark.parametrize(
    "text, says",
    [
        (HEAD + "name,diameter_m,east_m,north_m\nA,15,0,0\nB,15,1,0\n", "no column 'up_m'"),
        (HEAD + "name,diameter_m,east_m,north_m,up_m\nA,15,0,0,0\nB,15,x,0,0\n", "row 2, column 'east_m': 'x'"),
        (HEAD + "name,diameter_m,east_m,north_m,up_m\nA,15,0,0\nB,15,1,0,0\n", "row 1 has 4 values for 5"),
        (HEAD + "name,diameter_m,east_m,north_m,up_m\nA,15,0,0,nan\nB,15,1,0,0\n", "not finite"),
        ("name,diameter_m,east_m,north_m,up_m\nA,15,0,0,0\nB,15,1,0,0\n", "latitude_deg"),
        (HEAD + "name,diameter_m,east_m,north_m,up_m\nA,15,0,0,0\nB,15,0,0,0\n", "two antennas in one place"),
        (HEAD + "name,diameter_m,east_m,north_m,up_m\nA,-1,0,0,0\nB,15,9,0,0\n", "diameters must be positive"),
        ("", "no rows"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, says):
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(ParameterError) as caught:
        Array.from_csv(path)
    assert says in str(caught.value)
    assert "broken" in str(caught.value)


def test_unknown_names():
    with pytest.raises(ParameterError, match="Did you mean 'ska-mid-aa4'"):
        Array.load("ska-mid-aa44")
    with pytest.raises(ParameterError, match="cannot read the table /no/such.csv"):
        Array.from_csv("/no/such.csv")
    with pytest.raises(ParameterError, match=r"\[-90, 90\]"):
        Array([[0, 0, 0], [1, 0, 0]], 15, -120, 0)
    with pytest.raises(ParameterError, match="N >= 2"):
        Array([[0, 0, 0]], 15, -30, 0)
