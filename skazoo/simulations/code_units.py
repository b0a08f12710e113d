"""Code units of AREPO / IllustrisTNG files and what they are in kpc, Msun, km/s, G."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SimulationError
from .particles import UNITS

__all__ = ["TNG_FIELDS", "CodeField", "factor_from_attributes", "factor_from_table"]

# TNG's own unit system; the magnetic unit is sqrt(mass / length) / (length / velocity), in Gauss
LENGTH_CM, MASS_G, VELOCITY_CMS = 3.085678e21, 1.989e43, 1e5
_SFR = 1.989e33 / 3.1558e7  # Msun/yr as AREPO writes it, 6.3027e25 g/s
MAGNETIC_G = float(np.sqrt(MASS_G / LENGTH_CM) / (LENGTH_CM / VELOCITY_CMS))


@dataclass(frozen=True)
class CodeField:
    """One dataset of a TNG file.

    Attributes:
        dataset: its name in the file.
        name: our field name, a key of `UNITS`.
        a_scaling, h_scaling: powers of a and h in physical = data a^x h^y to_cgs.
        to_cgs: the factor to cgs; 0 marks a dimensionless dataset, as in the files' own attributes.
        columns: trailing dimension, 0 for a scalar.
    """

    dataset: str
    name: str
    a_scaling: float
    h_scaling: float
    to_cgs: float
    columns: int = 0


_DENSITY_CGS = MASS_G / LENGTH_CM**3
_COMMON = (
    CodeField("Coordinates", "position", 1, -1, LENGTH_CM, 3),
    CodeField("Velocities", "velocity", 0.5, 0, VELOCITY_CMS, 3),
    CodeField("Masses", "mass", 0, -1, MASS_G),
    CodeField("ParticleIDs", "id", 0, 0, 0),
    CodeField("SubfindHsml", "smoothing_length", 1, -1, LENGTH_CM),
)
# in order of preference where two datasets stand for one field; sources: TNG data specification and the files
TNG_FIELDS: dict[str, tuple[CodeField, ...]] = {
    "gas": (
        *_COMMON,
        CodeField("Density", "density", -3, 2, _DENSITY_CGS),
        CodeField("InternalEnergy", "internal_energy", 0, 0, 1e10),
        CodeField("ElectronAbundance", "electron_abundance", 0, 0, 0),
        CodeField("NeutralHydrogenAbundance", "neutral_hydrogen_abundance", 0, 0, 0),
        CodeField("GFM_Metallicity", "metallicity", 0, 0, 0),
        CodeField("StarFormationRate", "star_formation_rate", 0, 0, _SFR),
        CodeField("MagneticField", "magnetic_field", -2, 1, MAGNETIC_G, 3),
    ),
    "dark_matter": _COMMON,
    "stars": (
        *_COMMON,
        CodeField("GFM_InitialMass", "mass", 0, -1, MASS_G),
        CodeField("GFM_Metallicity", "metallicity", 0, 0, 0),
        CodeField("GFM_StellarFormationTime", "formation_scale_factor", 0, 0, 0),
    ),
    "black_holes": (*_COMMON,),
}
PART_TYPES = {"gas": "PartType0", "dark_matter": "PartType1", "stars": "PartType4", "black_holes": "PartType5"}

# cgs value of one `UNITS` unit, with TNG's own Msun and kpc: masses are 1e10 Msun/h there by definition, and
# the 0.03 % by which 1.989e33 g is not astropy's solar mass must not enter them
_CGS = {
    "position": LENGTH_CM,
    "smoothing_length": LENGTH_CM,
    "velocity": 1e5,
    "mass": MASS_G / 1e10,
    "density": MASS_G / 1e10 / LENGTH_CM**3,
    "internal_energy": 1e10,
    "magnetic_field": 1.0,
}


def factor_from_table(field: CodeField, scale_factor: float, hubble: float) -> float:
    """What a value of the file is multiplied with to be in `UNITS[field.name]`."""
    return _factor(field, field.a_scaling, field.h_scaling, field.to_cgs, scale_factor, hubble)


def factor_from_attributes(field: CodeField, attributes, scale_factor: float, hubble: float, where: str):
    """The same from the dataset's own attributes; None where it has none.

    Raises:
        SimulationError: attributes and table disagree by more than 0.1 %: one of them is wrong.
    """
    if "a_scaling" not in attributes or "to_cgs" not in attributes:
        return None
    try:
        power_a, power_h = float(attributes["a_scaling"]), float(attributes["h_scaling"])
        to_cgs = float(attributes["to_cgs"])
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{where}: its unit attributes cannot be read ({error}).") from error
    ours = factor_from_table(field, scale_factor, hubble)
    theirs = _factor(field, power_a, power_h, to_cgs, scale_factor, hubble)
    if not np.isfinite(theirs) or abs(theirs / ours - 1.0) > 1e-3:
        raise SimulationError(
            f"{where}: its unit attributes (a^{power_a:g} h^{power_h:g} {to_cgs:g}) give a factor of {theirs:g}, "
            f"the TNG specification {ours:g}; the file is not in TNG units or its attributes are wrong."
        )
    return theirs


def _factor(field: CodeField, power_a, power_h, to_cgs, scale_factor, hubble) -> float:
    scaling = scale_factor**power_a * hubble**power_h
    if field.name == "star_formation_rate":
        return scaling * ((to_cgs / _SFR) if to_cgs else 1.0)  # stored in Msun/yr, whatever the cgs factor's digits
    if UNITS[field.name] is None or to_cgs == 0:
        return scaling
    return scaling * to_cgs / _CGS[field.name]
