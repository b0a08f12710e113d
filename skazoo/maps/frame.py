"""The pixel grid and the direction of a view, and particles as seen in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from ..errors import ParameterError, SimulationError, check_positive
from ..simulations.particles import Header, ParticleSet, Species
from .fields import DERIVED, DIRECTED, Conditions
from .projection import project
from .rotation import rotation_matrix

__all__ = ["Frame", "quantity", "single"]


@dataclass(frozen=True)
class Frame:
    """What all maps of a view share.

    Attributes:
        npix: pixels along each side.
        side, depth: proper kpc, across and along the line of sight.
        matrix: (3, 3), seen position = matrix @ position; its third row points at the observer.
        period: side of the periodic box (kpc) whose images are drawn, or None.
    """

    npix: int
    side: float
    depth: float
    matrix: np.ndarray
    period: float | None = None

    @classmethod
    def of(cls, particles: ParticleSet, npix, extent, rotation, depth=None, wrap=False) -> Frame:
        """Check the arguments of `render` and resolve them; `ParameterError` names the bad one."""
        if int(npix) != npix or npix < 1:
            raise ParameterError(f"npix must be a whole number of pixels, at least 1, but is {npix}.")
        check_positive("extent", extent, u.kpc)
        depth = extent if depth is None else depth
        check_positive("depth", depth, u.kpc)
        matrix = rotation_matrix(rotation, particles)
        period = None
        if wrap:
            if particles.header.box_size is None:
                raise ParameterError("wrap=True needs a periodic box, but the particles' header has no box_size.")
            if not np.allclose(np.sort(np.abs(matrix)), [0.0, 0.0, 1.0], atol=1e-9):
                raise ParameterError("wrap=True needs the axes of the box along those of the map: use rotation=None.")
            period = float(particles.header.box_size.to_value(u.kpc))
        sizes = float(extent.to_value(u.kpc)), float(depth.to_value(u.kpc))
        return cls(int(npix), *sizes, matrix, period)

    def metadata(self, header: Header) -> dict[str, Any]:
        """JSON-able facts for the map."""
        return {
            "simulation": header.simulation,
            "snapshot": header.snapshot,
            "redshift": float(header.redshift),
            "extent_kpc": self.side,
            "depth_kpc": self.depth,
            "rotation": self.matrix.ravel().tolist(),
            "source": header.source,
        }

    def positions(self, species: Species, header: Header) -> tuple[np.ndarray, np.ndarray]:
        """Seen positions (N, 3) in kpc, and the mask (N,) of those within the depth; refuses NaN by number and row."""
        position = species.position.to_value(u.kpc) @ self.matrix.T
        bad = ~np.isfinite(position).all(axis=1)
        if bad.any():
            raise SimulationError(
                f"{species.source or header.simulation}: {bad.sum()} of {len(bad)} {species.kind} positions are not "
                f"finite (first at row {int(np.argmax(bad))}); remove those particles or read the file again."
            )
        along = position[:, 2]
        if self.period is not None:
            along = along - self.period * np.round(along / self.period)
        return position, np.abs(along) <= self.depth / 2

    def project(self, position: np.ndarray, support: np.ndarray, values: np.ndarray):
        """`projection.project` onto this grid."""
        images, inside = project(position, support, values, self.npix, self.side, self.period)
        return images, inside.astype(np.float64)  # 1 - inside must be exact


def quantity(species: Species, name: str, frame: Frame, header: Header, conditions: Conditions) -> np.ndarray:
    """Per-particle values (N,) in the unit of `DERIVED`, `DIRECTED`, or of the particle field itself."""
    if name in DIRECTED:
        unit, function = DIRECTED[name]
        return function(species, frame.matrix[2]).to_value(unit)
    if name in DERIVED:
        unit, function = DERIVED[name]
        return function(species, header, conditions).to_value(unit)
    value = getattr(species, name)
    return np.asarray(getattr(value, "value", value))


def single(data: np.ndarray, name: str, header: Header) -> np.ndarray:
    """`data` as float32; `SimulationError` where it does not fit."""
    top = float(np.abs(data).max(initial=0.0))
    if not top < float(np.finfo(np.float32).max):
        raise SimulationError(
            f"{header.source or header.simulation}: the map of {name} reaches {top:.3g}, beyond the range of float32; "
            "check the units of the particles."
        )
    return data.astype(np.float32)
