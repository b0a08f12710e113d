"""Which galaxy is for training and which for testing, decided by the galaxy's name alone."""

from __future__ import annotations

import hashlib

__all__ = ["FRACTIONS", "split_of"]

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_of(simulation: str, root: int | str) -> str:
    """Split of a galaxy: "train", "validation" or "test".

    Args:
        simulation: run name, such as "TNG50-1".
        root: what all views and snapshots of one galaxy share: its merger-tree root, else its halo.

    SHA-256 of both, read as a number in [0, 1), falls into the bounds of `FRACTIONS`: the answer never depends on
    which other galaxies there are.
    """
    digest = hashlib.sha256(f"{simulation}:{root}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    bound = 0.0
    for name, fraction in FRACTIONS.items():
        bound += fraction
        if number < bound:
            return name
    return "test"
