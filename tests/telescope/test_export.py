"""Visibilities through the files of other programs, and back."""

import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from skazoo.errors import OutputError, ParameterError
from skazoo.telescope import Array, Observation, image, predict, read_visibilities, write_oskar, write_visibilities
from skazoo.telescope.coverage import hour_angles_at
from skazoo.telescope.export import geocentric, times_of

WHY = 'pyuvdata is the extra skazoo[ms]: pip install "skazoo[ms]"'


def in_order(vis):
    """Rows as the files have them: by time, then antennas."""
    return np.lexsort((vis.q, vis.p, vis.hour_angle))


@pytest.fixture(scope="module")
def seen(small, blobs):
    return small.observe(blobs, seed=4, method="visibilities")


@pytest.mark.parametrize("ending", [".uvh5", ".uvfits", ".ms"])
@pytest.mark.filterwarnings("ignore")
def test_round_trip(seen, small, tmp_path, ending):
    pytest.importorskip("pyuvdata", reason=WHY)
    if ending == ".ms":
        pytest.importorskip("casacore", reason=WHY)
    vis = seen.visibilities()
    path = write_visibilities(vis, tmp_path / f"small{ending}")
    assert write_visibilities(vis, path) == path  # it replaces what is there
    assert [p.name for p in tmp_path.iterdir()] == [f"small{ending}"]
    data, uvw, frequencies, pairs = read_visibilities(path)
    order = in_order(vis)
    assert frequencies.to_value(u.Hz) == pytest.approx([small.frequency.to_value(u.Hz)])
    np.testing.assert_array_equal(pairs, np.stack([vis.p, vis.q], axis=1)[order])
    np.testing.assert_allclose(data[:, 0], vis.data[order], atol=1e-6 * np.abs(vis.data).max())
    assert np.abs(uvw - vis.uvw[order]).max() < 2e-4 * np.abs(uvw).max()  # aberration and nutation
    dirty = image(data[:, 0], uvw * [-1, 1, 1], frequencies[0], 48, small.pixel_scale, vis.weights[order], w_term=False)
    assert np.abs(dirty - seen.dirty.data).max() < 1e-3 * np.abs(seen.dirty.data).max()


@pytest.mark.filterwarnings("ignore")
def test_another_program_finds_the_source_where_it_is(small, tmp_path):
    """pyuvdata turns the phase centre to 14 pixels east and 11 north: the point there has no phase left."""
    pyuvdata = pytest.importorskip("pyuvdata", reason=WHY)
    from skazoo.telescope.export import _offline

    sky = np.zeros((48, 48))
    sky[24 + 11, 24 - 14] = 0.5
    path = write_visibilities(small.visibilities(sky * u.Jy / u.pix, seed=None), tmp_path / "point.uvh5")
    with _offline():
        data = pyuvdata.UVData.from_file(str(path))
        centre = data.phase_center_catalog[0]
        pixel = np.radians(8 / 3600)
        north = centre["cat_lat"] + 11 * pixel
        data.phase(lon=centre["cat_lon"] + 14 * pixel / np.cos(north), lat=north, cat_name="point", phase_frame="icrs")
    assert np.abs(np.angle(data.data_array)).max() < 0.03
    assert np.abs(data.data_array).mean() == pytest.approx(0.5, rel=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_channels_and_weights(small_array, blobs, tmp_path):
    pyuvdata = pytest.importorskip("pyuvdata", reason=WHY)
    wide = Observation(
        small_array, npix=48, pixel_scale=8 * u.arcsec, taper=25 * u.arcsec, hours_per_night=1, integration=600 * u.s,
        channel_width=600 * u.MHz, frequency=1.5 * u.GHz, subbands=3,
    )  # fmt: skip
    vis = wide.visibilities(blobs, seed=None)
    path = write_visibilities(vis, tmp_path / "wide.uvh5")
    data, uvw, frequencies, pairs = read_visibilities(path)
    assert data.shape[1] == 3 and np.isfinite(data).sum() == len(vis)
    assert not np.isfinite(data).all()  # MeerKAT dishes have no receiver at 1.7 GHz
    np.testing.assert_allclose(frequencies.to_value(u.MHz), [1300, 1500, 1700])
    for channel in range(3):
        good, here = np.isfinite(data[:, channel]), vis.subband == channel
        order = in_order(vis)
        np.testing.assert_allclose(data[good, channel], vis.data[order][here[order]], atol=1e-6)
        assert np.abs(uvw[good] - vis.baselines[order][here[order]]).max() < 0.5
    from skazoo.telescope.export import _offline

    with _offline():
        file = pyuvdata.UVData.from_file(str(path))
    samples = file.nsample_array[~file.flag_array]
    assert samples.max() / samples.min() == pytest.approx((vis.sigma.max() / vis.sigma.min()) ** 2, rel=1e-4)


@pytest.mark.filterwarnings("ignore:ERFA")
def test_times_have_the_hour_angles(small_array, small, blobs):
    vis = small.visibilities(blobs, seed=None)
    hours = np.unique(vis.hour_angle)
    assert np.abs(hour_angles_at(times_of(vis, hours), vis.right_ascension, small_array.longitude) - hours).max() < 1e-6
    dated = Observation(
        small_array, npix=48, pixel_scale=8 * u.arcsec, start="2031-02-03T04:00:00", right_ascension=180 * u.deg,
        taper=27 * u.arcsec, hours_per_night=2, integration=600 * u.s,
    )  # fmt: skip
    vis = dated.visibilities(blobs, seed=None)
    hours = np.unique(vis.hour_angle)
    moments = times_of(vis, hours)
    assert (moments[0] - Time("2031-02-03T04:05:00")).to_value(u.s) == pytest.approx(0, abs=0.01)
    assert np.diff(moments.jd) * 86400 == pytest.approx(600, abs=0.01)
    assert Observation.from_config(dated.config).config == dated.config


def test_geocentric_is_that_of_astropy():
    from astropy.coordinates import EarthLocation

    array = Array.load("ska-mid-aa1")
    centre = EarthLocation.from_geodetic(array.longitude, array.latitude, array.height)
    east, north, up = np.eye(3)
    lon, lat = np.radians(array.longitude), np.radians(array.latitude)
    axes = np.array(
        [
            [-np.sin(lon), np.cos(lon), 0],
            [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)],
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)],
        ]
    )
    np.testing.assert_allclose(geocentric(array), array.enu @ axes, atol=1e-8)
    higher = EarthLocation.from_geodetic(array.longitude, array.latitude, array.height + 100)
    step = np.array([(getattr(higher, k) - getattr(centre, k)).to_value(u.m) for k in "xyz"])
    np.testing.assert_allclose(step, 100 * up @ axes, atol=1e-6)


def test_refused(seen, tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match=r"end in .ms, .uvfits, .uvh5"):
        write_visibilities(seen.visibilities(), tmp_path / "x.fits")
    with pytest.raises(ParameterError, match="does not exist"):
        read_visibilities(tmp_path / "none.ms")
    monkeypatch.setitem(sys.modules, "pyuvdata", None)
    monkeypatch.setattr("skazoo.telescope.export.find_spec", lambda name: None)
    with pytest.raises(OutputError, match=r'pip install "skazoo\[ms\]"'):
        write_visibilities(seen.visibilities(), tmp_path / "x.ms")
    assert not list(tmp_path.iterdir())


# -- OSKAR ------------------------------------------------------------------------------------------------


def test_oskar_folder_is_the_same_observation(small, blobs, tmp_path):
    """The sky of the folder, summed point by point over the array of the folder, gives the visibilities."""
    seen = small.observe(blobs.to_value(u.K)[:, ::-1] * u.K, seed=None)
    folder = write_oskar(seen, tmp_path / "oskar")
    assert {p.name for p in folder.iterdir()} == {"sky.osm", "telescope.tm", "settings.ini", "karabo_run.py"}
    array = Array.from_oskar(folder / "telescope.tm", diameter=15, telescope="ska-mid")
    np.testing.assert_allclose(array.enu, small.array.enu, atol=1e-4)
    assert (array.longitude, array.latitude) == (small.array.longitude, small.array.latitude)
    ra, dec, flux = np.loadtxt(folder / "sky.osm", delimiter=",", usecols=(0, 1, 2)).T
    assert flux.sum() == pytest.approx(seen.sky.sum(), rel=1e-6)
    ra, dec = np.radians(ra), np.radians(dec)
    ra0, dec0 = small.right_ascension.to_value(u.rad), small.declination.to_value(u.rad)
    l = np.cos(dec) * np.sin(ra - ra0)
    m = np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0)
    n = np.sqrt(1 - l**2 - m**2)
    vis = small.visibilities(seen.sky * u.Jy / u.pix, seed=None)
    some = slice(None, None, 97)
    turns = vis.uvw[some] * small.frequency.to_value(u.Hz) / 299792458.0
    direct = np.exp(-2j * np.pi * turns @ np.array([l, m, n - 1])) @ flux
    with_w = predict(seen.sky, small.pixel_scale, vis.uvw[some] * [-1, 1, 1], small.frequency, w_term=True)
    assert np.linalg.norm(direct - with_w) < 1e-5 * np.linalg.norm(direct)
    settings = (folder / "settings.ini").read_text()
    assert "num_time_steps=24" in settings and "phase_centre_dec_deg=-30.0" in settings
    compile((folder / "karabo_run.py").read_text(), "karabo_run.py", "exec")


def test_oskar_refuses_what_it_cannot_say(small, tmp_path):
    with pytest.raises(ParameterError, match="zero everywhere"):
        write_oskar(small.observe(np.zeros((48, 48)) * u.K, seed=0), tmp_path / "o")


def write_vis(path, data, baselines, frequency, version=2):
    """OSKAR's binary format: scalar cross-correlations (T, channel, baseline) in blocks of two times."""

    def chunk(group, tag, index, values, kind, size):
        payload = values.tobytes() + b"\0\0\0\0"  # in place of the checksum, which is not looked at
        head = b"T" + bytes([0x40 + version]) + b"G" + bytes([size, 0x40, kind, group, tag])
        return head + np.int32(index).tobytes() + np.int64(len(payload)).tobytes() + payload

    times, channels, count = data.shape
    stations = int((1 + np.sqrt(1 + 8 * count)) / 2)
    out = b"OSKARBIN\0" + bytes([version]) + bytes(54)
    for tag, value in ((8, times), (10, channels), (11, stations), (12, 1)):
        out += chunk(11, tag, 0, np.array([value], "<i4"), 2, 4)
    for tag, value in ((23, frequency), (24, 0.0)):
        out += chunk(11, tag, 0, np.array([value], "<f8"), 8, 8)
    for index, first in enumerate(range(0, times, 2)):
        here = slice(first, first + 2)
        size = np.array([first, 0, len(data[here]), channels, count, stations], "<i4")
        out += chunk(12, 1, index, size, 2, 4)
        out += chunk(12, 3, index, data[here].astype("<c16"), 0x28, 16)
        for axis in range(3):
            out += chunk(12, 4 + axis, index, np.ascontiguousarray(baselines[here, :, axis], "<f8"), 8, 8)
    path.write_bytes(out)


def test_oskar_visibilities_are_read(tmp_path):
    rng = np.random.default_rng(2)
    data = rng.standard_normal((5, 1, 6)) + 1j * rng.standard_normal((5, 1, 6))
    baselines = rng.standard_normal((5, 6, 3))
    path = tmp_path / "oskar.vis"
    write_vis(path, data, baselines, 1.4e9)
    values, uvw, frequencies, pairs = read_visibilities(path)
    np.testing.assert_array_equal(values, data.reshape(30, 1))
    np.testing.assert_array_equal(uvw, -baselines.reshape(30, 3))
    assert frequencies.to_value(u.Hz).tolist() == [1.4e9]
    assert pairs[:6].tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    with pytest.raises(ParameterError, match="cut short"):
        read_visibilities(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ParameterError, match="not an OSKAR binary file"):
        read_visibilities(path)


@pytest.mark.real
def test_oskar_reference_through_the_reader(ska_data, tmp_path):
    theirs = np.load(ska_data / "oskar_mid_reference.npz")
    write_vis(tmp_path / "mid.vis", theirs["visibilities"], theirs["uvw_m"], float(theirs["frequency_hz"][0]))
    data, uvw, frequencies, _ = read_visibilities(tmp_path / "mid.vis")
    sky = np.zeros((int(theirs["npix"]),) * 2)
    for (l, m), jansky in zip(theirs["source_pixel"], theirs["source_jy"], strict=True):
        sky[m, l] += jansky
    ours = predict(sky, float(theirs["pixel_arcsec"]) * u.arcsec, uvw, frequencies[0])
    assert np.linalg.norm(ours - data[:, 0]) <= 1e-6 * np.linalg.norm(ours)
