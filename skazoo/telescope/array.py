"""Where the antennas stand: the SKA's own layouts by name, and arrays of the user's."""

from __future__ import annotations

import hashlib
import os
from functools import cache

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_choice
from .tables import folder, read_table

__all__ = ["Array"]


class Array:
    """Antennas (dishes or stations) about one point of the Earth.

    Args:
        enu: (N, 3) metres east, north and up of the reference point; floats in metres or a `Quantity`.
        diameters: (N,) or scalar, metres or a `Quantity`.
        latitude, longitude: of the reference point; `Quantity`, or floats in degrees.
        name: shown in images and files.
        antenna_names: (N,) names; "A001", "A002", ... where none are given.
        telescope: "ska-mid" and "ska-low" have sensitivities in `skazoo.telescope.noise`; anything else
            needs `Observation(sefd=...)`.
        height: of the reference point above the WGS84 ellipsoid, metres.
        version: where the layout comes from, recorded with each observation.

    Raises:
        ParameterError: fewer than two antennas, two antennas in one place, wrong shapes, numbers that are
            not finite, diameters that are not positive, a latitude outside [-90, 90] degrees.
    """

    def __init__(
        self,
        enu,
        diameters,
        latitude,
        longitude,
        name: str = "array",
        antenna_names=None,
        telescope: str = "",
        height: float = 0.0,
        version: str = "",
    ):
        self.enu = np.array(_plain(enu, u.m, "enu"), np.float64)
        if self.enu.ndim != 2 or self.enu.shape[1] != 3 or len(self.enu) < 2:
            raise ParameterError(f"enu of array {name!r} must have shape (N, 3) with N >= 2, but has {self.enu.shape}.")
        diameters = np.asarray(_plain(diameters, u.m, "diameters"), np.float64)
        if diameters.shape not in ((), (len(self.enu),)):
            raise ParameterError(
                f"diameters of array {name!r} must be one number or {len(self.enu)} of them, "
                f"but have shape {diameters.shape}."
            )
        self.diameters = np.broadcast_to(diameters, len(self.enu)).copy()
        self.latitude = float(_plain(latitude, u.deg, "latitude"))
        self.longitude = float(_plain(longitude, u.deg, "longitude"))
        self.height = float(_plain(height, u.m, "height"))
        self.name = str(name)
        self.telescope = str(telescope)
        self.version = str(version)
        if antenna_names is None:
            antenna_names = [f"A{i + 1:03d}" for i in range(len(self.enu))]
        self.antenna_names = [str(n) for n in antenna_names]
        self._check()

    def _check(self) -> None:
        if not np.isfinite(self.enu).all():
            raise ParameterError(f"array {self.name!r}: a position is not finite.")
        if not (np.isfinite(self.diameters).all() and (self.diameters > 0).all()):
            raise ParameterError(f"array {self.name!r}: diameters must be positive metres.")
        if not abs(self.latitude) <= 90:
            raise ParameterError(f"latitude must be in [-90, 90] degrees, but is {self.latitude:g}.")
        if not abs(self.longitude) <= 360:
            raise ParameterError(f"longitude must be in [-360, 360] degrees, but is {self.longitude:g}.")
        if len(self.antenna_names) != len(self.enu):
            raise ParameterError(
                f"array {self.name!r} has {len(self.enu)} positions but {len(self.antenna_names)} names."
            )
        shortest = self.baseline_lengths.min()
        if shortest == 0:
            raise ParameterError(f"array {self.name!r} has two antennas in one place; remove one of them.")

    # -- by name and from files ---------------------------------------------------------------------------

    @staticmethod
    def names() -> list[str]:
        """The layouts that skazoo ships, such as "ska-mid-aa4"."""
        return sorted(p.name[:-4] for p in folder().iterdir() if p.name.startswith("ska-") and p.name.endswith(".csv"))

    @classmethod
    def load(cls, key: str) -> Array:
        """The layout `key`: "ska-mid-" or "ska-low-" and "aa05", "aa1", "aa2", "aastar" or "aa4".

        Raises:
            ParameterError: unknown key; the nearest known one is proposed.
        """
        check_choice("array", key, cls.names())
        return _load(key)

    @classmethod
    def from_csv(cls, path: str | os.PathLike) -> Array:
        """Read columns name, diameter_m, east_m, north_m, up_m below lines `# latitude_deg:`, `# longitude_deg:`.

        `# telescope: ska-mid` (or ska-low) gives it that telescope's sensitivity; `# height_m:` and
        `# version:` are optional.

        Raises:
            ParameterError: naming the file, the row and the column that is wrong.
        """
        table = read_table(path)
        enu = np.stack([table.numbers(c) for c in ("east_m", "north_m", "up_m")], axis=1)
        return cls(
            enu,
            table.numbers("diameter_m"),
            table.header_number("latitude_deg"),
            table.header_number("longitude_deg"),
            name=os.path.basename(table.source).removesuffix(".csv"),
            antenna_names=table.columns.get("name"),
            telescope=table.header.get("telescope", ""),
            height=table.header_number("height_m") if "height_m" in table.header else 0.0,
            version=table.header.get("version", ""),
        )

    @classmethod
    def from_casa(cls, path: str | os.PathLike, **about) -> Array:
        """Read a CASA configuration file (`.cfg`); see `array_files.read_casa`."""
        from .array_files import read_casa

        return read_casa(path, **about)

    @classmethod
    def from_oskar(cls, folder: str | os.PathLike, **about) -> Array:
        """Read an OSKAR telescope folder (`.tm`); see `array_files.read_oskar`."""
        from .array_files import read_oskar

        return read_oskar(folder, **about)

    @property
    def config(self) -> str | dict:
        """JSON-able: the name of a layout that skazoo ships, everything for any other array."""
        if self.name in self.names() and self.digest == Array.load(self.name).digest:
            return self.name
        return {
            "enu": self.enu.tolist(),
            "diameters": self.diameters.tolist(),
            "latitude": self.latitude,
            "longitude": self.longitude,
            "name": self.name,
            "antenna_names": self.antenna_names,
            "telescope": self.telescope,
            "height": self.height,
            "version": self.version,
        }

    @classmethod
    def from_config(cls, config: str | dict) -> Array:
        """The array whose `config` this is."""
        return cls.load(config) if isinstance(config, str) else cls(**config)

    # -- what it knows ------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.enu)

    def __repr__(self) -> str:
        return (
            f"Array({self.name!r}, {len(self)} antennas, longest baseline {self.baseline_lengths.max() / 1e3:.3f} km)"
        )

    @property
    def title(self) -> str:
        """The name as astronomers write it: "SKA-Mid AA4", "SKA-Low AA*"."""
        if self.telescope and self.name.startswith(self.telescope + "-"):
            stage = self.name[len(self.telescope) + 1 :]
            stage = {"aa05": "AA0.5", "aastar": "AA*"}.get(stage, stage.upper())
            return f"SKA-{self.telescope[4:].capitalize()} {stage}"
        return self.name

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Antenna numbers p and q of each baseline, p < q, in the order of `uvw`: (N(N-1)/2,) each."""
        return np.triu_indices(len(self), k=1)

    @property
    def baseline_lengths(self) -> np.ndarray:
        """(N(N-1)/2,) metres."""
        p, q = self.pairs
        return np.linalg.norm(self.enu[q] - self.enu[p], axis=1)

    @property
    def equatorial(self) -> np.ndarray:
        """(N, 3) metres in the local equatorial frame: X to (HA 0, dec 0), Y to east, Z to the pole.

        X = -N sin(lat) + U cos(lat), Y = E, Z = N cos(lat) + U sin(lat) (Thompson, Moran & Swenson, ch. 4).
        """
        east, north, up = self.enu.T
        sine, cosine = np.sin(np.radians(self.latitude)), np.cos(np.radians(self.latitude))
        return np.stack([-north * sine + up * cosine, east, north * cosine + up * sine], axis=1)

    @property
    def digest(self) -> str:
        """A hash of all that matters to an observation: positions, diameters, place, telescope."""
        h = hashlib.sha256()
        h.update(np.ascontiguousarray(self.enu).tobytes())
        h.update(np.ascontiguousarray(self.diameters).tobytes())
        h.update(f"{self.latitude!r} {self.longitude!r} {self.telescope}".encode())
        return h.hexdigest()


@cache
def _load(key: str) -> Array:
    return Array.from_csv(folder() / f"{key}.csv")


def _plain(value, unit: u.UnitBase, name: str):
    """The numbers of `value` in `unit`; plain numbers are taken to be in it already."""
    try:
        return u.Quantity(value, unit).value if not isinstance(value, u.Quantity) else value.to_value(unit)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise ParameterError(f"{name} must be numbers or a Quantity in {unit}: {error}.") from None
