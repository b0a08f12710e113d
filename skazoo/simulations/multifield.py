"""The CAMELS Multifield Dataset: 2-D maps of the same regions in several fields, ready as pairs."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import ParameterError, SimulationError, check_choice

__all__ = ["CamelsMaps", "camels_maps"]

_HUBBLE, _BOX = 0.6711, 25.0  # Mpc/h, comoving
_PER_SIMULATION = 15
# CMD's names -> our field names and units; surface densities are comoving, (Msun/h) / (Mpc/h)^2, in the files
_SURFACE = u.Msun / u.kpc**2
_FIELDS = {
    "Mcdm": ("dark_matter", _SURFACE),
    "Mgas": ("gas", _SURFACE),
    "Mstar": ("stars", _SURFACE),
    "HI": ("hi", _SURFACE),
    "Mtot": ("total_mass", _SURFACE),
    "T": ("temperature", u.K),
    "B": ("magnetic_field", u.G),
    "Z": ("metallicity", u.dimensionless_unscaled),
    "Vgas": ("gas_speed", u.km / u.s),
    "Vcdm": ("dark_matter_speed", u.km / u.s),
}
_SPLITS = (("train", 0.8), ("validation", 0.9), ("test", 1.0))


@dataclass(frozen=True)
class CamelsMaps:
    """Maps of one suite and set; the i-th map of every field shows the same region.

    Attributes:
        suite, simulation_set, redshift: such as "IllustrisTNG", "LH", 0.0.
        rows: (N,) numbers of the maps in the files.
        parameters: (simulations, columns) from the params file, or None where it is not there.
        source: folder.
    """

    suite: str
    simulation_set: str
    redshift: float
    rows: np.ndarray
    parameters: np.ndarray | None
    source: Path
    _arrays: dict

    @property
    def fields(self) -> tuple[str, ...]:
        """Our names of the fields."""
        return tuple(self._arrays)

    @property
    def simulation(self) -> np.ndarray:
        """(N,) number of the simulation that each map is from."""
        return self.rows // _PER_SIMULATION

    @property
    def pixel_scale(self) -> u.Quantity:
        """Proper side of a pixel, kpc."""
        npix = next(iter(self._arrays.values()))[0].shape[-1]
        return _BOX * 1e3 / _HUBBLE / (1.0 + self.redshift) / npix * u.kpc

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, field: str, index=slice(None)) -> u.Quantity:
        """Maps of one field in proper, h-free units, (n, H, W) or (H, W) float32; only these are read.

        Raises:
            SimulationError: values that are not finite.
        """
        check_choice("field", field, self._arrays)
        array, factor, unit, path = self._arrays[field]
        chosen = self.rows[index]
        values = np.array(array[chosen], np.float32)
        if not np.isfinite(values).all():
            raise SimulationError(f"{path}: a map among {chosen} has values that are not finite; get the file again.")
        return u.Quantity(values * np.float32(factor), unit, copy=False)

    def pair(self, source: str, target: str, index=slice(None)) -> tuple[u.Quantity, u.Quantity]:
        """The same regions in two fields."""
        return self.read(source, index), self.read(target, index)

    def split(self, name: str) -> CamelsMaps:
        """The maps of the simulations that are for "train", "validation" or "test" (80, 10, 10 %).

        All fifteen maps of a simulation go together: they are slices of one box. The choice is by a hash of suite, set
        and number, so it does not depend on which simulations there are.
        """
        check_choice("split", name, [split for split, _ in _SPLITS])
        keep = {number for number in np.unique(self.simulation).tolist() if self._split_of(number) == name}
        return replace(self, rows=self.rows[np.isin(self.simulation, sorted(keep))])

    def _split_of(self, number: int) -> str:
        text = f"CAMELS-{self.suite}-{self.simulation_set}:{number}"
        share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
        return next(split for split, bound in _SPLITS if share < bound)


def camels_maps(
    folder: str | os.PathLike,
    fields: Sequence[str] = ("Mcdm", "HI"),
    suite: str = "IllustrisTNG",
    simulation_set: str = "LH",
    redshift: float = 0.0,
) -> CamelsMaps:
    """Open `Maps_{field}_{suite}_{set}_z={redshift}.npy`; the arrays stay on disk.

    Args:
        fields: CMD's names: Mcdm, Mgas, Mstar, Mtot, HI, T, B, Z, Vgas, Vcdm.

    Raises:
        SimulationError: a file is missing, is not an array of square maps, or has another number of maps.
        ParameterError: a field whose unit is not known here.
    """
    folder, arrays, number = Path(folder), {}, None
    if not fields:
        raise ParameterError(f"fields is empty; name at least one of {', '.join(_FIELDS)}.")
    surface = _HUBBLE * 1e-6 * (1.0 + redshift) ** 2  # comoving (Msun/h)/(Mpc/h)^2 to proper Msun/kpc^2
    for field in fields:
        check_choice("CMD field", field, _FIELDS)
        name, unit = _FIELDS[field]
        path = folder / f"Maps_{field}_{suite}_{simulation_set}_z={redshift:.2f}.npy"
        array = _mapped(path)
        if number is not None and array.shape[0] != number:
            raise SimulationError(f"{path} has {array.shape[0]} maps, the first field {number}; they cannot be paired.")
        number = array.shape[0]
        arrays[name] = (array, surface if unit == _SURFACE else 1.0, unit, path)
    if number % _PER_SIMULATION:
        raise SimulationError(f"{path} has {number} maps, not {_PER_SIMULATION} for each simulation; it is cut short.")
    parameters = _parameters(folder / f"params_{simulation_set}_{suite}.txt", number // _PER_SIMULATION)
    return CamelsMaps(suite, simulation_set, redshift, np.arange(number), parameters, folder, arrays)


def _mapped(path: Path) -> np.ndarray:
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("Maps_*.npy"))[:8] if path.parent.is_dir() else []
        raise SimulationError(f"{path} does not exist; its folder has {', '.join(near) or 'no Maps_*.npy'}.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        raise SimulationError(f"{path} cannot be read as an array ({reason}); get it again.") from error
    if not isinstance(array, np.ndarray) or array.ndim != 3 or array.shape[1] != array.shape[2] or not len(array):
        raise SimulationError(f"{path} is of shape {getattr(array, 'shape', None)}, expected (maps, n, n).")
    if array.dtype.kind != "f":
        raise SimulationError(f"{path} holds {array.dtype}, expected float32.")
    return array


def _parameters(path: Path, simulations: int) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        table = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise SimulationError(f"{path} is not a table of numbers ({error}).") from error
    if len(table) != simulations:
        raise SimulationError(f"{path} has {len(table)} rows, the maps are of {simulations} simulations.")
    return table
