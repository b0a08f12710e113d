"""The line cube against the maps it must agree with, and against a line by hand."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from skazoo.errors import MissingField, ParameterError
from skazoo.maps import Cube, Map, render, render_cube
from skazoo.maps.cube import HI_FREQUENCY
from skazoo.physics.cosmology import TNG
from skazoo.simulations import Header, ParticleSet, Species

from .test_rendering import disc

WIDE = np.arange(-400.0, 401.0, 5.0) * u.km / u.s


def single(velocity=37.0, redshift=0.0, **changes):
    """One cold cell of 1e6 Msun moving along the line of sight."""
    gas = {
        "position": np.zeros((1, 3)) * u.kpc,
        "velocity": np.array([[0.0, 0.0, -velocity]]) * u.km / u.s,
        "mass": np.full(1, 1e6) * u.Msun,
        "density": np.full(1, 1e6) * u.Msun / u.kpc**3,
        "internal_energy": np.full(1, 90.0) * (u.km / u.s) ** 2,
        "electron_abundance": np.zeros(1),
        "neutral_hydrogen_abundance": np.ones(1),
    }
    return ParticleSet(Header("one", 1, redshift, TNG), gas=Species("gas", gas | changes))


def test_sum_over_channels_is_the_map():
    cube = render_cube(disc(), 32, 60 * u.kpc, WIDE, "edge-on")
    hi = render(disc(), ("hi",), 32, 60 * u.kpc, "edge-on")["hi"]
    # weights are float32: of a pixel that only the rim of one kernel touches, 1e-7 of that particle is noise
    np.testing.assert_allclose(cube.moment(0).data, hi.data, rtol=1e-4, atol=1e-7 * hi.data.max())
    assert cube.metadata["outside_channels"] == pytest.approx(0.0, abs=1e-4 * cube.metadata["inside"])
    assert cube.spectrum().sum().to_value(u.Msun) == pytest.approx(hi.metadata["inside"], rel=1e-5)


def test_mean_velocities_are_recovered():
    cube = render_cube(disc(), 32, 60 * u.kpc, WIDE, "edge-on")
    velocity = render(disc(), ("velocity",), 32, 60 * u.kpc, "edge-on")["velocity"]
    mass = cube.moment(0).data
    seen = mass > 1e-6 * mass.max()  # below lie rims of single kernels, whose float32 weights are noise
    np.testing.assert_allclose(cube.moment(1).data[seen], velocity.data[seen], atol=0.05)


def test_one_cell_is_a_gaussian_of_the_thermal_and_turbulent_width():
    cube = render_cube(single(), 16, 30 * u.kpc, WIDE, turbulence=7 * u.km / u.s)
    # 2/3 * 90 (km/s)^2 * mu with mu m_p = 4 / (1 + 3 X) m_p: k T / m_H
    thermal = 2 / 3 * 90.0 * 4 / (1 + 3 * 0.76) / 1.000545 * 1.00  # m_p / m_H
    middle = cube.moment(1).data[8, 8], cube.moment(2).data[8, 8]
    assert middle[0] == pytest.approx(37.0, abs=0.01)
    # channels of 5 km/s add 25 / 12
    assert middle[1] == pytest.approx(np.sqrt(thermal + 49.0 + 25 / 12), rel=2e-3)


@pytest.mark.parametrize("redshift", [0.0, 0.3])
def test_frequency_channels_see_the_same_line(redshift):
    centre = HI_FREQUENCY / (1 + redshift)
    edges = centre / (1 + WIDE.value / 299792.458)
    particles = single(redshift=redshift)
    velocity = render_cube(particles, 16, 30 * u.kpc, WIDE)
    frequency = render_cube(particles, 16, 30 * u.kpc, edges)
    np.testing.assert_allclose(frequency.data, velocity.data, rtol=1e-5, atol=1e-3)
    # the receding cell lies below the line's own frequency
    peak = np.argmax(frequency.spectrum().value)
    assert frequency.channels[peak] < centre


@pytest.mark.parametrize("redshift", [0.0, 0.3])
def test_brightness_holds_the_same_column(redshift):
    hi = render_cube(single(redshift=redshift), 16, 30 * u.kpc, WIDE)
    bright = render_cube(single(redshift=redshift), 16, 30 * u.kpc, WIDE, field="brightness_temperature")
    assert bright.unit == u.mK
    integral = bright.moment(0).data[8, 8] * 1e-3 * (1 + redshift)  # K km/s where it is emitted
    column = hi.moment(0).data[8, 8] * 1e-6 * 1.2479e20
    assert integral * 1.8224e18 == pytest.approx(column, rel=2e-3)


def test_default_channels_hold_the_line():
    cube = render_cube(disc(), 32, 60 * u.kpc, rotation="edge-on")
    assert cube.metadata["outside_channels"] < 3e-3 * cube.metadata["inside"]
    assert cube.velocity[0] < -150 * u.km / u.s and cube.velocity[-1] > 150 * u.km / u.s


def test_narrow_band_counts_what_it_misses():
    narrow = np.array([0.0, 50.0]) * u.km / u.s
    cube = render_cube(disc(), 32, 60 * u.kpc, narrow, "edge-on")
    facts, whole = cube.metadata, render(disc(), ("hi",), 32, 60 * u.kpc, "edge-on")["hi"].metadata["inside"]
    assert 0 < facts["inside"] < 0.5 * whole
    assert facts["inside"] + facts["outside_channels"] == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("kind", ["velocity", "frequency", "falling"])
def test_fits_round_trip(tmp_path, kind):
    channels = {
        "velocity": WIDE,
        "frequency": np.linspace(1419.0, 1421.5, 26) * u.MHz,
        "falling": np.linspace(200.0, -200.0, 21) * u.km / u.s,
    }[kind]
    before = render_cube(disc(), 16, 60 * u.kpc, channels, "edge-on")
    path = before.to_fits(tmp_path / "cube.fits")
    after = Cube.from_fits(path)
    np.testing.assert_array_equal(after.data, before.data)
    np.testing.assert_allclose(after.channels.value, before.channels.value, rtol=1e-9, atol=1e-7)
    assert (after.unit, after.field, after.metadata) == (before.unit, before.field, before.metadata)
    header = fits.getheader(path)
    assert header["CTYPE3"] == ("FREQ" if kind == "frequency" else "VELO")
    world = WCS(header, key="K").wcs_pix2world([[7.5, 7.5, 0.0]], 0)[0, 2]
    middle = 0.5 * (channels[0] + channels[1])
    assert world == pytest.approx(middle.to_value("Hz" if kind == "frequency" else "m/s"), rel=1e-9)


def test_uneven_channels_have_no_fits_and_maps_are_no_cubes(tmp_path):
    cube = render_cube(single(), 8, 30 * u.kpc, [-50.0, 0.0, 10.0, 100.0] * u.km / u.s)
    with pytest.raises(ParameterError, match="one width"):
        cube.to_fits(tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())
    path = cube.moment(0).to_fits(tmp_path / "map.fits")
    assert Map.from_fits(path).field == "hi"
    with pytest.raises(ParameterError, match="not a cube"):
        Cube.from_fits(path)


def test_pictures(tmp_path):
    cube = render_cube(disc(), 16, 60 * u.kpc, WIDE, "edge-on")
    for one in (cube, cube.channel(80), cube.moment(2)):
        assert one.plot().get_title()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channels": np.arange(5)}, "channels"),
        ({"channels": [1.0] * u.km / u.s}, "channels"),
        ({"channels": [0.0, 2.0, 1.0] * u.km / u.s}, "rise"),
        ({"channels": [0.0, np.nan] * u.km / u.s}, "finite"),
        ({"channels": [-1.0, 1400.0] * u.MHz}, "positive"),
        ({"channels": [1.0, 2.0] * u.kpc}, "channels"),
        ({"turbulence": -1 * u.km / u.s}, "turbulence"),
        ({"turbulence": 1 * u.K}, "turbulence"),
        ({"field": "gas"}, "field"),
        ({"npix": 0}, "npix"),
        ({"wrap": True}, "box_size"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ParameterError, match=words):
        render_cube(single(), **({"npix": 8} | arguments))


def test_no_gas_and_nothing_in_the_frame():
    with pytest.raises(MissingField, match="no gas"):
        render_cube(ParticleSet(Header("none", 1, 0.0, TNG)), 8)
    far = single(position=np.array([[900.0, 0, 0]]) * u.kpc)
    with pytest.warns(UserWarning, match="no HI falls inside"):
        cube = render_cube(far, 8, 30 * u.kpc)
    assert not cube.data.any() and cube.data.shape[0] == 2
    with pytest.raises(ParameterError, match="order"):
        cube.moment(3)
