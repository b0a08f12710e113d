"""Dark matter: NFW profile, shape, subhaloes."""

import numpy as np
import pytest

from skazoo.simulations.toy import Galaxy, nfw
from skazoo.simulations.toy.cosmology import BARYON_FRACTION, critical_density
from skazoo.simulations.toy.dark_matter import dark_matter_particles


def radii(particles):
    return np.linalg.norm(particles.dark_matter.position.value.astype(float), axis=1)


def test_mass_within_r200_is_m200(galaxies):
    for galaxy, particles in galaxies:
        inside = radii(particles) < galaxy.visible.r200
        mass = particles.dark_matter.mass.value[inside].sum(dtype=np.float64) / (1.0 - BARYON_FRACTION)
        assert mass == pytest.approx(galaxy.visible.halo_mass, rel=0.02)
        volume = 4.0 / 3.0 * np.pi * galaxy.visible.r200**3
        assert mass / volume == pytest.approx(200.0 * critical_density(0.0), rel=0.02)


def test_profile_is_nfw(galaxies):
    """M(<r) of the stacked haloes against ln(1 + x) - x / (1 + x); triaxiality and clumps leave a few percent."""
    fractions = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
    ratios = []
    for galaxy, particles in galaxies:
        x = np.sort(radii(particles) / galaxy.visible.r200)
        measured = np.searchsorted(x, fractions) / np.searchsorted(x, 1.0)
        c = galaxy.visible.concentration
        expected = [(np.log1p(c * f) - c * f / (1 + c * f)) / (np.log1p(c) - c / (1 + c)) for f in fractions]
        ratios.append(measured / expected)
    assert np.mean(ratios, axis=0) == pytest.approx(np.ones(6), abs=0.06)


def test_particle_mass_option_keeps_the_halo(galaxies):
    visible = galaxies[0][0].visible
    sampled = dark_matter_particles(visible, particle_mass=visible.dark_matter_mass / 40000)
    inside = np.linalg.norm(sampled["position"], axis=1) < visible.r200
    assert len(np.unique(sampled["mass"])) == 1
    assert sampled["mass"][inside].sum(dtype=np.float64) == pytest.approx(visible.dark_matter_mass, rel=0.03)


def test_equal_masses_and_hot_enough(galaxies):
    for galaxy, particles in galaxies[:10]:
        assert len(np.unique(particles.dark_matter.mass.value)) == 1
        speed = particles.dark_matter.velocity.value.astype(float)
        assert np.sqrt((speed**2).sum(axis=1).mean() / 3.0) == pytest.approx(0.7 * galaxy.visible.v200, rel=0.25)


def test_axis_ratios_come_back_from_the_inertia_tensor(galaxies):
    """The shape tensor of the outer halo without its subhaloes, iterated to the ellipsoid it belongs to."""
    errors = []
    for galaxy, _ in galaxies[:30]:
        visible = galaxy.visible
        smooth = len(visible.subhaloes)
        position = dark_matter_particles(visible)["position"].astype(float)
        clumps = visible.subhaloes
        keep = np.ones(len(position), bool)
        for row in range(smooth):
            keep &= np.linalg.norm(position - clumps.position[row], axis=1) > clumps.radius[row]
        position = position[keep]
        axes, ratio = visible.orientation, np.ones(3)
        for _ in range(12):
            local = position @ axes / ratio
            distance = np.linalg.norm(local, axis=1) / visible.r200
            shell = position[(distance > 0.5) & (distance < 1.0)]
            weight = 1.0 / np.sum((shell @ axes / ratio) ** 2, axis=1)
            values, vectors = np.linalg.eigh((shell * weight[:, None]).T @ shell / weight.sum())
            axes, ratio = vectors[:, ::-1], np.sqrt(values[::-1])
            ratio /= np.cbrt(ratio.prod())
        b, c = ratio[1] / ratio[0], ratio[2] / ratio[0]
        errors.append((b - visible.axis_ratios[0], c - visible.axis_ratios[1]))
        assert abs(axes[:, 2] @ visible.minor_axis) > 0.9 or b - c < 0.1
    assert np.abs(np.mean(errors, axis=0)).max() < 0.05
    assert np.std(errors, axis=0).max() < 0.06


def test_subhaloes_are_overdense_and_follow_their_mass_function():
    drawn = [Galaxy.draw(seed).visible for seed in range(300)]
    mu = np.concatenate([v.subhaloes.mass / v.halo_mass for v in drawn])
    assert 6.0 < len(mu) / 300 < 25.0
    slope = 1.0 / np.mean(np.log(mu[mu < 0.05] / 1e-3))  # maximum likelihood, truncated end ignored
    assert slope == pytest.approx(0.95, abs=0.15)
    share = np.array([v.subhaloes.mass.sum() / v.halo_mass for v in drawn])
    assert 0.03 < share.mean() < 0.12
    formation = np.array([v.formation for v in drawn])
    number = np.array([len(v.subhaloes) for v in drawn])
    assert np.corrcoef(formation, number)[0, 1] < -0.2
    visible = next(v for v in drawn if len(v.subhaloes) and v.subhaloes.mass[0] > 0.03 * v.halo_mass)
    position = dark_matter_particles(visible)["position"]
    clump, size = visible.subhaloes.position[0], 0.3 * visible.subhaloes.radius[0]
    near = np.sum(np.linalg.norm(position - clump, axis=1) < size)
    opposite = np.sum(np.linalg.norm(position + clump, axis=1) < size)
    assert near > 4 * max(opposite, 1)


def test_concentration_of_dutton_and_maccio():
    assert nfw.mean_concentration(1e12 / 0.6774, 0.0) == pytest.approx(10**0.905, rel=1e-6)
    logs = [np.log10(Galaxy.draw(s, (12.0, 12.0)).visible.concentration) for s in range(300)]
    assert np.std(logs) == pytest.approx(0.11, abs=0.02)
    assert nfw.mean_concentration(1e12, 1.0) < nfw.mean_concentration(1e12, 0.0)
