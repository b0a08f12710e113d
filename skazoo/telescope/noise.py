"""Thermal noise: system equivalent flux densities of dishes and stations, and the noise they leave.

Mid: the formulae of SKAO's sensitivity calculator (ska-ost-senscalc, 2024), at 45 degrees elevation and 10 mm
of precipitable water. Low: SKA-TEL-SKO-0000818 revision 2, or the AAVS2 station simulation. SEFDs are per
polarisation, in Jy; images and visibilities are Stokes I = (XX + YY) / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import astropy.units as u
import numpy as np
from astropy.constants import c, h, k_B

from ..errors import ObservationError, ParameterError, check_choice
from .array import Array
from .tables import folder, read_table

__all__ = [
    "BANDS",
    "LOW_TABLES",
    "Receivers",
    "band_of",
    "dish_sefd",
    "receivers",
    "station_sefd",
    "system_temperature",
]

# GHz; where bands overlap the one named later has the better receiver, and is used
BANDS = {
    "1": (0.35, 1.05),
    "2": (0.95, 1.76),
    "3": (1.65, 3.05),
    "4": (2.8, 5.18),
    "5a": (4.6, 8.5),
    "5b": (8.3, 15.4),
}
PREFERRED = (("1", 0.95), ("2", 1.76), ("3", 3.05), ("4", 4.6), ("5a", 8.5), ("5b", 15.4))  # up to, GHz
MEERKAT_BANDS = ((0.58, 1.015), (0.95, 1.67), (1.75, 3.05))
LOW_BAND = (0.05, 0.35)
LOW_TABLES = ("0000818v2", "aavs2")
DIGITISATION = {"1": 0.999, "2": 0.999, "3": 0.998, "4": 0.98, "5a": 0.955, "5b": 0.955}
CORRELATION = 0.98
POINTING_ERROR = np.radians(10 / 3600)
GALAXY_408, GALAXY_INDEX = 17.1, 2.75  # K: the median of the sky at 408 MHz, and its spectral index
CMB = 2.73  # K, as in the calculator
AIR, ELEVATION = 275.0, np.radians(45)  # K; the calculator's own elevation for its tables


@dataclass(frozen=True)
class Dish:
    """Optics and noise of one kind of dish: metres, kelvin."""

    diameter: float
    illumination: float
    primary_error: float
    secondary_error: float
    spillover: float


SKA = Dish(15.0, 0.92, 280e-6, 154e-6, 3.0)
MEERKAT = Dish(13.97, 0.80, 480e-6, 265e-6, 4.0)  # 13.97 m is the calculator's effective diameter
DISHES = {"ska": SKA, "meerkat": MEERKAT}


@dataclass(frozen=True)
class Receivers:
    """What each antenna of an array contributes at one frequency.

    Attributes:
        sefd: (N,) Jy per polarisation; infinite for antennas without a receiver at this frequency.
        efficiency: (N,) system efficiency, the losses after the receiver.
        band: "1" ... "5b", "low" or "".
        table: name and version of the source of the SEFDs.
    """

    sefd: np.ndarray
    efficiency: np.ndarray
    band: str
    table: str

    @property
    def working(self) -> np.ndarray:
        """(N,) booleans."""
        return np.isfinite(self.sefd)

    def visibility_sigma(self, p, q, channel_width: u.Quantity, integration: u.Quantity) -> np.ndarray:
        """Noise of the real (and of the imaginary) part of a Stokes I visibility: Jy, shape of p.

        sqrt(SEFD_p SEFD_q) / (eta sqrt(2 bandwidth time)) for each of XX and YY, and 1/sqrt(2) of that for
        their mean (OSKAR, "Theory of operation", noise; Thompson, Moran & Swenson, eq. 6.50).
        """
        strength = np.sqrt(self.sefd / self.efficiency)
        samples = (channel_width * integration).to_value(u.dimensionless_unscaled)
        return strength[p] * strength[q] / (2 * np.sqrt(samples))

    def natural_rms(self, channel_width: u.Quantity, time: u.Quantity) -> float:
        """Noise of a naturally weighted Stokes I image of every baseline: Jy/beam."""
        p, q = np.triu_indices(len(self.sefd), k=1)
        sigma = self.visibility_sigma(p, q, channel_width, time)
        return float(1 / np.sqrt(np.sum(1 / sigma**2)))


def receivers(array: Array, frequency: u.Quantity, table: str = "0000818v2", sefd=None) -> Receivers:
    """SEFD and efficiency of every antenna of `array`.

    Args:
        array: `telescope` says which formulae hold; 15 m dishes of ska-mid are SKA's, smaller ones MeerKAT's.
        frequency: of observation.
        table: for ska-low, "0000818v2" or "aavs2".
        sefd: `Quantity` or Jy, one or N of them, per polarisation: the user's own, for any array.

    Raises:
        ObservationError: no receiver at this frequency; the message gives the range.
        ParameterError: an array of unknown telescope without `sefd`.
    """
    ghz = frequency.to_value(u.GHz)
    count = len(array)
    if sefd is not None:
        values = np.asarray(sefd.to_value(u.Jy) if isinstance(sefd, u.Quantity) else sefd, np.float64)
        if values.shape not in ((), (count,)) or not (np.isfinite(values).all() and (values > 0).all()):
            raise ParameterError(f"sefd must be one positive number of Jy or {count} of them, but is {sefd}.")
        return Receivers(np.broadcast_to(values, count).copy(), np.ones(count), "", "given by the user")
    if array.telescope == "ska-low":
        values = np.full(count, station_sefd(frequency, table))
        return Receivers(values, np.ones(count), "low", LOW_SOURCES[table])
    if array.telescope != "ska-mid":
        raise ParameterError(
            f"no sensitivity is known for array {array.name!r}; give Observation(sefd=...), "
            "or write '# telescope: ska-mid' (or ska-low) into its CSV file."
        )
    band = band_of(frequency)
    values, efficiency = np.full(count, np.inf), np.ones(count)
    for kind, here in (("ska", array.diameters >= 14.0), ("meerkat", array.diameters < 14.0)):
        if not here.any() or (kind == "meerkat" and not _within(ghz, MEERKAT_BANDS)):
            continue
        values[here] = dish_sefd(frequency, kind)
        efficiency[here] = system_efficiency(frequency, kind)
    if np.isfinite(values).sum() < 2:
        raise ObservationError(f"fewer than two dishes of {array.title} have a receiver at {ghz:g} GHz.")
    return Receivers(values, efficiency, band, "ska-ost-senscalc 2024, elevation 45 deg, PWV 10 mm")


def band_of(frequency: u.Quantity) -> str:
    """The SKA-Mid band, "1" to "5b", that observes this frequency best.

    Raises:
        ObservationError: outside 0.35-15.4 GHz.
    """
    ghz = frequency.to_value(u.GHz)
    if not BANDS["1"][0] <= ghz <= BANDS["5b"][1]:
        raise ObservationError(
            f"frequency {ghz:.6g} GHz is out of band for SKA-Mid: it must be in "
            f"[{BANDS['1'][0]}, {BANDS['5b'][1]}] GHz{_redshifts(BANDS['1'][0], None)}."
        )
    for band, upto in PREFERRED:
        if ghz < upto or upto == BANDS["5b"][1]:
            return band
    raise AssertionError("unreachable: the bands cover the range that was checked")


def system_temperature(frequency: u.Quantity, kind: str = "ska") -> float:
    """Receiver, spill-over, Galaxy, CMB and atmosphere of a dish, as the calculator adds them up: K."""
    check_choice("dish", kind, DISHES)
    ghz = frequency.to_value(u.GHz)
    background = GALAXY_408 * (0.408 / ghz) ** GALAXY_INDEX + CMB
    transmission = (1 - _zenith_emission(ghz) / AIR) ** (1 / np.sin(ELEVATION))
    sky = AIR * (1 - transmission) + background * transmission
    total = _receiver_temperature(ghz, kind) + DISHES[kind].spillover + sky
    quantum = (h * ghz * u.GHz / k_B).to_value(u.K)
    return float(quantum / np.expm1(quantum / total))


def dish_efficiency(frequency: u.Quantity, kind: str = "ska") -> float:
    """Aperture efficiency: illumination, surface errors (Ruze) and diffraction."""
    dish, wavelength = DISHES[kind], (c / frequency).to_value(u.m)
    error = 2 * np.sqrt(0.89 * dish.primary_error**2 + 0.98 * dish.secondary_error**2)
    illumination = dish.illumination - abs(0.04 * np.log10(frequency.to_value(u.GHz)))
    return float(
        illumination * np.exp(-((2 * np.pi * error / wavelength) ** 2)) * (1 - 20 * (wavelength / dish.diameter) ** 1.5)
    )


def dish_sefd(frequency: u.Quantity, kind: str = "ska") -> float:
    """2 k Tsys / (efficiency area) of one dish, per polarisation: Jy."""
    area = np.pi * DISHES[kind].diameter ** 2 / 4 * u.m**2 * dish_efficiency(frequency, kind)
    return (2 * k_B * system_temperature(frequency, kind) * u.K / area).to_value(u.Jy)


def system_efficiency(frequency: u.Quantity, kind: str = "ska") -> float:
    """Pointing, coherence, digitisation and correlation losses of a dish; baselines take the geometric mean."""
    ghz, wavelength = frequency.to_value(u.GHz), (c / frequency).to_value(u.m)
    beam = np.radians(66 * wavelength / DISHES[kind].diameter)
    pointing = 1 / (1 + 8 * np.log(2) * (POINTING_ERROR / beam) ** 2)
    coherence = np.exp(np.log(0.98) * ghz**2 / 15.4**2)
    return float(pointing * coherence * DIGITISATION[band_of(frequency)] * CORRELATION)


LOW_SOURCES = {
    "0000818v2": "SKA-TEL-SKO-0000818 revision 2 (tools21cm 2.4.3)",
    "aavs2": "AAVS2, Sokolowski et al. 2022 (tools21cm 2.4.3)",
}


def station_sefd(frequency: u.Quantity, table: str = "0000818v2") -> float:
    """2 k / (A/T) of one SKA-Low station, per polarisation: Jy.

    "aavs2" has two polarisations; their root mean square gives the same Stokes I noise.
    A/T is interpolated linearly in frequency.

    Raises:
        ObservationError: outside the table; the message gives its range.
    """
    check_choice("noise_table", table, LOW_TABLES)
    rows = _table(f"sefd_low_{table}.csv")
    mhz = frequency.to_value(u.MHz)
    grid = rows.numbers("frequency_mhz")
    low, high = max(grid[0], LOW_BAND[0] * 1e3), min(grid[-1], LOW_BAND[1] * 1e3)
    if not low <= mhz <= high:
        raise ObservationError(
            f"frequency {mhz:.6g} MHz is out of band for SKA-Low with noise table {table!r}: it must be in "
            f"[{low:g}, {high:g}] MHz{_redshifts(low / 1e3, high / 1e3)}."
        )
    names = [name for name in rows.columns if name.startswith("area_over_temperature")]
    each = [np.interp(mhz, grid, rows.numbers(name)) for name in names]
    sefd = [(2 * k_B / (ratio * u.m**2 / u.K)).to_value(u.Jy) for ratio in each]
    return float(np.sqrt(np.mean(np.square(sefd))))


def _receiver_temperature(ghz: float, kind: str) -> float:
    if kind == "meerkat":
        if ghz < 1.02:
            return 11 - 4.5 * (ghz - 0.58)
        return 7.5 + 6.8 * abs(ghz - 1.65) ** 1.5 if ghz < 1.67 else 7.5
    band = band_of(ghz * u.GHz)
    if band == "1":
        return 15 + 30 * (ghz - 0.75) ** 2
    return 4.4 + 0.69 * ghz if band in ("5a", "5b") else 7.5


def _zenith_emission(ghz: float) -> float:
    """Emission of the atmosphere at zenith, interpolated in the logarithms of the table: K."""
    rows = _table("atmosphere_mid.csv")
    grid, emission = rows.numbers("frequency_ghz"), rows.numbers("zenith_emission_k")
    return float(np.exp(np.interp(np.log(ghz), np.log(grid), np.log(emission))))


@cache
def _table(name: str):
    return read_table(folder() / name)


def _within(ghz: float, bands) -> bool:
    return any(low <= ghz <= high for low, high in bands)


def _redshifts(low_ghz: float, high_ghz: float | None) -> str:
    """The redshifts at which the 21 cm line falls between two frequencies, for messages."""
    nearest = max(0.0, 1.420405751768 / high_ghz - 1) if high_ghz else 0.0
    return f", which for the 21 cm line is redshift {nearest:.3g} to {1.420405751768 / low_ghz - 1:.4g}"
