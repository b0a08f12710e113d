"""Code units of simulation files and what they are in kpc, Msun, km/s, G; the table of AREPO / IllustrisTNG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SimulationError
from .particles import UNITS

__all__ = ["TNG_ATTRIBUTES", "TNG_FIELDS", "CodeField", "factor_from_attributes", "factor_from_table"]

# TNG's own unit system; the magnetic unit is sqrt(mass / length) / (length / velocity), in Gauss
LENGTH_CM, MASS_G, VELOCITY_CMS = 3.085678e21, 1.989e43, 1e5
SFR_CGS = 1.989e33 / 3.15576e7  # Msun/yr as AREPO writes it, 6.30276e25 g/s
MAGNETIC_G = float(np.sqrt(MASS_G / LENGTH_CM) / (LENGTH_CM / VELOCITY_CMS))


@dataclass(frozen=True)
class CodeField:
    """One dataset of a simulation file.

    Attributes:
        dataset: its name in the file.
        name: our field name, a key of `UNITS`.
        a_scaling, h_scaling: powers of a and h in physical = data a^x h^y to_cgs.
        to_cgs: the factor to cgs; 0 marks a dimensionless dataset, as in the files' own attributes.
        columns: trailing dimension, 0 for a scalar.
        pick: columns whose sum is the field (of a table of elements); empty for the whole dataset.
        one_minus: the field is one minus that sum.
    """

    dataset: str
    name: str
    a_scaling: float
    h_scaling: float
    to_cgs: float
    columns: int = 0
    pick: tuple[int, ...] = ()
    one_minus: bool = False


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
        CodeField("GFM_Metals", "hydrogen_fraction", 0, 0, 0, 10, pick=(0,)),
        CodeField("GFM_Metallicity", "metallicity", 0, 0, 0),
        CodeField("StarFormationRate", "star_formation_rate", 0, 0, SFR_CGS),
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
TNG_ATTRIBUTES = ("a_scaling", "h_scaling", "to_cgs")
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
    "temperature": 1.0,
}


def factor_from_table(field: CodeField, scale_factor: float, hubble: float) -> float:
    """What a value of the file is multiplied with to be in `UNITS[field.name]`."""
    return _factor(field, field.a_scaling, field.h_scaling, field.to_cgs, scale_factor, hubble)


def factor_from_attributes(
    field: CodeField, attributes, scale_factor: float, hubble: float, where: str, names: tuple = TNG_ATTRIBUTES
):
    """The same from the dataset's own attributes; None where it has none.

    Args:
        names: of the attributes with the power of a, the power of h and the factor to cgs.

    Raises:
        SimulationError: attributes and table disagree by more than 0.1 %: one of them is wrong.
    """
    present = [name in attributes for name in names]
    if not any(present):
        return None
    if not all(present):
        lost = ", ".join(name for name, there in zip(names, present, strict=True) if not there)
        raise SimulationError(f"{where}: it has unit attributes, but not {lost}; the file is damaged, get it again.")
    try:
        power_a, power_h, to_cgs = (float(np.asarray(attributes[name]).ravel()[0]) for name in names)
    except (IndexError, TypeError, ValueError) as error:
        raise SimulationError(f"{where}: its unit attributes cannot be read ({error}).") from error
    ours = factor_from_table(field, scale_factor, hubble)
    with np.errstate(all="ignore"):
        theirs = float(_factor(field, np.float64(power_a), np.float64(power_h), to_cgs, scale_factor, hubble))
    if UNITS[field.name] is None and to_cgs in (0.0, 1.0):
        to_cgs = field.to_cgs  # both mark a number without a unit
    same_powers = abs(power_a - field.a_scaling) < 1e-6 and abs(power_h - field.h_scaling) < 1e-6
    same_unit = UNITS[field.name] is not None or to_cgs == field.to_cgs
    if not np.isfinite(theirs) or abs(theirs / ours - 1.0) > 1e-3 or not (same_powers and same_unit):
        raise SimulationError(
            f"{where}: its unit attributes (a^{power_a:g} h^{power_h:g} {to_cgs:g}) give a factor of {theirs:g}, "
            f"the specification of the simulation {ours:g}; its units are others or its attributes are wrong."
        )
    # star formation rates are in Msun/yr in the files: the digits of the attribute's g/s must not enter them
    return ours if field.name == "star_formation_rate" else theirs


def _factor(field: CodeField, power_a, power_h, to_cgs, scale_factor, hubble) -> float:
    scaling = scale_factor**power_a * hubble**power_h
    if field.name == "star_formation_rate":
        return scaling * ((to_cgs / SFR_CGS) if to_cgs else 1.0)  # stored in Msun/yr, whatever the cgs factor's digits
    if UNITS[field.name] is None or to_cgs == 0:
        return scaling
    return scaling * to_cgs / _CGS[field.name]
