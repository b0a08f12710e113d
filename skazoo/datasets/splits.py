"""Which galaxy is for training and which for testing, decided by the galaxy's name and mass alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .generate import Galaxy

__all__ = ["FRACTIONS", "SPLITS", "galaxies_of_splits", "rank", "split_of"]

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
SPLITS = (*FRACTIONS, "ood_mass", "ood_simulation")
_FEWEST = 20  # groups: fewer cannot fill three splits by chance


def rank(name: str) -> float:
    """SHA-256 of a name, read as a number in [0, 1)."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_of(simulation: str, root: int | str) -> str:
    """Split of a galaxy: "train", "validation" or "test".

    Args:
        simulation: run name, such as "TNG50-1".
        root: what all views and snapshots of one galaxy share: its merger-tree root, else its halo.

    The `rank` of both falls into the bounds of `FRACTIONS`: the answer never depends on which other galaxies there are.
    """
    number = rank(f"{simulation}:{root}")
    bound = 0.0
    for name, fraction in FRACTIONS.items():
        bound += fraction
        if number < bound:
            return name
    return "test"


def galaxies_of_splits(
    galaxies: Iterable[Galaxy], ood_mass: float | None = None, leave_out: str = ""
) -> dict[str, list[Galaxy]]:
    """Galaxies by split; each list in an order that depends on the names alone and mixes masses and simulations.

    Args:
        galaxies: of one or several simulations and snapshots.
        ood_mass: halo mass (Msun); galaxies whose group reaches it, at any snapshot, make the split "ood_mass".
        leave_out: simulation that makes the split "ood_simulation" (leave-one-simulation-out).

    A group, which never crosses splits, is what shares a simulation and a root. Fewer than 20 groups are one's own
    test objects: all of them go to "test".
    """
    groups: dict[tuple[str, str], list[Galaxy]] = {}
    for galaxy in galaxies:
        groups.setdefault(galaxy.group, []).append(galaxy)
    chosen: dict[str, list[Galaxy]] = {name: [] for name in SPLITS}
    for (simulation, root), members in groups.items():
        if leave_out and simulation == leave_out:
            name = "ood_simulation"
        elif len(groups) < _FEWEST:
            name = "test"
        elif ood_mass is not None and any(member.halo_mass >= ood_mass for member in members):
            name = "ood_mass"
        else:
            name = split_of(simulation, root)
        chosen[name] += members
    return {name: sorted(own, key=lambda g: rank(g.name)) for name, own in chosen.items() if own}
