"""The axisymmetric gas disc with a wanted HI mass and size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import interstellar

__all__ = ["OUTER_EDGE", "DiscModel", "edge_column", "scale_height"]

OUTER_EDGE = 2.2  # of R_HI
_RADII = np.linspace(0.0, OUTER_EDGE, 89)[1:]
_SLOPES = np.geomspace(0.15, 0.7, 28)
_CORE = 3e7  # Msun/kpc^2: hydrogen column at which the centre levels off
_PC2 = 1e6  # pc^2 per kpc^2


def scale_height(radius):
    """h of sech^2(z / h), kpc, at radius / R_HI: 0.35 kpc in the centre, flaring as e^(x / 2)."""
    return 0.35 * np.exp(0.5 * radius)


@lru_cache(maxsize=16)
def _edge_table(sigma_step: int) -> tuple[np.ndarray, np.ndarray]:
    """Rising part of n F(n), and ln n: the midplane density that has a given HI density."""
    grid = interstellar.log_densities()
    product = np.exp(grid) * interstellar.mean_atomic_fraction(grid, 0.1 * sigma_step)
    peak = int(np.argmax(product[: np.searchsorted(grid, np.log(0.3))])) + 1
    return np.log(product[:peak]), grid[:peak]


def edge_column(contrast: float = 0.0) -> float:
    """Hydrogen column (Msun/kpc^2) at R_HI, where the HI is 1 Msun/pc^2 by definition."""
    wanted, density = _edge_table(min(int(round(10.0 * contrast)), 12))
    # a column Sigma_H has midplane n_H = Sigma_H / (2 h m_p)
    per_column = interstellar.NUMBER_DENSITY / (2.0 * scale_height(1.0))
    return float(np.exp(np.interp(np.log(_PC2 * per_column), wanted, density)) / per_column)


def _level(column):
    return column / np.sqrt(1.0 + (column * (1.0 / _CORE)) ** 2)


@dataclass(frozen=True)
class DiscModel:
    """Hydrogen column by x = R / R_HI such that Sigma_HI(1) = 1 Msun/pc^2.

    Exponential, Sigma_1 e^((1 - x) / s), level at 30 Msun/pc^2 in the centre (added in inverse squares), times the
    central depression.

    Attributes:
        hi_radius: R_HI (kpc).
        edge: Sigma_1, hydrogen at R_HI (Msun/kpc^2).
        slope: s, scale length / R_HI.
        hole: radius of the central depression / R_HI, or 0.
    """

    hi_radius: float
    edge: float
    slope: float
    hole: float

    @classmethod
    def solve(cls, hi_mass: float, hi_radius: float, hole: float = 0.0, contrast: float = 0.0) -> DiscModel:
        """The disc whose HI has mass `hi_mass` (Msun) and falls to 1 Msun/pc^2 at `hi_radius` (kpc).

        `contrast` is the standard deviation of ln Sigma by which arms and turbulence will disturb it: clumps are
        denser, hence more molecular. Where no slope reaches the mass, the nearest one is taken.
        """
        edge = edge_column(contrast)
        columns = _level(edge * np.exp((1.0 - _RADII) / _SLOPES[:, None])) * _depression(_RADII, hole)
        midplane = columns * interstellar.NUMBER_DENSITY / (2.0 * scale_height(_RADII))
        atomic = columns * interstellar.mean_atomic_fraction(np.log(midplane), contrast)
        masses = 2.0 * np.pi * hi_radius**2 * (_RADII[1] - _RADII[0]) * (atomic @ _RADII)
        slope = _SLOPES[int(np.argmin(np.abs(np.log(masses / hi_mass))))]
        return cls(float(hi_radius), float(edge), float(slope), float(hole))

    def hydrogen(self, radius):
        """Sigma_H at radius / R_HI, Msun/kpc^2."""
        return _level(self.edge * np.exp((1.0 - radius) / self.slope)) * _depression(radius, self.hole)


def _depression(radius, hole: float):
    return 1.0 - 0.95 * np.exp(-((radius / hole) ** 4)) if hole > 0.0 else 1.0
