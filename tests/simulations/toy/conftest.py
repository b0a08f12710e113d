"""Galaxies that several tests look at, drawn once."""

import pytest

from skazoo.simulations.toy import Galaxy


@pytest.fixture(scope="session")
def galaxies():
    """Sixty galaxies of the default mass range, with their particles."""
    drawn = [Galaxy.draw(seed) for seed in range(60)]
    return [(galaxy, galaxy.particles()) for galaxy in drawn]
