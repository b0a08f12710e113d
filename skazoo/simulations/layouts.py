"""The layouts of simulation files: which dataset is which field, in which units, and how to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import SimulationError
from .code_units import LENGTH_CM, MASS_G, PART_TYPES, SFR_CGS, TNG_ATTRIBUTES, TNG_FIELDS, VELOCITY_CMS, CodeField
from .hdf5 import group_attributes, reading

__all__ = ["EAGLE", "FIRE", "SIMBA", "TNG", "Layout", "detect_layout"]


@dataclass(frozen=True)
class Layout:
    """How one family of simulations writes its snapshots.

    Attributes:
        name: "tng", "eagle", "simba" or "fire".
        fields: kind -> its `CodeField`s, in order of preference where two datasets stand for one field.
        length_cm: the code unit of length (ckpc/h or cMpc/h); masses are 1e10 Msun/h in all of them.
        scale: Header attribute with the scale factor.
        attributes: names of a dataset's attributes with powers of a and h and the cgs factor; None: it has none.
        wind_in_stars: wind particles are among the stars, marked by a formation time <= 0.
    """

    name: str
    fields: dict[str, tuple[CodeField, ...]]
    length_cm: float = LENGTH_CM
    scale: str = "Time"
    attributes: tuple[str, str, str] | None = None
    wind_in_stars: bool = False


TNG = Layout("tng", TNG_FIELDS, attributes=TNG_ATTRIBUTES, wind_in_stars=True)

# EAGLE (the EAGLE team 2017, arXiv:1706.09899): lengths in cMpc/h
_MPC_CM = 1e3 * LENGTH_CM
_EAGLE_COMMON = (
    CodeField("Coordinates", "position", 1, -1, _MPC_CM, 3),
    CodeField("Velocity", "velocity", 0.5, 0, VELOCITY_CMS, 3),
    CodeField("Mass", "mass", 0, -1, MASS_G),
    CodeField("ParticleIDs", "id", 0, 0, 0),
    CodeField("SmoothingLength", "smoothing_length", 1, -1, _MPC_CM),
)
EAGLE = Layout(
    "eagle",
    {
        "gas": (
            *_EAGLE_COMMON,
            CodeField("Density", "density", -3, 2, MASS_G / _MPC_CM**3),
            CodeField("InternalEnergy", "internal_energy", 0, 0, 1e10),
            CodeField("Temperature", "temperature", 0, 0, 1.0),
            CodeField("ElementAbundance/Hydrogen", "hydrogen_fraction", 0, 0, 0),
            CodeField("Metallicity", "metallicity", 0, 0, 0),
            CodeField("StarFormationRate", "star_formation_rate", 0, 0, SFR_CGS),
        ),
        "dark_matter": _EAGLE_COMMON,
        "stars": (
            *_EAGLE_COMMON,
            CodeField("Metallicity", "metallicity", 0, 0, 0),
            CodeField("StellarFormationTime", "formation_scale_factor", 0, 0, 0),
        ),
        "black_holes": _EAGLE_COMMON,
    },
    length_cm=_MPC_CM,
    scale="ExpansionFactor",
    attributes=("aexp-scale-exponent", "h-scale-exponent", "CGSConversionFactor"),
)

_GIZMO_COMMON = (
    CodeField("Coordinates", "position", 1, -1, LENGTH_CM, 3),
    CodeField("Velocities", "velocity", 0.5, 0, VELOCITY_CMS, 3),
    CodeField("Masses", "mass", 0, -1, MASS_G),
    CodeField("ParticleIDs", "id", 0, 0, 0),
    CodeField("SmoothingLength", "smoothing_length", 1, -1, LENGTH_CM),
)
# column 0 is all metals, column 1 helium
_GIZMO_ELEMENTS = (
    CodeField("Metallicity", "metallicity", 0, 0, 0, 2, pick=(0,)),
    CodeField("Metallicity", "hydrogen_fraction", 0, 0, 0, 2, pick=(0, 1), one_minus=True),
)
_GIZMO_GAS = (
    *_GIZMO_COMMON,
    *_GIZMO_ELEMENTS,
    CodeField("Density", "density", -3, 2, MASS_G / LENGTH_CM**3),
    CodeField("InternalEnergy", "internal_energy", 0, 0, 1e10),
    CodeField("ElectronAbundance", "electron_abundance", 0, 0, 0),
    CodeField("NeutralHydrogenAbundance", "neutral_hydrogen_abundance", 0, 0, 0),
    CodeField("StarFormationRate", "star_formation_rate", 0, 0, SFR_CGS),
)
_GIZMO_STARS = (
    *_GIZMO_COMMON,
    *_GIZMO_ELEMENTS[:1],
    CodeField("StellarFormationTime", "formation_scale_factor", 0, 0, 0),
)
# Simba (Dave et al. 2019): HI mass is m X_H GrackleHI
SIMBA = Layout(
    "simba",
    {
        "gas": (
            *_GIZMO_GAS,
            CodeField("GrackleHI", "atomic_hydrogen_abundance", 0, 0, 0),
            CodeField("FractionH2", "molecular_fraction", 0, 0, 0),
        ),
        "dark_matter": _GIZMO_COMMON,
        "stars": _GIZMO_STARS,
        "black_holes": _GIZMO_COMMON,
    },
)
# FIRE-2 (Wetzel et al. 2023): the magnetic field is physical Gauss in the file
FIRE = Layout(
    "fire",
    {
        "gas": (
            *_GIZMO_GAS,
            CodeField("MolecularMassFraction", "molecular_fraction", 0, 0, 0),
            CodeField("MagneticField", "magnetic_field", 0, 0, 1.0, 3),
        ),
        "dark_matter": _GIZMO_COMMON,
        "stars": _GIZMO_STARS,
        "black_holes": _GIZMO_COMMON,
    },
)
_SIMBA_ONLY = {"GrackleHI", "GrackleHII", "Dust_Masses", "DelayTime", "NWindLaunches", "HaloID", "FractionH2"}


def detect_layout(file, path: Path) -> Layout:
    """The layout of an open snapshot or cutout, by what it contains.

    EAGLE is known by `ExpansionFactor` and its own dataset names, Simba and FIRE-2 by what their versions of Gizmo
    write; what is left is TNG's (AREPO, CAMELS, Illustris, cutouts with any choice of fields).

    Raises:
        SimulationError: the file has no Header, or its groups cannot be read.
    """
    with reading(f"{path}: the list of its groups"):
        if "Header" not in file:
            raise SimulationError(f"{path} has no Header group: it is HDF5, but not a simulation file in TNG's layout.")
        groups = [part for part in PART_TYPES.values() if part in file]
        names = {part: set(file[part]) for part in groups}
        element_tables = [
            part for part in groups if "Metallicity" in names[part] and file[part]["Metallicity"].ndim == 2
        ]
    header = group_attributes(file, "Header", path)
    every = set().union(*names.values()) if names else set()
    if any(name.startswith(("GFM_", "Subfind")) for name in every):
        return TNG
    if "ExpansionFactor" in header and every & {"Mass", "Velocity", "GroupNumber", "ElementAbundance"}:
        return EAGLE
    if every & _SIMBA_ONLY:
        return SIMBA
    gizmo = element_tables or every & {"MolecularMassFraction", "CosmicRayEnergy"} or "Omega_Matter" in header
    return FIRE if gizmo else TNG
