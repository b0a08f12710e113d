"""The TNG cosmology and angular scales."""

from __future__ import annotations

from functools import lru_cache

import astropy.units as u
from astropy.cosmology import FlatLambdaCDM

__all__ = ["TNG", "arcsec_per_kpc"]

# Planck Collaboration XIII (2016), as IllustrisTNG uses it
TNG = FlatLambdaCDM(H0=67.74, Om0=0.3089, Ob0=0.0486, name="TNG")


@lru_cache(maxsize=64)
def arcsec_per_kpc(redshift: float, cosmology=TNG) -> float:
    """Angle under which one proper kpc is seen at `redshift` > 0, arcsec."""
    return float(cosmology.arcsec_per_kpc_proper(redshift).to_value(u.arcsec / u.kpc))
