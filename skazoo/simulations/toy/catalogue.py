"""What a group catalogue says about a set of particles: masses, radii, spins, as SUBFIND measures them."""

from __future__ import annotations

import numpy as np

from .cosmology import HUBBLE, OMEGA_MATTER, G, critical_density

__all__ = ["group_row", "subhalo_row"]

_MASS = HUBBLE / 1e10  # code mass of one Msun


def group_row(members: dict, centre, velocity, redshift: float) -> dict:
    """One row of the Group table, in TNG's code units.

    Args:
        members: type number -> dict of position (N, 3) kpc relative to the centre, velocity (N, 3) km/s relative to
            the bulk motion, mass (N,) Msun, and star_formation_rate for gas.
        centre: (3,) in the box, ckpc/h.
        velocity: (3,) peculiar velocity of the group, km/s.
    """
    length = HUBBLE * (1.0 + redshift)  # ckpc/h of one proper kpc
    masses, lengths = _masses(members), _lengths(members)
    row = {
        "GroupLen": np.int32(lengths.sum()),
        "GroupLenType": lengths,
        "GroupMass": np.float32(masses.sum() * _MASS),
        "GroupMassType": (masses * _MASS).astype(np.float32),
        "GroupPos": np.asarray(centre, np.float32),
        "GroupCM": (np.asarray(centre) + _centre_of_mass(members) * length).astype(np.float32),
        "GroupVel": (np.asarray(velocity) / (1.0 + redshift)).astype(np.float32),  # in (km/s)/a: peculiar * a
        "GroupSFR": np.float32(_star_formation(members)),
    }
    radius, mass = _profile(members)
    critical = critical_density(redshift)
    x = OMEGA_MATTER * (1.0 + redshift) ** 3 * critical_density(0.0) / critical - 1.0
    overdensities = {
        "Crit200": 200.0 * critical,
        "Crit500": 500.0 * critical,
        "Mean200": 200.0 * critical * (1.0 + x),
        "TopHat200": (18.0 * np.pi**2 + 82.0 * x - 39.0 * x**2) * critical,  # Bryan & Norman (1998)
    }
    for name, density in overdensities.items():
        inside = mass > 4.0 / 3.0 * np.pi * radius**3 * density
        last = np.flatnonzero(inside)[-1] if inside.any() else 0
        row[f"Group_M_{name}"] = np.float32(mass[last] * _MASS if inside.any() else 0.0)
        row[f"Group_R_{name}"] = np.float32(radius[last] * length if inside.any() else 0.0)
    return row


def subhalo_row(members: dict, centre, velocity, redshift: float, group: int, parent: int) -> dict:
    """One row of the Subhalo table; arguments as `group_row`, with the group's number and the parent's within it."""
    length = HUBBLE * (1.0 + redshift)
    masses, lengths = _masses(members), _lengths(members)
    radius, mass = _profile(members)
    speed = np.sqrt(G * mass / np.maximum(radius, 1e-3))
    fastest = int(np.argmax(speed))
    everything = {
        key: np.concatenate([np.asarray(m[key], np.float64) for m in members.values()])
        for key in ("position", "velocity", "mass")
    }
    weight = everything["mass"] / everything["mass"].sum()
    motion = weight @ everything["velocity"]
    relative = everything["velocity"] - motion
    spin = weight @ np.cross(everything["position"], relative)
    half = np.zeros(6, np.float32)
    for kind, member in members.items():
        half[kind] = _half_mass_radius(member["position"], member["mass"]) * length
    heaviest = max(members, key=lambda kind: len(members[kind]["mass"]))
    identity = members[heaviest]["id"][int(np.argmin(np.sum(members[heaviest]["position"] ** 2, axis=1)))]
    return {
        "SubhaloLen": np.int32(lengths.sum()),
        "SubhaloLenType": lengths,
        "SubhaloMass": np.float32(masses.sum() * _MASS),
        "SubhaloMassType": (masses * _MASS).astype(np.float32),
        "SubhaloPos": np.asarray(centre, np.float32),
        "SubhaloCM": (np.asarray(centre) + weight @ everything["position"] * length).astype(np.float32),
        "SubhaloVel": (np.asarray(velocity) + motion).astype(np.float32),
        "SubhaloVelDisp": np.float32(np.sqrt(weight @ (relative**2).sum(axis=1) / 3.0)),
        "SubhaloSpin": (spin * HUBBLE).astype(np.float32),  # (kpc/h) (km/s)
        "SubhaloVmax": np.float32(speed[fastest]),
        "SubhaloVmaxRad": np.float32(radius[fastest] * length),
        "SubhaloHalfmassRad": np.float32(_half_mass_radius(everything["position"], everything["mass"]) * length),
        "SubhaloHalfmassRadType": half,
        "SubhaloSFR": np.float32(_star_formation(members)),
        "SubhaloIDMostbound": np.uint64(identity),
        "SubhaloGrNr": np.int32(group),
        "SubhaloParent": np.int32(parent),
        "SubhaloFlag": np.bool_(True),
    }


def _masses(members) -> np.ndarray:
    """(6,) Msun; wind particles (type 4 without an age) count as gas, as in TNG's catalogues."""
    masses = np.zeros(6)
    for kind, member in members.items():
        wind = member["wind"] if "wind" in member else np.zeros(len(member["mass"]), bool)
        masses[kind] += member["mass"][~wind].sum(dtype=np.float64)
        masses[0] += member["mass"][wind].sum(dtype=np.float64)
    return masses


def _lengths(members) -> np.ndarray:
    lengths = np.zeros(6, np.int32)
    for kind, member in members.items():
        lengths[kind] = len(member["mass"])
    return lengths


def _star_formation(members) -> float:
    return float(members[0]["star_formation_rate"].sum(dtype=np.float64)) if 0 in members else 0.0


def _centre_of_mass(members) -> np.ndarray:
    moment = sum(np.asarray(m["mass"], np.float64) @ m["position"] for m in members.values())
    return moment / sum(m["mass"].sum(dtype=np.float64) for m in members.values())


def _profile(members) -> tuple[np.ndarray, np.ndarray]:
    """Sorted radii (kpc) and the mass within them (Msun)."""
    radius = np.concatenate([np.linalg.norm(m["position"], axis=1) for m in members.values()])
    mass = np.concatenate([m["mass"] for m in members.values()]).astype(np.float64)
    order = np.argsort(radius)
    return radius[order], np.cumsum(mass[order])


def _half_mass_radius(position, mass) -> float:
    if len(mass) == 0:
        return 0.0
    radius = np.linalg.norm(position, axis=1)
    order = np.argsort(radius)
    cumulative = np.cumsum(np.asarray(mass, np.float64)[order])
    return float(radius[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])
