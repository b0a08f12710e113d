"""A galaxy of the toy universe: latents that dark matter shows, latents that it hides, and the particles of both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError, check_positive
from ..particles import UNITS, Header, ParticleSet, Species
from .cosmology import cosmology, snapshot_number
from .dark_matter import dark_matter_particles
from .gas import gas_particles
from .hidden import Hidden, draw_hidden
from .rotation_curve import RotationCurve
from .stars import star_particles
from .streams import STREAMS, check_count, check_seed, derived_seed
from .visible import Visible, draw_visible

__all__ = ["DARK_MATTER_COUNT", "Galaxy"]

DARK_MATTER_COUNT, STAR_COUNT = 14000, 4000


@dataclass(frozen=True, eq=False)
class Galaxy:
    """One galaxy of the toy universe. Make it with `Galaxy.draw`.

    Attributes:
        seed: identity of the galaxy; two galaxies of one seed (and mass range, redshift) share the visible latents.
        visible: latents that imprint on the dark matter; the dark-matter particles depend on nothing else.
        hidden: latents that do not; gas and stars depend on both.
    """

    seed: int
    visible: Visible
    hidden: Hidden

    @classmethod
    def draw(cls, seed: int, log_mass_range: tuple[float, float] = (10.5, 12.7), redshift: float = 0.0) -> Galaxy:
        """Draw visible and hidden latents.

        Args:
            seed: whole number >= 0; the same seed gives the same galaxy on every machine and in any order.
            log_mass_range: of log10 M200c / Msun, within 9.5 to 14; masses are log-uniform.
            redshift: of the snapshot, 0 to 12.

        Raises:
            ParameterError: an argument is out of range.
        """
        seed = check_seed(seed)
        redshift = _check_redshift(redshift)
        visible = draw_visible(seed, _check_mass_range(log_mass_range), redshift)
        return cls(seed, visible, draw_hidden(visible, derived_seed(seed, STREAMS["hidden"])))

    def redraw_hidden(self, n: int, seed: int) -> list[Galaxy]:
        """`n` galaxies in the same halo: exact, independent draws from p(gas, stars | dark matter).

        The dark-matter particles of all of them are bit-identical to this galaxy's.

        Args:
            n: number of galaxies, >= 0.
            seed: of the redraw; the i-th galaxy does not depend on n.
        """
        seed, n = check_seed(seed), check_count("n", n, 0)
        seeds = [derived_seed(self.seed, STREAMS["redraw"], seed, i) for i in range(n)]
        return [Galaxy(self.seed, self.visible, draw_hidden(self.visible, s)) for s in seeds]

    def particles(self, resolution: float = 1.0) -> ParticleSet:
        """Particles in proper kpc, km/s and Msun about the halo's centre, with the fields of TNG.

        Args:
            resolution: factor of the numbers of particles; 1 means 14,000 dark matter, about 10,000 gas, 4,000 stars.

        Raises:
            ParameterError: resolution is not in [0.05, 100].
        """
        check_positive("resolution", resolution)
        if not 0.05 <= resolution <= 100.0:
            raise ParameterError(f"resolution must be between 0.05 and 100, but is {resolution}.")
        visible, hidden = self.visible, self.hidden
        curve = RotationCurve(visible, hidden)
        gas = gas_particles(visible, hidden, curve, resolution)
        stars = star_particles(visible, hidden, curve, int(STAR_COUNT * resolution))
        dark = dark_matter_particles(visible, int(DARK_MATTER_COUNT * resolution))
        return ParticleSet(
            header=self.header,
            gas=_species("gas", gas),
            dark_matter=_species("dark_matter", dark),
            stars=_species("stars", stars),
            metadata={
                "galaxy_seed": self.seed,
                "hidden_seed": hidden.seed,
                "halo_mass": visible.halo_mass,
                "r200": visible.r200,
                "stellar_mass": hidden.stellar_mass,
                "hi_mass": hidden.hi_mass,
                "hi_diameter": hidden.hi_diameter,
                "sfr": float(gas["star_formation_rate"].sum(dtype=np.float64)),
                "quenched": hidden.quenched,
            },
        )

    @property
    def header(self) -> Header:
        """Simulation "toy", the TNG snapshot number and cosmology."""
        redshift = self.visible.redshift
        return Header("toy", snapshot_number(redshift), redshift, cosmology(), None, f"toy galaxy {self.seed}")

    def __repr__(self) -> str:
        return (
            f"<toy Galaxy {self.seed}: log M200 = {math.log10(self.visible.halo_mass):.2f}, "
            f"log M* = {math.log10(self.hidden.stellar_mass):.2f}, log M_HI = {math.log10(self.hidden.hi_mass):.2f}"
            f"{', quenched' if self.hidden.quenched else ''}>"
        )


def _species(kind: str, columns: dict) -> Species:
    """Columns (arrays, or functions that make them when first read) with the units of the particle contract."""

    def with_unit(name, value):
        unit = UNITS[name]
        if callable(value):
            return lambda: with_unit(name, value())
        return value if unit is None else value << unit

    return Species(kind, {name: with_unit(name, value) for name, value in columns.items()}, "toy")


def _check_mass_range(log_mass_range) -> tuple[float, float]:
    try:
        low, high = (float(x) for x in log_mass_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not 9.5 <= low <= high <= 14.0:
        raise ParameterError(
            f"log_mass_range must be (low, high) of log10 M200/Msun with 9.5 <= low <= high <= 14, "
            f"but is {log_mass_range!r}."
        )
    return low, high


def _check_redshift(redshift) -> float:
    try:
        value = float(redshift)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 <= value <= 12.0:
        raise ParameterError(f"redshift must be between 0 and 12, but is {redshift!r}.")
    return value
