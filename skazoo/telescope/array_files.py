"""Antenna layouts in the files of other programs: CASA's `.cfg` and OSKAR's `.tm` folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import ParameterError
from .array import Array

__all__ = ["read_casa", "read_oskar"]


def read_casa(
    path: str | os.PathLike,
    latitude: float | None = None,
    longitude: float | None = None,
    telescope: str = "",
) -> Array:
    """Read lines `x y z diameter [name]` below `# coordsys=LOC` (or XYZ) and, for LOC, `# COFA=lon,lat`.

    Args:
        path: the file.
        latitude, longitude: of the reference point in degrees, where the file has no COFA line.
        telescope: as in `Array`.

    LOC is metres east, north, up of the reference point; XYZ is geocentric metres, turned into those about
    the mean of the antennas.

    Raises:
        ParameterError: naming the file and what is wrong in it.
    """
    path = Path(path)
    facts, rows, names = {}, [], []
    for number, line in enumerate(_lines(path), start=1):
        if line.startswith("#"):
            key, equals, value = line.lstrip("# ").partition("=")
            if equals:
                facts[key.strip().lower()] = value.split("(")[0].strip()
            continue
        words = line.split()
        rows.append(_numbers(path, number, words[:4], 4))
        names.append(words[4] if len(words) > 4 else f"A{len(rows):03d}")
    if len(rows) < 2:
        raise ParameterError(f"{path} has fewer than two antennas.")
    position, diameters = np.array(rows)[:, :3], np.array(rows)[:, 3]
    if len(set(names)) != len(names):
        names = [f"{name}-{i + 1}" for i, name in enumerate(names)]
    system = facts.get("coordsys", "").upper()[:3]
    if system == "XYZ":
        position, latitude, longitude = _local(position)
    elif system == "LOC":
        if "cofa" in facts:
            longitude, latitude = _numbers(path, 0, facts["cofa"].split(","), 2)
        if latitude is None or longitude is None:
            raise ParameterError(f"{path} has no line '# COFA=lon,lat'; give latitude and longitude in degrees.")
    else:
        raise ParameterError(
            f"{path}: coordsys is {facts.get('coordsys', 'missing')!r}; only '# coordsys=LOC' and '# coordsys=XYZ' "
            "are known."
        )
    return Array(position, diameters, latitude, longitude, path.stem, names, telescope, version=path.name)


def read_oskar(folder: str | os.PathLike, diameter: float, telescope: str = "") -> Array:
    """Read `position.txt` (longitude, latitude[, height]) and `layout.txt` (east, north[, up]) of a folder.

    Args:
        folder: an OSKAR telescope model.
        diameter: of each station in metres; OSKAR's layout does not hold it.
        telescope: as in `Array`.

    Raises:
        ParameterError: naming the file and what is wrong in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ParameterError(f"{folder} is not a folder; an OSKAR telescope model holds position.txt and layout.txt.")
    places = _table(folder / "position.txt", 2)
    if len(places) != 1:
        raise ParameterError(f"{folder / 'position.txt'} must have one line, longitude and latitude in degrees.")
    longitude, latitude, height = (*places[0], 0.0)[:3]
    layout = np.array([(*row, 0.0)[:3] for row in _table(folder / "layout.txt", 2)])
    name = folder.name.removesuffix(".tm")
    return Array(layout, diameter, latitude, longitude, name, None, telescope, height, version=folder.name)


def _table(path: Path, least: int) -> list[tuple[float, ...]]:
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.startswith("#"):
            rows.append(tuple(_numbers(path, number, line.replace(",", " ").split()[:3], least)))
    return rows


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise ParameterError(f"cannot read {path}: {reason}.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _numbers(path: Path, line: int, words: list[str], least: int) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise ParameterError(f"{path}, entry {line}: {error}; correct the file.") from None
    if len(values) < least:
        raise ParameterError(f"{path}, entry {line} has {len(values)} numbers and needs {least}; correct the file.")
    return values


def _local(geocentric: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Metres east, north, up about the mean of geocentric positions, and its latitude and longitude (deg)."""
    import astropy.units as u
    from astropy.coordinates import EarthLocation

    centre = geocentric.mean(axis=0)
    place = EarthLocation.from_geocentric(*centre, unit=u.m).geodetic
    lon, lat = place.lon.rad, place.lat.rad
    east = [-np.sin(lon), np.cos(lon), 0.0]
    north = [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)]
    up = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return (geocentric - centre) @ np.array([east, north, up]).T, np.degrees(lat), np.degrees(lon)
