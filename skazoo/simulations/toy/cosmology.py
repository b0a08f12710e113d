"""The toy universe's cosmology (that of IllustrisTNG) and its snapshot numbers."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

__all__ = [
    "BARYON_FRACTION",
    "G",
    "HUBBLE",
    "OMEGA_BARYON",
    "OMEGA_LAMBDA",
    "OMEGA_MATTER",
    "SNAPSHOTS",
    "cosmic_time",
    "cosmology",
    "critical_density",
    "scale_factor_at",
    "snapshot_number",
    "virial_radius",
]

HUBBLE, OMEGA_MATTER, OMEGA_BARYON = 0.6774, 0.3089, 0.0486
OMEGA_LAMBDA = 1.0 - OMEGA_MATTER
BARYON_FRACTION = OMEGA_BARYON / OMEGA_MATTER
G = 4.300917e-6  # kpc (km/s)^2 / Msun
_HUBBLE_TIME = 977.792 / (100.0 * HUBBLE)  # Gyr

# TNG's full snapshots: number -> redshift (TNG data specification)
SNAPSHOTS = {
    99: 0.0, 91: 0.1, 84: 0.2, 78: 0.3, 72: 0.4, 67: 0.5, 59: 0.7, 50: 1.0, 40: 1.5, 33: 2.0,
    25: 3.0, 21: 4.0, 17: 5.0, 13: 6.0, 11: 7.0, 8: 8.0, 6: 9.0, 4: 10.0, 3: 11.0, 2: 12.0,
}  # fmt: skip


@lru_cache(maxsize=1)
def cosmology():
    """The astropy cosmology: flat, H0 = 67.74, Omega_m = 0.3089, Omega_b = 0.0486 (Planck 2015, as TNG)."""
    from astropy.cosmology import FlatLambdaCDM

    return FlatLambdaCDM(H0=100.0 * HUBBLE, Om0=OMEGA_MATTER, Ob0=OMEGA_BARYON, name="TNG")


def snapshot_number(redshift: float) -> int:
    """Number of the full TNG snapshot nearest in expansion factor."""
    return min(SNAPSHOTS, key=lambda n: abs(math.log1p(SNAPSHOTS[n]) - math.log1p(redshift)))


def critical_density(redshift: float) -> float:
    """rho_c(z) = 277.5 h^2 E(z)^2 Msun/kpc^3, proper."""
    return 277.5 * HUBBLE**2 * (OMEGA_MATTER * (1.0 + redshift) ** 3 + OMEGA_LAMBDA)


def virial_radius(mass: float, redshift: float) -> float:
    """R200c = (3 M / (800 pi rho_c))^(1/3), proper kpc, of a mass in Msun."""
    return (3.0 * mass / (800.0 * math.pi * critical_density(redshift))) ** (1.0 / 3.0)


def cosmic_time(scale_factor):
    """Age of the flat universe, Gyr: t = 2 / (3 sqrt(Omega_L) H0) asinh(sqrt(Omega_L / Omega_m a^3))."""
    argument = np.sqrt(OMEGA_LAMBDA / OMEGA_MATTER * np.asarray(scale_factor) ** 3)
    return 2.0 / (3.0 * math.sqrt(OMEGA_LAMBDA)) * _HUBBLE_TIME * np.arcsinh(argument)


def scale_factor_at(time):
    """Inverse of `cosmic_time`; `time` in Gyr."""
    argument = np.sinh(1.5 * math.sqrt(OMEGA_LAMBDA) / _HUBBLE_TIME * np.asarray(time))
    return np.cbrt(OMEGA_MATTER / OMEGA_LAMBDA * argument**2)
