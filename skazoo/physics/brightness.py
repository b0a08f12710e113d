"""The 21 cm line: brightness temperature, column density, flux."""

from __future__ import annotations

import astropy.constants as const
import astropy.units as u
import numpy as np

from ..errors import check_positive

__all__ = [
    "brightness_temperature",
    "brightness_temperature_from_column",
    "column_density",
    "hi_flux",
    "line_depth",
]

_COLUMN = 1.8224e18 * u.cm**-2 / (u.K * u.km / u.s)  # optically thin: N_HI = 1.8224e18 int T_b dv


def brightness_temperature(comoving_hi_density: u.Quantity, redshift: float, cosmology) -> u.Quantity:
    """Mean 21 cm brightness temperature as observed, T_b = 189 h H0 / (a^2 H(a)) rho_HI / rho_c mK.

    Villaescusa-Navarro et al. 2018 (ApJ 866, 135), the formula of the talk. rho_HI is the *comoving* HI
    density and rho_c = 3 H0^2 / (8 pi G) the critical density today. The constant is the published one; CODATA
    constants give 191.05, so the formula is 1.1 % low.

    Args:
        comoving_hi_density: any shape, mass / volume.
        redshift: z of the gas.
        cosmology: `astropy.cosmology.FLRW`.

    Returns: same shape, mK.
    """
    critical = 3.0 * cosmology.H0**2 / (8.0 * np.pi * const.G)
    rate = float((cosmology.H0 / cosmology.H(redshift)).to_value(u.one)) * (1.0 + redshift) ** 2
    hubble = float(cosmology.H0.to_value(u.km / u.s / u.Mpc)) / 100.0
    return 189.0 * hubble * rate * (comoving_hi_density / critical).to(u.one) * u.mK


def line_depth(channel_width: u.Quantity, redshift: float, cosmology) -> u.Quantity:
    """Comoving depth L = dv (1 + z) / H(z) that a channel of rest-frame velocity width dv spans, kpc."""
    check_positive("channel_width", channel_width)
    return (channel_width * (1.0 + redshift) / cosmology.H(redshift)).to(u.kpc)


def column_density(surface_density: u.Quantity) -> u.Quantity:
    """N_HI = Sigma_HI / m_H of a (proper) HI surface density, cm^-2; 1 Msun/pc^2 is 1.248e20 cm^-2."""
    hydrogen = const.m_p + const.m_e
    return (surface_density / hydrogen).to(u.cm**-2)


def brightness_temperature_from_column(
    column: u.Quantity, channel_width: u.Quantity, redshift: float = 0.0
) -> u.Quantity:
    """Observed mean T_b = N_HI / (1.8224e18 dv) / (1 + z) over a channel of rest-frame width dv, mK.

    Optically thin emission; the factor 1 / (1 + z) takes the rest-frame brightness to the observer, as in
    `brightness_temperature`, with which it agrees to 0.6 % when that is given rho_HI = Sigma_HI a^2 / L.
    """
    check_positive("channel_width", channel_width)
    return (column / (_COLUMN * channel_width)).to(u.mK) / (1.0 + redshift)


def hi_flux(mass: u.Quantity, distance: u.Quantity) -> u.Quantity:
    """Velocity-integrated 21 cm flux S = M_HI / (2.36e5 D^2), Jy km/s, for nearby galaxies (z ~ 0)."""
    value = mass.to_value(u.Msun) / (2.36e5 * distance.to_value(u.Mpc) ** 2)
    return value * u.Jy * u.km / u.s
