"""Layouts from CASA's and OSKAR's files."""

import numpy as np
import pytest
from astropy.coordinates import EarthLocation

from skazoo.errors import ParameterError
from skazoo.telescope import Array


def test_casa_local(tmp_path):
    path = tmp_path / "mine.cfg"
    path.write_text(
        "# observatory=MINE\n# coordsys=LOC (local tangent plane)\n# COFA=21.44,-30.71\n# x y z diam pad\n"
        "0 0 0 13.5 m000\n100.5 0 1 13.5 m001\n0 250 0 15 s001\n"
    )
    array = Array.from_casa(path, telescope="ska-mid")
    assert (array.longitude, array.latitude) == (21.44, -30.71)
    assert array.antenna_names == ["m000", "m001", "s001"]
    np.testing.assert_allclose(array.enu[1], [100.5, 0, 1])
    np.testing.assert_allclose(array.diameters, [13.5, 13.5, 15])


def test_casa_geocentric(tmp_path):
    """Written as geocentric metres, read back as east, north, up: the same distances, the same place."""
    mid = Array.load("ska-mid-aa1")
    lon, lat = np.radians(mid.longitude), np.radians(mid.latitude)
    axes = np.array(
        [
            [-np.sin(lon), np.cos(lon), 0],
            [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)],
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)],
        ]
    )
    centre = EarthLocation.from_geodetic(mid.longitude, mid.latitude, mid.height)
    xyz = mid.enu @ axes + [centre.x.value, centre.y.value, centre.z.value]
    path = tmp_path / "xyz.cfg"
    path.write_text("# coordsys=XYZ\n" + "\n".join(f"{x:.5f} {y:.5f} {z:.5f} 15" for x, y, z in xyz))
    array = Array.from_casa(path)
    np.testing.assert_allclose(array.baseline_lengths, mid.baseline_lengths, atol=1e-3)
    assert array.latitude == pytest.approx(mid.latitude, abs=0.02)
    np.testing.assert_allclose(array.equatorial[1] - array.equatorial[0], turned(mid, array.longitude), atol=0.01)


def turned(array, longitude):
    """The first baseline of `array` in the equatorial frame of another longitude."""
    x, y, z = array.equatorial[1] - array.equatorial[0]
    angle = np.radians(array.longitude - longitude)
    return [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z]


def test_oskar(tmp_path):
    folder = tmp_path / "mine.tm"
    folder.mkdir()
    (folder / "position.txt").write_text("# lon lat height\n116.76, -26.82, 365\n")
    (folder / "layout.txt").write_text("0,0\n100, 0, 1\n0 300 0\n")
    array = Array.from_oskar(folder, diameter=38, telescope="ska-low")
    assert (array.longitude, array.latitude, array.height) == (116.76, -26.82, 365)
    np.testing.assert_allclose(array.enu, [[0, 0, 0], [100, 0, 1], [0, 300, 0]])
    assert array.name == "mine"


@pytest.mark.parametrize(
    "text, says",
    [
        ("# coordsys=LOC\n0 0 0 12\n9 0 0 12\n", "COFA"),
        ("0 0 0 12\n9 0 0 12\n", "coordsys is 'missing'"),
        ("# coordsys=UTM\n0 0 0 12\n9 0 0 12\n", "coordsys is 'UTM'"),
        ("# coordsys=LOC\n0 0 12\n9 0 0 12\n", "has 3 numbers and needs 4"),
        ("# coordsys=LOC\n0 0 0 12\na 0 0 12\n", "entry 3"),
        ("# coordsys=LOC\n", "fewer than two antennas"),
    ],
)
def test_a_broken_cfg_is_named(tmp_path, text, says):
    path = tmp_path / "broken.cfg"
    path.write_text(text)
    with pytest.raises(ParameterError, match=says) as caught:
        Array.from_casa(path)
    assert "broken.cfg" in str(caught.value)


def test_a_broken_folder_is_named(tmp_path):
    with pytest.raises(ParameterError, match="is not a folder"):
        Array.from_oskar(tmp_path / "none.tm", diameter=38)
    with pytest.raises(ParameterError, match="position.txt: No such file"):
        Array.from_oskar(tmp_path, diameter=38)
