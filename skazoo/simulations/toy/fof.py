"""One galaxy as the group finder sees it: its particles sorted into subhaloes and fuzz."""

from __future__ import annotations

import numpy as np

from .cosmology import G
from .dark_matter import dark_matter_particles
from .galaxy import Galaxy
from .streams import generator

__all__ = ["MEMBER_FIELDS", "split_into_subhaloes"]

_SMALLEST = 20  # particles of a subhalo in the catalogue, as SUBFIND's limit in TNG
_FUZZ = 1.5  # of R200: farther particles are bound to no subhalo
_WIND_SHARE, _WIND_MASS = 0.01, 1e-4  # of the star particles; of a gas cell

# fields of each type that are written, by our names
MEMBER_FIELDS = {
    0: (
        "position", "velocity", "mass", "density", "internal_energy", "electron_abundance",
        "neutral_hydrogen_abundance", "hydrogen_fraction", "metallicity", "star_formation_rate", "magnetic_field",
    ),
    1: ("position", "velocity", "mass", "smoothing_length"),
    4: (
        "position", "velocity", "mass", "metallicity", "formation_scale_factor", "smoothing_length", "wind",
    ),
    5: ("position", "velocity", "mass"),
}  # fmt: skip


def split_into_subhaloes(galaxy: Galaxy, particle_mass: float, resolution: float) -> tuple[list[dict], list[int]]:
    """Members of the central, of each resolved subhalo (most members first) and of the fuzz.

    A particle belongs to a subhalo when it is within its tidal radius and slower, relative to it, than twice
    sqrt(G m / r_t): a rough energy criterion.

    Args:
        particle_mass: of all dark matter in the run, Msun: the halo is sampled anew with it.
        resolution: factor of the numbers of gas cells and stars.

    Returns: a list of dicts, type -> name -> array, the fuzz last; and the subhaloes' rows in
    `galaxy.visible.subhaloes`, -1 for the central.
    """
    types = _all_particles(galaxy, particle_mass, resolution)
    visible = galaxy.visible
    clumps = visible.subhaloes
    labels = {}
    for kind, member in types.items():
        distance = np.linalg.norm(member["position"], axis=1)
        label = np.where(distance > _FUZZ * visible.r200, -2, -1)
        if kind != 5:
            for row in range(len(clumps)):
                offset = member["position"] - clumps.position[row]
                motion = member["velocity"] - clumps.velocity[row]
                limit = 4.0 * G * clumps.mass[row] / clumps.radius[row]
                near = np.einsum("ij,ij->i", offset, offset) < clumps.radius[row] ** 2
                label[near & (np.einsum("ij,ij->i", motion, motion) < limit)] = row
        labels[kind] = label
    sizes = sum(np.bincount(label[label >= 0], minlength=len(clumps)) for label in labels.values())
    for kind in labels:  # the unresolved ones dissolve into the central
        small = labels[kind] >= 0
        small[small] = sizes[labels[kind][small]] < _SMALLEST
        labels[kind][small] = -1
    order = [-1, *(int(row) for row in np.argsort(-sizes, kind="stable") if sizes[row] >= _SMALLEST)]
    parts = [_select(types, labels, row) for row in (*order, -2)]
    return parts, order


def _select(types, labels, row) -> dict:
    chosen = {}
    for kind, member in types.items():
        rows = np.flatnonzero(labels[kind] == row)
        if len(rows):
            chosen[kind] = {name: values[rows] for name, values in member.items()}
    return chosen


def _all_particles(galaxy: Galaxy, particle_mass: float, resolution: float) -> dict:
    particles = galaxy.particles(resolution)
    types = {}
    for kind, species in ((0, particles.gas), (4, particles.stars)):
        types[kind] = {
            name: np.asarray(getattr(getattr(species, name), "value", getattr(species, name)))
            for name in MEMBER_FIELDS[kind]
            if name != "wind"
        }
    dark = dark_matter_particles(galaxy.visible, particle_mass=particle_mass)
    types[1] = {name: values() if callable(values) else values for name, values in dark.items()}
    _add_wind(types, generator(galaxy.hidden.seed, "run"))
    if galaxy.hidden.stellar_mass > 1e9:
        mass = np.array([10.0**8.2 * (galaxy.hidden.stellar_mass / 1e11) ** 1.1], np.float32)
        zeros = np.zeros((1, 3), np.float32)
        types[5] = {"position": zeros, "velocity": zeros, "mass": mass}
    return dict(sorted(types.items()))


def _add_wind(types: dict, rng) -> None:
    """A few wind particles: type 4 with a formation time <= 0 and next to no mass, which readers must leave out."""
    gas, stars = types[0], types[4]
    count = max(int(_WIND_SHARE * len(stars["mass"])), 1)
    rows = rng.choice(len(gas["mass"]), count, replace=False)
    wind = {
        "position": gas["position"][rows],
        "velocity": gas["velocity"][rows],
        "mass": gas["mass"][rows] * np.float32(_WIND_MASS),
        "metallicity": gas["metallicity"][rows],
        "formation_scale_factor": np.full(count, -0.1, np.float32),
        "smoothing_length": np.ones(count, np.float32),
    }
    types[4] = {name: np.concatenate([stars[name], wind[name]]) for name in wind}
    types[4]["wind"] = types[4]["formation_scale_factor"] <= 0.0
