"""Visible latents: what the dark matter shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import nfw
from .cosmology import BARYON_FRACTION, G, virial_radius
from .geometry import directions, random_rotation
from .streams import generator

__all__ = ["Subhaloes", "Visible", "draw_visible"]

_SCATTER = 0.11  # dex, of the concentration at fixed mass
_MU_MIN, _MU_MAX, _MU_SLOPE = 1e-3, 0.1, 0.9  # subhalo mass function N(>mu) ~ mu^-0.9
_RADII = np.linspace(0.05, 1.0, 128)  # of R200


@dataclass(frozen=True, eq=False)
class Subhaloes:
    """Bound clumps of dark matter, heaviest first.

    Attributes:
        mass: (n,) total mass (Msun).
        position, velocity: (n, 3) relative to the halo (kpc, km/s).
        radius: (n,) tidal truncation radius (kpc).
    """

    mass: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    radius: np.ndarray

    def __len__(self) -> int:
        return len(self.mass)


@dataclass(frozen=True, eq=False)
class Visible:
    """Everything that the dark-matter particles depend on.

    Attributes:
        seed: of the dark-matter particles.
        redshift: of the snapshot.
        halo_mass: M200c (Msun): the dark matter within R200 is (1 - Omega_b / Omega_m) of it.
        concentration: R200 / r_s.
        formation: standardised residual of log c: early-formed haloes are concentrated and have few subhaloes.
        axis_ratios: (b/a, c/a) outside 0.3 R200; the inner halo is rounder.
        orientation: (3, 3), columns are the directions of the axes a, b, c.
        subhaloes: the resolved ones.
    """

    seed: int
    redshift: float
    halo_mass: float
    concentration: float
    formation: float
    axis_ratios: tuple[float, float]
    orientation: np.ndarray
    subhaloes: Subhaloes

    @cached_property
    def r200(self) -> float:
        """R200c, proper kpc."""
        return virial_radius(self.halo_mass, self.redshift)

    @cached_property
    def v200(self) -> float:
        """Circular velocity at R200, km/s."""
        return float(np.sqrt(G * self.halo_mass / self.r200))

    @property
    def dark_matter_mass(self) -> float:
        """Dark matter within R200, Msun."""
        return (1.0 - BARYON_FRACTION) * self.halo_mass

    @property
    def minor_axis(self) -> np.ndarray:
        """Unit vector of the shortest axis, about which the halo spins."""
        return self.orientation[:, 2]


def draw_visible(seed: int, log_mass_range: tuple[float, float], redshift: float) -> Visible:
    """Visible latents of galaxy `seed`: mass log-uniform, the rest from published relations.

    Concentration: Dutton & Maccio (2014), 0.11 dex. Shape: c/a = 0.54 (M / M*)^-0.05 +- 0.1 (Allgood et al.
    2006), triaxiality ~ N(0.6, 0.2). Subhaloes hold 3 to 12 % of the mass, less in early-formed haloes.
    """
    rng = generator(seed, "visible")
    log_mass = rng.uniform(*log_mass_range)
    formation = rng.standard_normal()
    mass = 10.0**log_mass
    concentration = nfw.mean_concentration(mass, redshift) * 10.0 ** (_SCATTER * formation)
    short = np.clip(0.54 * (mass / 1e13) ** -0.05 + 0.1 * rng.standard_normal(), 0.35, 0.9)
    triaxiality = np.clip(rng.normal(0.6, 0.2), 0.05, 0.95)
    middle = np.sqrt(1.0 - triaxiality * (1.0 - short**2))
    orientation = random_rotation(rng)
    shares = np.clip(0.07 * 10.0 ** (-0.15 * formation + 0.1 * rng.standard_normal()), 0.03, 0.12)
    axes = orientation * (np.array([1.0, middle, short]) / np.cbrt(middle * short))
    subhaloes = _draw_subhaloes(rng, shares, mass, concentration, virial_radius(mass, redshift), axes)
    return Visible(
        seed=seed,
        redshift=redshift,
        halo_mass=float(mass),
        concentration=float(concentration),
        formation=float(formation),
        axis_ratios=(float(middle), float(short)),
        orientation=orientation,
        subhaloes=subhaloes,
    )


def _draw_subhaloes(rng, share, mass, concentration, r200, axes) -> Subhaloes:
    """Poisson number, power-law masses, cored radii (n ~ r NFW), tidal radii r (m / 3 M(<r))^(1/3)."""
    steep = _MU_SLOPE / (1.0 - _MU_SLOPE) * (_MU_MAX ** (1.0 - _MU_SLOPE) - _MU_MIN ** (1.0 - _MU_SLOPE))
    normalisation = share / steep  # N(>mu) = normalisation (mu^-0.9 - mu_max^-0.9)
    low, high = _MU_MIN**-_MU_SLOPE, _MU_MAX**-_MU_SLOPE
    count = rng.poisson(normalisation * (low - high))
    mu = np.sort((high + rng.random(count) * (low - high)) ** (-1.0 / _MU_SLOPE))[::-1]
    weight = _RADII**3 * nfw.shape_density(_RADII, concentration)
    cumulative = np.cumsum(weight)
    radius = np.interp(rng.random(count) * cumulative[-1], cumulative, _RADII)
    position = (axes @ (directions(rng, count) * radius)).T * r200
    speed = np.sqrt(G * mass * nfw.enclosed(radius, concentration) / (radius * r200))
    velocity = rng.standard_normal((count, 3)) * (speed / np.sqrt(2.0))[:, None]
    tidal = radius * r200 * np.cbrt(mu / (3.0 * nfw.enclosed(radius, concentration)))
    return Subhaloes(mass=mu * mass, position=position, velocity=velocity, radius=tidal)
