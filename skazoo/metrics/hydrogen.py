r"""What radio astronomers measure of an HI map: column densities, the HI disc's size, and its relation to the mass.

Maps are HI surface densities in Msun kpc^-2, (n, H, W), seen in projection as they are.

    N_HI = Sigma_HI / m_H           1 Msun kpc^-2 = 1.2479e14 cm^-2;  1 Msun pc^-2 = 1.2479e20 cm^-2
    D_HI = 2 R_HI, R_HI where the azimuthal mean falls to 1 Msun pc^-2
    log10(D_HI / kpc) = 0.506 log10(M_HI / Msun) - 3.293, scatter 0.06 dex      (observed discs, face-on)

Sources: Wang et al. (2016), MNRAS 460, 2143, eq. 2 (the relation); Wolfe, Gawiser & Prochaska (2005), ARA&A 43, 861
(damped absorbers, log10 N_HI of 20.3 and above).
"""

from __future__ import annotations

import astropy.constants as constants
import astropy.units as u
import numpy as np

from .inputs import as_maps, as_pixel_scale, same_unit
from .one_point import total
from .profiles import threshold_radius

__all__ = ["DAMPED", "PER_CM2", "column_density", "damped_fraction", "hi_mass_and_diameter", "size_residual"]

_HYDROGEN = 1.00784 * constants.u  # mass of the atom
PER_CM2 = float((1 * u.Msun / u.kpc**2 / _HYDROGEN).to_value(u.cm**-2))
DAMPED = 20.3  # log10 cm^-2
EDGE = 1e6  # Msun kpc^-2, that is 1 Msun pc^-2
SLOPE, OFFSET = 0.506, -3.293


def column_density(maps) -> np.ndarray:
    """N_HI in cm^-2 of HI maps in Msun kpc^-2 (or Quantities of a surface density), (n, H, W)."""
    values, unit = as_maps("maps", maps)
    factor = 1.0 if unit is None else same_unit("column_density", u.Msun / u.kpc**2, "maps", unit)
    return values * factor * PER_CM2


def damped_fraction(maps) -> np.ndarray:
    """Fraction (n,) of the frame's pixels with log10(N_HI / cm^-2) of 20.3 or more: the covering fraction of DLAs."""
    return np.mean(column_density(maps) >= 10**DAMPED, axis=(1, 2))


def hi_mass_and_diameter(maps, pixel_scale=None) -> tuple[np.ndarray, np.ndarray]:
    """M_HI (n,) in Msun within the frame and D_HI (n,) in kpc.

    The diameter is 0 where no ring reaches 1 Msun pc^-2 and NaN where the disc reaches beyond the frame.
    """
    scale, _ = as_pixel_scale(pixel_scale, maps)
    values = column_density(maps) / PER_CM2
    return total(values, scale), 2 * threshold_radius(values, EDGE, scale)


def size_residual(mass, diameter) -> np.ndarray:
    """log10 D_HI less the relation's, in dex; NaN where there is no diameter or no mass."""
    mass, diameter = np.asarray(mass, np.float64), np.asarray(diameter, np.float64)
    known = np.isfinite(diameter) & (diameter > 0) & (mass > 0)
    result = np.full(known.shape, np.nan)
    result[known] = np.log10(diameter[known]) - SLOPE * np.log10(mass[known]) - OFFSET
    return result
