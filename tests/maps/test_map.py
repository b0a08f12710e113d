"""Map to FITS and back, and as other readers see it."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from skazoo.errors import OutputError, ParameterError
from skazoo.maps import FIELDS, Map, sheet


def example(field="hi", **metadata):
    data = np.random.default_rng(0).lognormal(10, 3, (32, 48)).astype("f4")
    return Map(data, FIELDS[field].unit, field, 1.5 * u.kpc, {"redshift": 0.02, "note": "a b " * 50, **metadata})


@pytest.mark.parametrize("field", FIELDS)
def test_round_trip(tmp_path, field):
    before = example(field, rotation=[0.1] * 9)
    after = Map.from_fits(before.to_fits(tmp_path / "a.fits"))
    np.testing.assert_array_equal(after.data, before.data)
    assert (after.unit, after.field, after.metadata) == (before.unit, before.field, before.metadata)
    assert after.pixel_scale.to_value(u.kpc) == pytest.approx(1.5)


def test_world_coordinates_and_beam(tmp_path):
    path = example("ska", pixel_arcsec=4.0, beam=(12.0, 10.0, 30.0), telescope="SKA-Mid AA4").to_fits(
        tmp_path / "a.fits"
    )
    header = fits.getheader(path)
    assert header["BUNIT"] == "beam-1 Jy" or u.Unit(header["BUNIT"]) == u.Jy / u.beam
    np.testing.assert_allclose([header["BMAJ"], header["BMIN"], header["BPA"]], [12 / 3600, 10 / 3600, 30.0])
    sky = WCS(header)
    centre = sky.pixel_to_world(23.5, 15.5)
    assert centre.separation(sky.pixel_to_world(24.5, 15.5)).to_value("arcsec") == pytest.approx(4.0, rel=1e-6)
    # east is left: right ascension falls with the column
    assert sky.pixel_to_world(30, 15.5).ra.wrap_at("180d") < sky.pixel_to_world(20, 15.5).ra.wrap_at("180d")
    offsets = WCS(header, key="K")
    np.testing.assert_allclose(offsets.wcs_pix2world([[24.5, 15.5]], 0), [[1.5, 0.0]], atol=1e-9)


def test_foreign_fits_is_refused(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)
    with pytest.raises(ParameterError, match="not written by skazoo"):
        Map.from_fits(path)
    path.write_text("no FITS")
    with pytest.raises(ParameterError, match="a.fits"):
        Map.from_fits(path)


def test_unwritable_target_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        example().to_fits(tmp_path / "file" / "a.fits")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_overwriting_is_atomic_and_leaves_no_partial(tmp_path):
    path = example().to_fits(tmp_path / "a.fits")
    example("gas").to_fits(path)
    assert Map.from_fits(path).field == "gas" and [p.name for p in tmp_path.iterdir()] == ["a.fits"]


@pytest.mark.parametrize("data", ["plain", "zero", "negative", "one pixel"])
def test_sheets_of_odd_maps(tmp_path, data):
    maps = {}
    for name in FIELDS:
        one = example(name, pixel_arcsec=4.0, beam=(12.0, 10.0, 30.0))
        if data == "zero":
            one.data[:] = 0
        elif data == "negative":
            one.data *= -1
        elif data == "one pixel":
            one.data[:] = 0
            one.data[3, 3] = 1e7
        maps[name] = one
    path = sheet(maps, tmp_path / "sheet.png", "title")
    from matplotlib.image import imread

    picture = imread(path)
    assert picture.shape[0] > 300 and picture.std() > 0.05
