"""Lines channel by channel, and continuum over a band."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from skazoo.errors import ObservationError, ParameterError
from skazoo.maps.map import Map
from skazoo.telescope import CubeObservation, Observation, image

BAND = dict(channel_width=300 * u.MHz, frequency=1.35 * u.GHz, subbands=4)


def make(small_array, **arguments):
    options = dict(npix=48, pixel_scale=8 * u.arcsec, taper=25 * u.arcsec, hours_per_night=2, integration=600 * u.s)
    return Observation(small_array, **{**options, **arguments})


@pytest.fixture(scope="module")
def cube(blobs):
    return np.stack([blobs.value * factor for factor in (0.2, 1.0, 0.5)]) * u.K


# -- cubes ------------------------------------------------------------------------------------------------


def test_each_channel_is_an_observation_of_its_own(small, cube):
    line = CubeObservation(small, channels=3, psf="each")
    assert not line.shared and len(line) == 3
    np.testing.assert_allclose(np.diff(line.frequencies.to_value(u.kHz)), 50, rtol=1e-6)
    seen = line.observe(cube, seed=3, id="galaxy 7")
    assert seen.data.shape == (3, 48, 48) and seen.data.dtype == np.float32 and seen.unit == u.Jy / u.beam
    alone = Observation.from_config({**small.config, "frequency": line.frequencies[2].to_value(u.MHz)})
    np.testing.assert_array_equal(seen.data[2], alone.observe(cube[2], seed=3, ids="galaxy 7/channel 2").dirty.data)
    assert seen.channels[0].dirty.metadata["frequency_hz"] == pytest.approx(line.frequencies[0].to_value(u.Hz))


def test_noise_is_independent_between_channels(small, cube):
    seen = CubeObservation(small, channels=3).observe(cube * 0, seed=1)
    assert np.std(seen.data, axis=(1, 2)) == pytest.approx(seen.noise_rms.value, rel=0.15)
    assert np.abs(np.corrcoef(seen.data.reshape(3, -1))[np.triu_indices(3, 1)]).max() < 0.2
    again = CubeObservation(small, channels=3).observe(cube * 0, seed=1)
    np.testing.assert_array_equal(again.data, seen.data)


def test_one_psf_is_shared_where_frequencies_are_close(small, cube):
    near = CubeObservation(small, channels=3)
    assert near.shared and near.shift < 0.01
    assert near.observations[0].response is small.response
    each = CubeObservation(small, channels=3, psf="each").observe(cube, seed=None).data
    difference = near.observe(cube, seed=None).data - each
    assert np.linalg.norm(difference) < 1e-3 * np.linalg.norm(each)
    far = CubeObservation(small, frequencies=[1100, 1406, 1600] * u.MHz)
    assert not far.shared and far.observations[0].beam.major > 1.1 * far.observations[2].beam.major


def test_velocities_and_maps(small, cube):
    line = CubeObservation(small, frequencies=[2980, 2998, 3016] * u.km / u.s)
    maps = [Map(sky.value, u.K, "brightness_temperature", small.pixel_kpc * u.kpc, {}) for sky in cube]
    seen = line.observe(maps, seed=None)
    np.testing.assert_allclose(seen.velocities.to_value(u.km / u.s), [2980, 2998, 3016], rtol=1e-9)
    np.testing.assert_array_equal(seen.data, line.observe(cube, seed=None).data)


def test_a_rendered_cube(small, cube):
    """Velocities in the galaxy's frame become frequencies about the line at the observation's redshift."""
    rendered = Map(cube.value, u.K, "brightness_temperature", small.pixel_kpc * u.kpc, {"id": "TNG 12"})
    rendered.centres = [-20, 0, 20] * u.km / u.s
    line = CubeObservation.of(small, rendered)
    assert line.frequencies[1].to_value(u.MHz) == pytest.approx(small.frequency.to_value(u.MHz), rel=1e-12)
    assert (line.frequencies[0] / line.frequencies[1]).value == pytest.approx(1 + 20 / 299792.458, rel=1e-7)
    assert line.observation.channel_width.to_value(u.kHz) == pytest.approx(1406342.328 * 20 / 299792.458, rel=1e-5)
    seen = line.observe(rendered, seed=None)
    np.testing.assert_array_equal(seen.data, line.observe(cube, seed=None).data)


def test_fits_cube(small, cube, tmp_path):
    seen = CubeObservation(small, channels=3).observe(cube, seed=1)
    path = seen.to_fits(tmp_path / "cube.fits")
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(hdus[0].data, seen.data)
        assert hdus[0].header["BUNIT"] == "Jy beam-1" and hdus[0].header["BMAJ"] == pytest.approx(
            small.beam.major.to_value(u.deg)
        )
        wcs = WCS(hdus[0].header)
        ra, dec, frequency = wcs.pixel_to_world_values(24, 24, 1)
        # the phase centre
        assert (ra + 180) % 360 - 180 == pytest.approx(0, abs=1e-6) and dec == pytest.approx(-30, abs=1e-6)
        assert frequency == pytest.approx(seen.frequencies[1].to_value(u.Hz))
        assert len(hdus["BEAMS"].data) == 3
    with pytest.raises(ParameterError, match="evenly spaced"):
        CubeObservation(small, frequencies=[1400, 1401, 1403] * u.MHz, psf="one").observe(cube).to_fits(path)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (dict(), "either channels .* or frequencies"),
        (dict(channels=2, frequencies=[1400] * u.MHz), "either channels"),
        (dict(channels=0), "channels must be a whole number"),
        (dict(channels=2, psf="some"), "psf"),
        (dict(frequencies=[1400, 1401]), "frequencies must be a row"),
        (dict(frequencies=[1400, -1] * u.MHz), "frequencies must be positive"),
        (dict(frequencies=[1400] * u.K), "frequencies must be positive and in Hz"),
    ],
)
def test_refused_cubes(small, arguments, says):
    with pytest.raises(ParameterError, match=says):
        CubeObservation(small, **arguments)


def test_refused_skies(small, cube):
    with pytest.raises(ParameterError, match=r"cube must have shape \(2, 48, 48\), but has \(3, 48, 48\)"):
        CubeObservation(small, channels=2).observe(cube)
    with pytest.raises(ObservationError, match="out of band"):
        _ = CubeObservation(small, frequencies=[1400, 20000] * u.MHz, psf="one").observations


# -- continuum --------------------------------------------------------------------------------------------


def test_fast_path_equals_visibilities_over_a_band(small_array, blobs):
    wide = make(small_array, spectral_index=-0.7, **BAND)
    fast = wide.observe(blobs, seed=None).dirty.data
    slow = wide.observe(blobs, seed=None, method="visibilities").dirty.data
    assert np.linalg.norm(fast - slow) <= 1e-5 * np.linalg.norm(slow)


def test_a_band_is_the_sum_of_its_parts(small_array, blobs):
    """Natural weights: the image is that of the parts, each at its frequency, weighted by 1 / sigma^2."""
    wide = make(small_array, weighting="natural", spectral_index=-0.7, **BAND)
    sky = wide.observe(blobs, seed=None).sky
    total, weight = np.zeros((48, 48)), 0.0
    for part in wide.subbands:
        one = make(small_array, weighting="natural", frequency=part.frequency)
        ratio = (part.frequency / wide.frequency).value
        samples = one.samples()
        # the taper counts wavelengths, so the sum of weights of a part is that of its own visibilities
        turns = np.hypot(*samples.uvw[:, :2].T) * part.frequency.to_value(u.Hz) / 299792458.0
        taper = np.exp(-((np.pi * (25 * u.arcsec).to_value(u.rad) * turns) ** 2) / (4 * np.log(2)))
        here = np.sum(taper / samples.sigma**2)
        total += here * one.observe(sky * ratio**-0.7 * u.Jy / u.pix, seed=None).dirty.data
        weight += here
    dirty = wide.observe(blobs, seed=None).dirty.data
    assert np.linalg.norm(total / weight - dirty) < 1e-5 * np.linalg.norm(dirty)


def test_a_map_of_the_index(small_array, blobs):
    wide = make(small_array, spectral_index=-0.7, **BAND)
    flat = wide.observe(blobs, seed=2).dirty.data
    same = wide.observe(blobs, seed=2, spectral_index=np.full((48, 48), -0.7)).dirty.data
    np.testing.assert_allclose(same, flat, atol=1e-5 * np.abs(flat).max())
    index = np.where(np.arange(48)[:, None] < 24, -0.7, 2.0) * np.ones((48, 48))
    seen = wide.observe(blobs, seed=2, spectral_index=index, method="visibilities")
    assert np.abs(seen.dirty.data - flat).max() > 1e-3 * np.abs(flat).max()
    vis = seen.visibilities()
    again = image(vis.data, vis.uvw * [-1, 1, 1], vis.frequency, 48, wide.pixel_scale, vis.weights, w_term=False)
    np.testing.assert_allclose(again, seen.dirty.data, atol=1e-6 * np.abs(again).max())
    for bad, says in ((np.zeros((3, 3)), "must be a map"), (np.full((48, 48), np.nan), "must be a map")):
        with pytest.raises(ParameterError, match=says):
            wide.observe(blobs, spectral_index=bad)
    with pytest.raises(ParameterError, match=r"set Observation\(subbands"):
        make(small_array).observe(blobs, spectral_index=index)


def test_noise_over_a_band(small_array):
    """Four parts see with the noise of the whole band, give or take their sensitivities; it is what is drawn."""
    wide, narrow = (make(small_array, **{**BAND, "subbands": n}, weighting="natural") for n in (4, 1))
    assert wide.noise_rms.value == pytest.approx(narrow.noise_rms.value, rel=0.02)
    draws = [wide.observe(np.zeros((48, 48)) * u.K, seed=s, method="visibilities").dirty.data for s in range(20)]
    assert np.sqrt(np.mean(np.square(draws))) == pytest.approx(wide.noise_rms.value, rel=0.06)


def test_a_source_of_1_jy_has_its_mean_over_the_band(small_array):
    sky = np.zeros((48, 48))
    sky[24, 24] = 1
    flat = make(small_array, **BAND).observe(sky * u.Jy / u.pix, seed=None).dirty.data
    assert flat[24, 24] == pytest.approx(1, abs=1e-3)
    steep = make(small_array, spectral_index=-3.0, **BAND)
    samples = steep.samples()
    expected = np.sum(samples.weights * samples.flux(-3.0))
    assert steep.observe(sky * u.Jy / u.pix, seed=None).dirty.data[24, 24] == pytest.approx(expected, rel=1e-5)
    assert expected > 1.01


@pytest.mark.parametrize(
    "arguments, error, says",
    [
        (dict(subbands=0), ParameterError, r"subbands must be a whole number in \[1, 1024\]"),
        (dict(subbands=2.5), ParameterError, "subbands must be a whole number"),
        (dict(spectral_index=100), ParameterError, r"spectral_index must be a number in \[-10, 10\]"),
        (dict(frequency=0.4 * u.GHz, channel_width=0.3 * u.GHz, subbands=3), ObservationError, "out of band"),
    ],
)
def test_refused_bands(small_array, arguments, error, says):
    with pytest.raises(error, match=says):
        make(small_array, **arguments)


def test_a_band_makes_its_config(small_array):
    wide = make(small_array, spectral_index=-0.7, **BAND)
    assert Observation.from_config(wide.config).config == wide.config
    assert wide.metadata["subbands"] == 4 and wide.metadata["spectral_index"] == -0.7
    with pytest.raises(ParameterError, match="subbands"):
        wide.with_channel_width(1 * u.MHz)
    with pytest.raises(ParameterError, match="subbands=1"):
        CubeObservation(wide, channels=2)
