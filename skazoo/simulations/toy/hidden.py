"""Hidden latents: what the dark matter does not show. Given the visible ones they are drawn independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import relations
from .cosmology import BARYON_FRACTION
from .geometry import directions, frame_about
from .streams import generator
from .visible import Visible

__all__ = ["HI_SCATTER", "Hidden", "Satellites", "draw_hidden"]

HI_SCATTER = 0.35  # dex of M_HI at fixed stellar mass
STELLAR_SCATTER = 0.18  # dex of M* at fixed halo mass
FORMATION_CORRELATION = 0.4  # of log M* with the halo's formation time (visible)
SIZE_SCATTER = 0.06  # dex of D_HI at fixed M_HI
AXIS_SCATTER = np.deg2rad(25.0)  # Rayleigh: tilt of the disc against the halo's minor axis
_SATELLITES = 6
_SATELLITE_MASS = 5e8  # Msun: lighter subhaloes are dark


@dataclass(frozen=True, eq=False)
class Satellites:
    """Gas and stars of the luminous subhaloes.

    Attributes:
        host: (n,) rows of `Visible.subhaloes`.
        hi_mass, stellar_mass: (n,) Msun.
        axis: (n, 3) of their discs.
        stripped: (n,) share of the HI that trails behind as a tail.
        tail: (n, 3) from the satellite to the end of its tail (kpc).
        bend: (n, 3) by which the middle of the tail departs from a straight line (kpc).
    """

    host: np.ndarray
    hi_mass: np.ndarray
    stellar_mass: np.ndarray
    axis: np.ndarray
    stripped: np.ndarray
    tail: np.ndarray
    bend: np.ndarray

    def __len__(self) -> int:
        return len(self.host)


@dataclass(frozen=True, eq=False)
class Hidden:
    """Everything that the baryons depend on besides the visible latents. Angles in radian, phases about the disc.

    Attributes:
        seed: of the gas and star particles, turbulence included.
        stellar_mass, hi_mass: of the central galaxy (Msun).
        hi_diameter: where its HI falls to 1 Msun/pc^2, were it an undisturbed disc (kpc).
        quenched: most of the gas is gone, and the centre is empty.
        disc: (3, 3) columns: two axes in the disc and its spin axis (misaligned from the halo's minor axis).
        spin: +1 or -1, sense of rotation about the third column.
        arms, pitch, arm_strength, arm_phase: spiral; strength is the kappa of exp(kappa cos psi).
        bar: length / R_HI, or 0; bar_phase.
        lopsidedness, lopsided_phase: m = 1 amplitude at R_HI.
        warp, warp_phase, warp_start: inclination of the outer disc, node, radius / R_HI where it sets in.
        hole: radius / R_HI of the central depression, or 0.
        cavities: (n, 3) x, y, radius of bubbles blown into the disc, in units of R_HI.
        bubbles: radius (kpc) of the two cavities that the outflow blew into the hot gas, or 0.
        turbulence, turbulence_slope: standard deviation of ln Sigma and -d ln P / d ln k.
        clouds: HI mass of cool clouds in the halo / HI mass of the median galaxy.
        retained: share of the cosmic baryons still within R200.
        core: core radius / R200 of the hot gas; temperature: T / T_vir.
        magnetic: factor of |B|; metallicity: factor of Z; size: factor of R_1/2; bulge: share of the stars.
        satellites: the luminous ones.
    """

    seed: int
    stellar_mass: float
    hi_mass: float
    hi_diameter: float
    quenched: bool
    disc: np.ndarray
    spin: int
    arms: int
    pitch: float
    arm_strength: float
    arm_phase: float
    bar: float
    bar_phase: float
    lopsidedness: float
    lopsided_phase: float
    warp: float
    warp_phase: float
    warp_start: float
    hole: float
    cavities: np.ndarray
    bubbles: float
    turbulence: float
    turbulence_slope: float
    clouds: float
    retained: float
    core: float
    temperature: float
    magnetic: float
    metallicity: float
    size: float
    bulge: float
    satellites: Satellites


def draw_hidden(visible: Visible, seed: int) -> Hidden:
    """Hidden latents of one realisation; p(hidden | visible) depends on mass, formation, axes and subhaloes."""
    rng = generator(seed, "hidden")
    normal, uniform = rng.standard_normal, rng.random
    formation = FORMATION_CORRELATION * visible.formation + np.sqrt(1.0 - FORMATION_CORRELATION**2) * normal()
    mean_stars = relations.mean_stellar_mass(visible.halo_mass, visible.redshift)
    stellar_mass = mean_stars * 10.0 ** (STELLAR_SCATTER * formation)
    hi_mass = relations.mean_hi_mass(stellar_mass) * 10.0 ** (HI_SCATTER * normal())
    quenched = bool(uniform() < relations.quenched_probability(visible.halo_mass))
    loss, hole = 10.0 ** (-2.0 + 0.7 * uniform()), 0.3 + 0.3 * uniform()
    if quenched:
        hi_mass *= 2.0 * loss
    diameter = relations.hi_diameter(hi_mass) * 10.0 ** (SIZE_SCATTER * normal())
    tilt, azimuth = rng.rayleigh(AXIS_SCATTER), 2.0 * np.pi * uniform()
    frame = frame_about(visible.minor_axis)
    axis = frame @ [np.sin(tilt) * np.cos(azimuth), np.sin(tilt) * np.sin(azimuth), np.cos(tilt)]
    phases = 2.0 * np.pi * rng.random(4)
    bulge = 1.0 / (1.0 + np.exp(-(np.log10(stellar_mass) - 10.7) / 0.3))
    bulge = np.clip(0.1 + 0.5 * bulge + 0.25 * quenched + 0.08 * normal(), 0.02, 0.9)
    massive = 1.0 / (1.0 + np.exp(-(np.log10(stellar_mass) - 10.3) / 0.2))
    central_hole, blown = uniform() < 0.15 + 0.25 * massive, uniform() < massive
    cavity_radius = 10.0 ** (0.3 + 0.875 * uniform())  # 2 to 15 kpc
    count = rng.poisson(2.0)
    places, sizes = 0.9 * np.sqrt(rng.random(count)), 0.05 + 0.1 * rng.random(count)
    angles = 2.0 * np.pi * rng.random(count)
    return Hidden(
        seed=seed,
        stellar_mass=float(stellar_mass),
        hi_mass=float(hi_mass),
        hi_diameter=float(diameter),
        quenched=quenched,
        disc=frame_about(axis / np.linalg.norm(axis)),
        spin=1 if uniform() < 0.5 else -1,
        arms=int(rng.choice((2, 3, 4), p=(0.6, 0.2, 0.2))),
        pitch=float(np.deg2rad(10.0 + 20.0 * uniform())),
        arm_strength=float((0.3 + 1.2 * uniform()) * (0.3 if quenched else 1.0)),
        arm_phase=float(phases[0]),
        bar=float((0.15 + 0.2 * uniform()) * (uniform() < 0.4)),
        bar_phase=float(phases[1]),
        lopsidedness=float(0.3 * uniform()),
        lopsided_phase=float(phases[2]),
        warp=float(np.deg2rad(20.0 * uniform())),
        warp_phase=float(phases[3]),
        warp_start=float(0.7 + 0.3 * uniform()),
        hole=float(hole if quenched else (0.15 + 0.2 * uniform()) * central_hole),
        cavities=np.stack([places * np.cos(angles), places * np.sin(angles), sizes], axis=1),
        bubbles=float(cavity_radius * blown),
        turbulence=float(0.3 + 0.6 * uniform()),
        turbulence_slope=float(np.clip(2.6 + 0.3 * normal(), 1.8, 3.4)),
        clouds=float(10.0 ** (-1.6 + 0.4 * normal())),
        retained=float(np.clip(0.5 + 0.06 * visible.formation + 0.08 * normal(), 0.3, 0.7)),
        core=float(np.clip(0.09 * 10.0 ** (-0.15 * visible.formation + 0.05 * normal()), 0.05, 0.15)),
        temperature=float(np.clip(1.0 + 0.2 * normal(), 0.5, 1.5)),
        magnetic=float(10.0 ** (0.2 * normal())),
        metallicity=float(10.0 ** (0.1 * normal())),
        size=float(10.0 ** (0.2 * normal())),
        bulge=float(bulge),
        satellites=_draw_satellites(rng, visible),
    )


def _draw_satellites(rng, visible: Visible) -> Satellites:
    """Up to six luminous subhaloes: three times heavier at infall, a third of a central's HI or less, tails."""
    clumps = visible.subhaloes
    host = np.flatnonzero(clumps.mass > _SATELLITE_MASS)[:_SATELLITES]
    count = len(host)
    stars = relations.mean_stellar_mass(3.0 * clumps.mass[host], visible.redshift)
    stars = stars * 10.0 ** (STELLAR_SCATTER * rng.standard_normal(count))
    hi = relations.mean_hi_mass(stars) / 3.0 * 10.0 ** (HI_SCATTER * rng.standard_normal(count))
    hi = np.minimum(hi, 0.3 * BARYON_FRACTION * clumps.mass[host])
    velocity = clumps.velocity[host]
    speed = np.maximum(np.linalg.norm(velocity, axis=1, keepdims=True), 1.0)
    aside = 0.35 * rng.standard_normal((count, 3))
    length = (5.0 + 0.12 * visible.r200 * rng.random((count, 1))) * (0.3 + rng.random((count, 1)))
    return Satellites(
        host=host,
        hi_mass=hi,
        stellar_mass=stars,
        axis=directions(rng, count).T.astype(np.float64),
        stripped=0.1 + 0.7 * rng.random(count) ** 2,
        tail=(aside - velocity / speed) * length,
        bend=0.15 * rng.standard_normal((count, 3)) * length,
    )
