"""Where a field that a file lacks can be had, and what can stand in for it."""

from __future__ import annotations

__all__ = ["FULL_SNAPSHOTS", "MINI_FIELDS", "advice"]

# TNG data specification: 20 of the 100 snapshots hold every field
FULL_SNAPSHOTS = (2, 3, 4, 6, 8, 11, 13, 17, 21, 25, 33, 40, 50, 59, 67, 72, 78, 84, 91, 99)
# what the other 80 hold, of the datasets that are read here
MINI_FIELDS = {
    "gas": (
        "Coordinates", "Velocities", "Masses", "Density", "InternalEnergy", "ElectronAbundance", "GFM_Metallicity",
        "StarFormationRate", "SubfindHsml", "ParticleIDs",
    ),
    "dm": ("Coordinates", "Velocities", "SubfindHsml", "ParticleIDs"),
    "stars": (
        "Coordinates", "Velocities", "Masses", "GFM_InitialMass", "GFM_Metallicity", "GFM_StellarFormationTime",
        "SubfindHsml", "ParticleIDs",
    ),
    "bhs": ("Coordinates", "Velocities", "Masses", "ParticleIDs"),
}  # fmt: skip

_FULL_ONLY = {"magnetic_field": "MagneticField", "neutral_hydrogen_abundance": "NeutralHydrogenAbundance",
              "hydrogen_fraction": "GFM_Metals"}  # fmt: skip
_INSTEAD = {
    "magnetic_field": "Without it synchrotron emission cannot be made; take a full snapshot near in time.",
    "neutral_hydrogen_abundance": "skazoo.physics.neutral_fraction computes it for star-forming cells from density "
    "and temperature, and from electron_abundance elsewhere.",
    "hydrogen_fraction": "skazoo.physics takes 0.76 where it is absent.",
    "smoothing_length": "Gas has cell radii from mass / density; the renderer computes neighbour distances.",
    "temperature": "skazoo.physics.temperature computes it from internal_energy and electron_abundance.",
    "electron_abundance": "Ask for ElectronAbundance when making the cutout: every TNG snapshot has it.",
    "formation_scale_factor": "Without it wind particles cannot be told from stars.",
    "atomic_hydrogen_abundance": "Only Simba stores it; skazoo.physics.hi_mass computes it.",
    "molecular_fraction": "Only Simba and FIRE-2 store it; skazoo.physics.molecular_fraction computes it.",
}
_NO_FIELD = {
    "eagle": "EAGLE was run without magnetic fields.",
    "simba": "Simba was run without magnetic fields.",
    "fire": "Only the FIRE-2 runs with MHD store it.",
}


def advice(layout: str, snapshot: int, kind: str, name: str) -> str:
    """A sentence or two for `MissingField`; empty where there is nothing to say.

    Args:
        layout: name of the file's `Layout`.
        snapshot: number, -1 where unknown.
    """
    said = []
    if kind == "gas" and layout == "tng" and name in _FULL_ONLY:
        full = ", ".join(map(str, FULL_SNAPSHOTS))
        if snapshot in FULL_SNAPSHOTS:
            said.append(f"Snapshot {snapshot} of TNG has it: ask for {_FULL_ONLY[name]} when making the cutout.")
        else:
            this = f"{snapshot} is a mini snapshot; " if 0 <= snapshot <= 99 else ""
            said.append(f"{this}TNG stores {_FULL_ONLY[name]} in its full snapshots only: {full}.")
    if name == "magnetic_field" and layout in _NO_FIELD:
        return f"{_NO_FIELD[layout]} Take a TNG run for synchrotron emission."
    if name in _INSTEAD and (kind == "gas" or name in ("smoothing_length", "formation_scale_factor")):
        said.append(_INSTEAD[name])
    return " ".join(said)
