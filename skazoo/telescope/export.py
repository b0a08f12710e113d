"""Visibilities in the formats of other programs: Measurement Set, UVFITS and UVH5, by pyuvdata.

pyuvdata is an extra: pip install "skazoo[ms]".
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np

from ..errors import OutputError, ParameterError
from ..files import make_parent, replacing
from .coverage import SIDEREAL, hour_angles_at
from .visibilities import Visibilities

if TYPE_CHECKING:
    from astropy.time import Time

    from .array import Array

__all__ = ["FORMATS", "check_format", "geocentric", "read_visibilities", "times_of", "write_visibilities"]

FORMATS = {".ms": "write_ms", ".uvfits": "write_uvfits", ".uvh5": "write_uvh5"}
NIGHT = "2026-03-20T12:00:00"  # the transit after this is taken where an observation has no date
LINEAR = (-5, -6)  # XX, YY as numbered in UVFITS


def write_visibilities(visibilities: Visibilities, path: str | os.PathLike) -> Path:
    """Write visibilities to a `.ms`, `.uvfits` or `.uvh5`; returns the path.

    Both XX and YY hold the Stokes I visibility, so that (XX + YY) / 2 is it, with its own noise. The weight of a
    visibility is the inverse of its variance, one for the median. What the observation left out is not in the
    file, or is flagged where another part of the band has that baseline. Baselines are recomputed by pyuvdata
    from the positions of the antennas, for a phase centre whose place in the equinox of date is the observation's.

    Raises:
        ParameterError: another ending; OutputError: pyuvdata or casacore is missing, or the file cannot be written.
    """
    path = Path(path)
    writer = check_format(path)
    make_parent(path)
    try:
        with _offline():
            data = _uvdata(visibilities)
            if path.suffix == ".ms":
                _write_folder(data, path)
            else:
                with replacing(path) as partial:
                    options = {"force_phase": True} if path.suffix == ".uvfits" else {}
                    getattr(data, writer)(str(partial), **options)
    except (OSError, RuntimeError) as error:
        raise error if isinstance(error, OutputError) else OutputError(f"cannot write {path}: {error}.") from error
    return path


def _write_folder(data, path: Path) -> None:
    """A Measurement Set is a folder: written beside `path`, then put in its place."""
    if path.exists() and not (path / "table.dat").exists():
        raise OutputError(f"{path} exists and is no Measurement Set; choose another path.")
    partial = path.with_name(f".{path.name}.partial")
    try:
        data.write_ms(str(partial), clobber=True)
        shutil.rmtree(path, ignore_errors=True)
        os.rename(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_visibilities(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray, u.Quantity, np.ndarray]:
    """Read visibilities that skazoo, OSKAR, CASA or another program wrote.

    Args:
        path: a `.ms`, `.uvfits` or `.uvh5` (by pyuvdata), or OSKAR's own `.vis` (no extra needed).

    Returns:
        data (K, F) complex128 Jy of Stokes I, NaN where flagged; uvw (K, 3) metres, antenna q minus antenna p,
        p < q, as `predict` takes it; frequencies (F,); antennas (K, 2), p and q counted from 0.

    Raises:
        ParameterError: another ending, or a file that is missing or damaged; OutputError: pyuvdata is missing.
    """
    path = Path(path)
    if not path.exists():
        raise ParameterError(f"{path} does not exist.")
    if path.suffix == ".vis":
        from .oskar_vis import read_vis

        return read_vis(path)
    check_format(path)
    from pyuvdata import UVData

    uvdata = UVData()
    try:
        with _offline():
            uvdata.read(str(path), **({"ignore_single_chan": False} if path.suffix == ".ms" else {}))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ParameterError(f"cannot read {path}: {error}.") from error
    keep = uvdata.ant_1_array != uvdata.ant_2_array
    numbers = {number: i for i, number in enumerate(uvdata.telescope.antenna_numbers)}
    first, second = (np.array([numbers[n] for n in each[keep]]) for each in (uvdata.ant_1_array, uvdata.ant_2_array))
    data = np.where(uvdata.flag_array, np.nan, uvdata.data_array)[keep].astype(np.complex128)
    stokes = [i for i, name in enumerate(uvdata.polarization_array) if name in (1, -5, -6, -1, -2)]
    uvw = uvdata.uvw_array[keep].copy()
    turn = first > second
    uvw[turn] *= -1
    intensity = data[:, :, stokes].mean(axis=2)
    intensity[~turn] = intensity[~turn].conj()  # pyuvdata: exp(+2 pi i ...) for the second antenna minus the first
    pairs = np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1)
    return intensity, uvw, np.asarray(uvdata.freq_array).ravel() * u.Hz, pairs


def geocentric(array: Array) -> np.ndarray:
    """Antennas about the reference point along the Earth's own axes (X to Greenwich, Z to the pole): (N, 3) m."""
    x, y, z = array.equatorial.T
    sine, cosine = np.sin(np.radians(array.longitude)), np.cos(np.radians(array.longitude))
    return np.stack([x * cosine - y * sine, x * sine + y * cosine, z], axis=1)


def times_of(visibilities: Visibilities, hour_angle: np.ndarray) -> Time:
    """UTC at which the phase centre has these hour angles: (T,).

    Counted from the observation's start; without one, about the first transit after 2026-03-20 12:00.
    """
    from astropy.time import Time

    first = Time(visibilities.start or NIGHT, scale="utc")
    then = float(hour_angles_at(first, visibilities.right_ascension, visibilities.array.longitude)[0])
    if visibilities.start is None:
        transit = first + (-then % (2 * np.pi)) / (2 * np.pi * SIDEREAL) * u.day
        offset = np.asarray(hour_angle)
    else:
        transit, offset = first, np.asarray(hour_angle) - then
    return transit + offset / (2 * np.pi * SIDEREAL) * u.day


def check_format(path: str | os.PathLike) -> str:
    """The `UVData` method that writes `path`, after a look whether its packages are here.

    Raises:
        ParameterError: another ending; OutputError: pyuvdata or, for `.ms`, casacore is missing.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ParameterError(f"visibilities are kept in files that end in {', '.join(FORMATS)}, not {path.name!r}.")
    for needed in ("pyuvdata", *(("casacore",) if path.suffix == ".ms" else ())):
        if find_spec(needed) is None:
            raise OutputError(f'{path.suffix} files need {needed}: pip install "skazoo[ms]".')
    return FORMATS[path.suffix]


@contextmanager
def _offline() -> Iterator[None]:
    """The Earth's rotation from the tables at hand, however old: a second of time is nothing to a mock sky."""
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "warn"),
        warnings.catch_warnings(),
    ):
        # said of every new object, whose baselines are computed here for the first time
        warnings.filterwarnings("ignore", message="Recalculating uvw_array")
        warnings.filterwarnings("ignore", message=".where. used without .out.")
        yield


def _uvdata(visibilities: Visibilities):
    """A `UVData` of the visibilities: rows of one time and baseline, a channel for each part of the band."""
    import pyuvdata
    from astropy.coordinates import EarthLocation

    array, count = visibilities.array, len(visibilities.array)
    telescope = pyuvdata.Telescope.new(
        name=array.title,
        location=EarthLocation.from_geodetic(array.longitude, array.latitude, array.height),
        antenna_positions=geocentric(array),
        antenna_names=array.antenna_names,
        antenna_numbers=list(range(count)),
        antenna_diameters=array.diameters,
        instrument=array.title,
        mount_type="fixed" if array.telescope == "ska-low" else "alt-az",
        feeds=["x", "y"],
        feed_angle=[np.pi / 2, 0.0],
        update_from_known=False,
    )
    hours, time = np.unique(visibilities.hour_angle, return_inverse=True)
    row = (time * count + visibilities.p) * count + visibilities.q
    rows, where = np.unique(row, return_inverse=True)
    shape = (len(rows), len(visibilities.ratios), len(LINEAR))
    values, flags, samples = np.zeros(shape, np.complex64), np.ones(shape, bool), np.zeros(shape, np.float32)
    place = (where, visibilities.subband)
    values[place] = visibilities.data.conj()[:, None]  # pyuvdata: exp(+2 pi i ...) for antenna q minus p
    flags[place] = False
    samples[place] = ((np.median(visibilities.sigma) / visibilities.sigma) ** 2)[:, None]
    moments = times_of(visibilities, hours)
    right, declination = _catalogue_place(visibilities, moments[len(moments) // 2])
    frequencies = visibilities.frequencies.to_value(u.Hz)
    return pyuvdata.UVData.new(
        freq_array=frequencies,
        channel_width=np.full(len(frequencies), visibilities.channel_width.to_value(u.Hz)),
        polarization_array=np.array(LINEAR),
        times=moments.jd[rows // count**2],
        integration_time=np.full(len(rows), visibilities.integration.to_value(u.s)),
        antpairs=np.stack([rows // count % count, rows % count], axis=1),
        do_blt_outer=False,
        telescope=telescope,
        update_telescope_from_known=False,
        phase_center_catalog={
            0: {
                "cat_type": "sidereal",
                "cat_name": "skazoo",
                "cat_lon": right,
                "cat_lat": declination,
                "cat_frame": "icrs",
                "cat_epoch": 2000.0,
            }
        },
        phase_center_id_array=np.zeros(len(rows), int),
        data_array=values,
        flag_array=flags,
        nsample_array=samples,
        vis_units="Jy",
        history="written by skazoo",
    )


def _catalogue_place(visibilities: Visibilities, moment: Time) -> tuple[float, float]:
    """ICRS right ascension and declination (rad) of what stands at the phase centre in the equinox of date."""
    from astropy.coordinates import GCRS, ICRS, PrecessedGeocentric, SkyCoord

    of_date = PrecessedGeocentric(
        ra=visibilities.right_ascension, dec=visibilities.declination, equinox=moment, obstime=moment
    )
    found = SkyCoord(of_date).transform_to(GCRS(obstime=moment)).transform_to(ICRS())
    return float(found.ra.rad), float(found.dec.rad)
