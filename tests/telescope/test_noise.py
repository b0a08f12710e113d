"""Sensitivity: SEFDs against SKAO's table, noise per visibility and of the image, bands."""

import csv

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import ObservationError, ParameterError
from skazoo.telescope import Array, Observation, point_spread_function
from skazoo.telescope.noise import band_of, dish_sefd, receivers, station_sefd, system_temperature


@pytest.mark.real
def test_sefd_of_dishes_within_a_percent(ska_data):
    lines = (ska_data / "ska" / "ska_mid_sefd.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    mid = Array.load("ska-mid-aa4")
    for row in rows:
        frequency = float(row["freq_GHz"]) * u.GHz
        assert dish_sefd(frequency, "ska") == pytest.approx(float(row["SKA_SEFD_Jy"]), rel=0.01)
        if row["MKT_SEFD_Jy"]:
            assert dish_sefd(frequency, "meerkat") == pytest.approx(float(row["MKT_SEFD_Jy"]), rel=0.01)
        # SEFD of the whole array: the natural image's noise times sqrt(2 bandwidth time), losses taken off
        known = receivers(mid, frequency)
        lossless = np.sqrt(known.sefd[known.working])
        sums = (1 / lossless**2).sum() ** 2 - (1 / lossless**4).sum()
        assert 1 / np.sqrt(sums) == pytest.approx(float(row["SEFD_AA4_array_Jy"]), rel=0.01)
    assert len(rows) > 25


def test_sefd_at_1420_mhz():
    """289 Jy for an SKA dish and 427 Jy for a MeerKAT dish: the calculator's numbers at 45 degrees."""
    assert dish_sefd(1.42 * u.GHz, "ska") == pytest.approx(289.1, rel=0.01)
    assert dish_sefd(1.42 * u.GHz, "meerkat") == pytest.approx(426.7, rel=0.01)
    assert system_temperature(1.42 * u.GHz) == pytest.approx(16.34, rel=0.01)


def test_low_tables():
    # 2 k / (A/T), tabulated at 200 MHz with A/T = 1.223 m2/K
    assert station_sefd(200 * u.MHz) == pytest.approx(2257.8, rel=1e-3)
    # AAVS2 at 160 MHz: Stokes I 1422 Jy is 1 / sqrt(2) of the per-polarisation equivalent
    assert station_sefd(160 * u.MHz, "aavs2") / np.sqrt(2) == pytest.approx(1422, rel=2e-3)
    low = receivers(Array.load("ska-low-aa1"), 200 * u.MHz, "aavs2")
    assert "AAVS2" in low.table and low.band == "low"


def test_meerkat_dishes_join_in_their_bands():
    mid = Array.load("ska-mid-aa4")
    for ghz, working in ((0.4, 133), (0.7, 197), (1.4, 197), (1.7, 133), (2.5, 197), (5.0, 133), (12.0, 133)):
        assert receivers(mid, ghz * u.GHz).working.sum() == working


@pytest.mark.parametrize("redshift, band", [(0.01, "2"), (0.45, "2"), (0.6, "1"), (3.0, "1")])
def test_band_of_the_line(redshift, band):
    assert band_of(1420.405751768 * u.MHz / (1 + redshift)) == band


def test_natural_noise_is_the_radiometer_equation():
    """Identical dishes: SEFD / (eta sqrt(2 N (N - 1) bandwidth time)) in Stokes I."""
    array = Array.load("ska-mid-aa2")
    known = receivers(array, 1.4 * u.GHz)
    width, time = 50 * u.kHz, 8 * u.h
    expected = known.sefd[0] / known.efficiency[0] / np.sqrt(2 * 64 * 63 * (width * time).to_value(1))
    assert known.natural_rms(width, time) == pytest.approx(expected, rel=1e-9)
    assert known.efficiency[0] == pytest.approx(0.978, abs=0.002)


def test_sigma_of_a_visibility():
    array = Array([[0, 0, 0], [100, 0, 0]], 15, -30, 0)
    known = receivers(array, 1.4 * u.GHz, sefd=[300.0, 500.0] * u.Jy)
    sigma = known.visibility_sigma([0], [1], 1 * u.MHz, 100 * u.s)[0]
    each = np.sqrt(300 * 500) / np.sqrt(2 * 1e6 * 100)
    assert sigma == pytest.approx(each / np.sqrt(2), rel=1e-12)


@pytest.mark.parametrize(
    "array, frequency, says",
    [
        ("ska-mid-aa1", 0.2 * u.GHz, r"\[0.35, 15.4\] GHz"),
        ("ska-mid-aa1", 16 * u.GHz, r"\[0.35, 15.4\] GHz"),
        ("ska-low-aa1", 1.4 * u.GHz, r"\[50, 350\] MHz.*redshift 3.06"),
        ("ska-low-aa1", 40 * u.MHz, r"\[50, 350\] MHz"),
    ],
)
def test_out_of_band(array, frequency, says):
    with pytest.raises(ObservationError, match=says):
        receivers(Array.load(array), frequency)


def test_unknown_sensitivity():
    array = Array([[0, 0, 0], [100, 0, 0]], 15, -30, 0, name="mine")
    with pytest.raises(ParameterError, match=r"Observation\(sefd"):
        receivers(array, 1.4 * u.GHz)
    with pytest.raises(ParameterError, match="sefd must be"):
        receivers(array, 1.4 * u.GHz, sefd=[300.0, -1.0] * u.Jy)
    with pytest.raises(ParameterError, match="noise_table"):
        receivers(Array.load("ska-low-aa1"), 200 * u.MHz, "braun")


@pytest.mark.parametrize("weighting", ["natural", "uniform", "briggs"])
def test_measured_noise_is_the_predicted(small_array, weighting):
    """Over 100 seeds on the image, and from visibilities: the rms within 3 %."""
    seen = Observation(
        small_array,
        npix=48,
        pixel_scale=8 * u.arcsec,
        taper=25 * u.arcsec,
        weighting=weighting,
        hours_per_night=4,
        integration=600 * u.s,
    )
    empty = np.zeros((48, 48)) * u.K
    fast = np.array([seen.observe(empty, seed=i).dirty.data for i in range(100)])
    assert np.sqrt(np.mean(fast**2)) == pytest.approx(seen.noise_rms.value, rel=0.03)
    slow = np.array([seen.observe(empty, seed=i, method="visibilities").dirty.data for i in range(40)])
    assert np.sqrt(np.mean(slow**2)) == pytest.approx(seen.noise_rms.value, rel=0.03)


@pytest.mark.parametrize("weighting", ["natural", "briggs"])
def test_noise_power_spectrum_follows_the_visibilities(small_array, weighting):
    """Power in rings of spatial frequency, under a Hann window: within 2 % of the exact covariance's."""
    seen = Observation(
        small_array,
        npix=48,
        pixel_scale=8 * u.arcsec,
        taper=25 * u.arcsec,
        weighting=weighting,
        hours_per_night=4,
        integration=600 * u.s,
    )
    samples = seen.samples()
    # the covariance of the noise is the "PSF" of the weights w^2 sigma^2
    variance = np.square(samples.weights * samples.sigma)
    exact = point_spread_function(samples.uvw * [-1, 1, 1], seen.frequency, 48, seen.pixel_scale, variance)
    exact = np.fft.ifftshift(exact) * variance.sum()
    ours = np.fft.irfft2(seen.response.noise_power.astype(np.float64), s=exact.shape) * exact.size
    window = np.hanning(48)[:, None] * np.hanning(48)
    overlap = np.fft.ifft2(np.abs(np.fft.fft2(window, s=exact.shape)) ** 2).real
    power = [np.fft.fft2(covariance * overlap).real[::2, ::2] for covariance in (ours, exact)]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(48), np.fft.fftfreq(48)))
    for low in (0, 0.04, 0.08, 0.12):
        ring = (radius >= low) & (radius < low + 0.04)
        assert power[0][ring].mean() == pytest.approx(power[1][ring].mean(), rel=0.02)


def test_covariance_of_the_noise_is_that_of_the_visibilities(small):
    """C(d) = sum of w^2 sigma^2 cos(2 pi u d): from the Fourier cells, and term by term."""
    samples, response = small.samples(), small.response
    full = np.fft.irfft2(response.noise_power.astype(np.float64), s=response.psf.shape) * response.psf.size
    variance = np.square(samples.weights * samples.sigma)
    turns = samples.uvw * (small.frequency.to_value(u.Hz) / 299792458.0 * small.pixel_scale.to_value(u.rad))
    for row, column in ((0, 0), (1, 0), (0, 2), (3, -2), (6, 5)):
        exact = np.sum(variance * np.cos(2 * np.pi * (-turns[:, 0] * column + turns[:, 1] * row)))
        assert full[row, column] == pytest.approx(exact, abs=0.02 * full[0, 0])
    assert full[0, 0] == pytest.approx(response.noise_rms**2, rel=1e-5)
