"""Weights against their definitions, and beams against a known Gaussian and SKAO's own table."""

import csv

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ObservationError, ParameterError
from skazoo.telescope import Array, Beam, Observation, fit_beam
from skazoo.telescope.weighting import density, taper_weights, weigh


@pytest.fixture(scope="module")
def plane():
    rng = np.random.default_rng(8)
    return 300 * rng.standard_normal((500, 2)), rng.random(500) + 0.5


def test_density_counts_a_visibility_and_its_conjugate_once(plane):
    where, natural = plane
    sums, squares = density(where, natural, 1 / 100 * u.rad)
    flipped = where * np.where(np.arange(500) % 2, 1, -1)[:, None]
    again, squares_again = density(flipped, natural, 1 / 100 * u.rad)
    np.testing.assert_allclose(sums, again)
    assert squares == pytest.approx(squares_again)
    # by brute force: everything in the same cell of 100 wavelengths, of either sign
    cells = np.rint(where / 100)
    same = np.all(cells[:, None] == cells[None], axis=-1) | np.all(cells[:, None] == -cells[None], axis=-1)
    np.testing.assert_allclose(sums, same @ natural)


def test_uniform_gives_each_cell_the_same(plane):
    where, natural = plane
    weights = weigh(where, natural, "uniform", 0, 1 / 100 * u.rad)
    sums, _ = density(where, weights, 1 / 100 * u.rad)
    np.testing.assert_allclose(sums, 1)


def test_briggs_runs_from_uniform_to_natural(plane):
    where, natural = plane
    field = 1 / 100 * u.rad
    uniform = weigh(where, natural, "uniform", 0, field)
    robust = {r: weigh(where, natural, "briggs", r, field) for r in (-2, 0, 2)}
    assert np.corrcoef(robust[-2], uniform)[0, 1] > 0.999
    np.testing.assert_allclose(robust[2], natural, rtol=0.01)
    sums, squares = density(where, natural, field)
    np.testing.assert_allclose(robust[0], natural / (1 + sums * 25 / (squares / natural.sum())))
    np.testing.assert_array_equal(weigh(where, natural, "natural", 0, field), natural)


def test_taper_is_the_transform_of_a_gaussian():
    fwhm = 20 * u.arcsec
    where = np.array([[0.0, 0.0], [3000.0, -4000.0]])
    angle = fwhm.to_value(u.rad) / (2 * np.sqrt(2 * np.log(2)))
    expected = np.exp(-2 * (np.pi * angle * 5000) ** 2)
    np.testing.assert_allclose(taper_weights(where, fwhm), [1, expected], rtol=1e-12)
    np.testing.assert_array_equal(taper_weights(where, None), [1, 1])


@pytest.mark.parametrize("angle", [-70, -20, 0, 35, 89])
def test_a_gaussian_beam_is_recovered(angle):
    beam = Beam(14 * u.arcsec, 9 * u.arcsec, angle * u.deg)
    found = fit_beam(beam.kernel(64, 1 * u.arcsec), 1 * u.arcsec)
    assert found.values == pytest.approx((14, 9, angle), rel=1e-6)


def test_position_angle_is_north_through_east():
    """A beam long from south-west to north-east: up and, east being left, to the left."""
    kernel = Beam(14 * u.arcsec, 7 * u.arcsec, 45 * u.deg).kernel(33, 1 * u.arcsec)
    assert kernel[16 + 4, 16 - 4] > 3 * kernel[16 + 4, 16 + 4]


def test_solid_angle():
    beam = Beam(10 * u.arcsec, 8 * u.arcsec, 30 * u.deg)
    assert beam.kernel(129, 1 * u.arcsec).sum() == pytest.approx(beam.solid_angle.to_value(u.arcsec**2), rel=1e-6)


def test_a_narrow_beam_is_refused():
    for fwhm in (0.5, 1.5, 2.5):
        kernel = Beam(fwhm * u.arcsec, fwhm * u.arcsec, 0 * u.deg).kernel(32, 1 * u.arcsec)
        with pytest.raises(ObservationError, match=r"at least 3: set taper=3.3 arcsec or more, or pixel_scale="):
            fit_beam(kernel, 1 * u.arcsec)


def test_bad_robust(plane):
    with pytest.raises(ParameterError, match=r"robust must be in \[-2, 2\]"):
        weigh(*plane, "briggs", 3, 1 * u.deg)
    with pytest.raises(ParameterError, match="weighting"):
        weigh(*plane, "robust", 0, 1 * u.deg)


@pytest.mark.real
@pytest.mark.parametrize("taper, pixel, npix", [(0.0, 0.1, 96), (4.0, 1.0, 96), (16.0, 4.0, 64)])
def test_beams_and_noise_factors_of_skao(ska_data, taper, pixel, npix):
    """Robust 0 with AA4 at declination -30: axes and noise relative to natural within 10 %."""
    with open(ska_data / "ska" / "senscalc_beam_weighting_mid.csv") as lines:
        rows = [
            row
            for row in csv.DictReader(lines)
            if (row["subarray"], row["weighting"], row["spec_mode"]) == ("MID_AA4_all.json", "robust", "line")
            and (float(row["robustness"]), float(row["taper_arcsec"]), float(row["declination"])) == (0, taper, -30)
        ]
    assert len(rows) == 1
    seen = Observation(
        Array.load("ska-mid-aa4"),
        frequency=1.4 * u.GHz,
        npix=npix,
        pixel_scale=pixel * u.arcsec,
        robust=0.0,
        taper=taper * u.arcsec if taper else None,
        hours_per_night=4,
        integration=300 * u.s,
        weighting_fov=240 * u.arcsec,
    )
    major, minor, _ = seen.beam.values
    assert major == pytest.approx(3600 * float(rows[0]["cleanbeam_bmaj"]), rel=0.1)
    assert minor == pytest.approx(3600 * float(rows[0]["cleanbeam_bmin"]), rel=0.1)
    factor = seen.response.noise_rms / seen.receivers.natural_rms(1 * u.Hz, 1 * u.h)
    assert factor == pytest.approx(float(rows[0]["reltonat_casa"]), rel=0.1)
