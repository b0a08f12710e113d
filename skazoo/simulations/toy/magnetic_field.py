"""Magnetic field of the gas cells."""

from __future__ import annotations

import numpy as np

from .geometry import cross
from .hidden import Hidden
from .interstellar import NUMBER_DENSITY
from .streams import generator
from .visible import Visible

__all__ = ["magnetic_field"]

_STRENGTH = 6.0  # microgauss at n_H = 1 cm^-3
_HALO, _HALO_LENGTH, _FLOOR = 0.3, 50.0, 1e-3  # microgauss, kpc, microgauss


def magnetic_field(visible: Visible, hidden: Hidden, position, density, turbulent_speed) -> np.ndarray:
    """(N, 3) G: |B| = 6 uG n_H^(2/3) and a halo 0.3 uG e^(-r / 50 kpc), at most in equipartition with turbulence.

    Equipartition: B^2 / 8 pi = eps rho sigma^2 / 2, with eps = 1 for M200 > 10^11.5 Msun, less below (Pakmor et
    al. 2024 find it only there). Azimuthal about the disc's axis, plus a random part.

    Args:
        position: (3, N) kpc.
        density: (N,) Msun/kpc^3.
        turbulent_speed: sigma, km/s, (N,).
    """
    rng = generator(hidden.seed, "magnetic_field")
    number = np.float32(0.76 * NUMBER_DENSITY) * density
    distance = np.sqrt(np.einsum("ij,ij->j", position, position))
    strength = np.float32(_STRENGTH) * np.cbrt(number) ** 2
    strength = np.maximum(strength, np.float32(_HALO) * np.exp(-distance / np.float32(_HALO_LENGTH)))
    strength = strength * np.float32(hidden.magnetic)
    efficiency = 1.0 / (1.0 + (visible.halo_mass / 10.0**11.5) ** -1.5)
    # sqrt(4 pi eps rho) sigma in microgauss, rho in Msun/kpc^3
    cap = np.float32(np.sqrt(4.0 * np.pi * efficiency * 6.7699e-32) * 1e11) * np.sqrt(density) * turbulent_speed
    strength = np.maximum(np.minimum(strength, cap), np.float32(_FLOOR))
    axis = hidden.disc[:, 2].astype(np.float32) * np.float32(hidden.spin)
    around = cross(axis, position) / np.maximum(distance, np.float32(1e-3))
    vector = around + np.float32(0.5) * rng.standard_normal(position.shape, dtype=np.float32)
    vector *= np.float32(1e-6) * strength / np.maximum(np.sqrt(np.einsum("ij,ij->j", vector, vector)), 1e-6)
    return np.ascontiguousarray(vector.T)
