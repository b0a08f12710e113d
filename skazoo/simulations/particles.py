"""What every reader returns: particles in proper, h-free units, centred on the galaxy and unwrapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import astropy.units as u
import numpy as np

from ..errors import MissingField

__all__ = ["UNITS", "Header", "ParticleSet", "Species"]

# The names and units of particle fields; None marks a dimensionless array.
UNITS: dict[str, u.UnitBase | None] = {
    "position": u.kpc,
    "velocity": u.km / u.s,
    "mass": u.Msun,
    "density": u.Msun / u.kpc**3,
    "internal_energy": u.km**2 / u.s**2,
    "electron_abundance": None,  # n_e / n_H
    "neutral_hydrogen_abundance": None,  # n_H0 / n_H, molecular hydrogen included
    "hydrogen_fraction": None,  # mass fraction X_H
    "atomic_hydrogen_abundance": None,  # n_HI / n_H without molecular hydrogen, where the run followed it
    "molecular_fraction": None,  # H2 as the run stored it: share of the gas (Simba), of the neutral hydrogen (FIRE)
    "temperature": u.K,
    "metallicity": None,  # mass fraction Z
    "star_formation_rate": u.Msun / u.yr,
    "magnetic_field": u.G,
    "smoothing_length": u.kpc,
    "formation_scale_factor": None,
    "id": None,
}


@dataclass(frozen=True)
class Header:
    """Where the particles come from.

    Attributes:
        simulation: name of the run, such as "TNG50-1".
        snapshot: snapshot number, or -1 where the file does not say.
        redshift: cosmological redshift, >= 0.
        cosmology: an `astropy.cosmology.FLRW`.
        box_size: proper side of the periodic box (kpc), or None for an isolated galaxy.
        source: path or description of the origin.
    """

    simulation: str
    snapshot: int
    redshift: float
    cosmology: Any
    box_size: u.Quantity | None = None
    source: str = ""

    @property
    def scale_factor(self) -> float:
        """a = 1 / (1 + z)."""
        return 1.0 / (1.0 + self.redshift)

    @property
    def hubble(self) -> float:
        """h = H0 / (100 km/s/Mpc)."""
        return float(self.cosmology.H0.to_value(u.km / u.s / u.Mpc) / 100.0)


class Species:
    """Particles of one kind; fields are attributes, read when first touched.

    Args:
        kind: "gas", "dark_matter", "stars" or "black_holes".
        fields: name -> array of N rows (a `Quantity` where `UNITS` has a unit), or a function without
            arguments that returns it.
        source: the file, for error messages.
        advice: a function that says, for a field that is absent, where it can be had or what can stand in for it.

    `species.position` raises `MissingField` where the file has no such field; `"position" in species` asks.
    """

    def __init__(self, kind: str, fields: Mapping[str, Any], source: str = "", advice: Callable | None = None):
        self.kind = kind
        self.source = source
        self._advice = advice
        self._fields: dict[str, Any] = dict(fields)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that are present."""
        return tuple(self._fields)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __len__(self) -> int:
        return len(self.mass)

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._fields:
            if name not in UNITS:
                raise AttributeError(f"particles have no field named {name!r}; known fields: {', '.join(UNITS)}")
            advice = self._advice(name) if self._advice else ""
            raise MissingField(
                f"{self.source or 'these particles'}: {self.kind} has no field '{name}'. "
                f"It has: {', '.join(self._fields)}.{' ' + advice if advice else ''}"
            )
        value = self._fields[name]
        if isinstance(value, Callable):
            value = self._fields[name] = value()
        return value

    def select(self, rows) -> Species:
        """The same fields for some rows (a mask, a slice or indices); unread fields stay unread."""
        return Species(
            self.kind, {n: (lambda n=n: getattr(self, n)[rows]) for n in self._fields}, self.source, self._advice
        )

    def __repr__(self) -> str:
        return f"<{len(self)} {self.kind} particles with {', '.join(self._fields)}>"


@dataclass(frozen=True)
class ParticleSet:
    """One galaxy (or region) of a simulation. Positions are relative to its centre, proper kpc.

    `gas`, `dark_matter`, `stars` and `black_holes` are `Species`, or None where the file has no such particles.
    """

    header: Header
    gas: Species | None = None
    dark_matter: Species | None = None
    stars: Species | None = None
    black_holes: Species | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def species(self) -> dict[str, Species]:
        """The kinds that are present, by name."""
        kinds = ("gas", "dark_matter", "stars", "black_holes")
        return {k: getattr(self, k) for k in kinds if getattr(self, k) is not None}

    def within(self, radius: u.Quantity) -> ParticleSet:
        """Only the particles inside a sphere about the centre."""
        kept = {
            k: s.select(np.sum(s.position.to_value(u.kpc) ** 2, axis=1) <= radius.to_value(u.kpc) ** 2)
            for k, s in self.species.items()
        }
        return replace(self, **kept)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(s)} {k}" for k, s in self.species.items()) or "no particles"
        return f"<ParticleSet {self.header.simulation} z={self.header.redshift:.3g}: {counts}>"
