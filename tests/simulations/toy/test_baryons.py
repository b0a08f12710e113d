"""Gas and stars: relations that observers and TNG's own recipes would find."""

import astropy.units as u
import numpy as np
import pytest

from skazoo import physics
from skazoo.simulations.toy import Galaxy
from skazoo.simulations.toy.relations import mean_stellar_mass


def face_on(galaxy, species):
    """Radius in the disc plane and height, kpc."""
    local = species.position.value.astype(float) @ galaxy.hidden.disc
    return np.hypot(local[:, 0], local[:, 1]), local[:, 2], np.arctan2(local[:, 1], local[:, 0])


def hi_profile(galaxy, particles):
    """Radii (kpc) and Sigma_HI (Msun/pc^2), the median of 12 sectors, so that satellites do not count."""
    mass = physics.hi_mass(particles.gas).value
    radius, height, angle = face_on(galaxy, particles.gas)
    near = np.abs(height) < 8.0
    edges = galaxy.hidden.hi_diameter * np.linspace(0.0, 1.6, 33)
    sectors = np.linspace(-np.pi, np.pi, 13)
    table, _, _ = np.histogram2d(radius[near], angle[near], (edges, sectors), weights=mass[near])
    area = np.pi * np.diff(edges**2) / 12.0
    return 0.5 * (edges[1:] + edges[:-1]), table / area[:, None] / 1e6


def measured_diameter(galaxy, particles):
    radius, table = hi_profile(galaxy, particles)
    sigma = 0.5 * (np.median(table, axis=1) + table.mean(axis=1))
    last = np.flatnonzero(sigma > 1.0)[-1]
    pair = np.log(np.maximum(sigma[last : last + 2], 1e-9))
    return 2.0 * np.interp(0.0, -pair, radius[last : last + 2])


def disc_hi(galaxy, particles):
    """HI mass of the central disc: what lies within 1.3 R_HI of its plane."""
    radius, height, _ = face_on(galaxy, particles.gas)
    near = (radius < 0.65 * galaxy.hidden.hi_diameter) & (np.abs(height) < 6.0)
    return physics.hi_mass(particles.gas).value[near].sum()


def test_hi_size_mass_relation(galaxies):
    """log D_HI = 0.506 log M_HI - 3.293 (Wang et al. 2016), found through TNG's own HI recipe."""
    chosen = [pair for pair in galaxies if not pair[0].hidden.quenched]
    log_mass = np.log10([pair[0].hidden.hi_mass for pair in chosen])
    log_size = np.log10([measured_diameter(*pair) for pair in chosen])
    slope, zero = np.polyfit(log_mass, log_size, 1)
    assert slope == pytest.approx(0.506, abs=0.05)
    assert slope * 9.2 + zero == pytest.approx(0.506 * 9.2 - 3.293, abs=0.05)
    assert np.std(log_size - slope * log_mass - zero) < 0.1


def test_hi_mass_is_that_of_the_latents(galaxies):
    for galaxy, particles in galaxies:
        if not galaxy.hidden.quenched and len(galaxy.hidden.satellites) == 0:
            total = physics.hi_mass(particles.gas).value
            assert total.sum() > 0.99 * galaxy.hidden.hi_mass
    ratios = [disc_hi(*p) / p[0].hidden.hi_mass for p in galaxies if not p[0].hidden.quenched]
    assert np.median(ratios) == pytest.approx(0.95, abs=0.1)


def test_hi_saturates_and_turns_molecular(galaxies):
    """Sigma_HI stays below about 12 Msun/pc^2 in the mean of a ring while the total does not."""
    for galaxy, particles in galaxies:
        _, table = hi_profile(galaxy, particles)
        assert np.median(table, axis=1).max() < 15.0
    peaks = [np.median(hi_profile(*p)[1], axis=1).max() for p in galaxies if not p[0].hidden.quenched]
    assert 2.0 < np.median(peaks) < 10.0
    gas = galaxies[1][1].gas
    forming = gas.star_formation_rate.value > 0
    assert physics.neutral_fraction(gas)[forming] == pytest.approx(0.95, abs=0.01)
    molecular = physics.molecular_fraction(gas)[forming]
    assert molecular.min() < 0.3 and molecular.max() > 0.7


def test_stellar_to_halo_mass_peaks_near_1e12():
    halo = np.logspace(10.5, 13.5, 61)
    share = mean_stellar_mass(halo) / halo
    assert 0.02 < share.max() < 0.05
    assert 11.7 < np.log10(halo[np.argmax(share)]) < 12.3
    drawn = [Galaxy.draw(s, (12.0, 12.0)) for s in range(300)]
    logs = np.log10([g.hidden.stellar_mass for g in drawn])
    assert np.std(logs) == pytest.approx(0.18, abs=0.03)
    assert np.corrcoef(logs, [g.visible.formation for g in drawn])[0, 1] == pytest.approx(0.4, abs=0.15)


def test_mass_of_particles_is_that_of_the_latents(galaxies):
    for galaxy, particles in galaxies:
        hidden = galaxy.hidden
        stars = particles.stars.mass.value.sum(dtype=np.float64)
        assert stars == pytest.approx(hidden.stellar_mass + hidden.satellites.stellar_mass.sum(), rel=1e-3)
        baryons = stars + particles.gas.mass.value.sum(dtype=np.float64)
        assert baryons < 1.3 * particles.dark_matter.mass.value.sum(dtype=np.float64) * 0.187


def test_cells_have_sensible_sizes(galaxies):
    for _, particles in galaxies[:20]:
        gas = particles.gas
        size = np.cbrt(3.0 / (4.0 * np.pi) * gas.mass.value / gas.density.value)
        forming = gas.star_formation_rate.value > 0
        assert 0.02 < np.median(size[forming]) < 1.0
        assert np.quantile(size, 0.5) < 5.0


def test_disc_leans_on_the_minor_axis_and_rotates(galaxies):
    tilts = []
    for seed in range(400):
        galaxy = Galaxy.draw(seed)
        tilts.append(np.arccos(galaxy.hidden.disc[:, 2] @ galaxy.visible.minor_axis))
    assert np.sqrt(np.mean(np.square(tilts)) / 2.0) == pytest.approx(np.deg2rad(25.0), rel=0.1)
    for galaxy, particles in galaxies[:20]:
        gas = particles.gas.select(particles.gas.star_formation_rate.value > 0)
        radius, _, _ = face_on(galaxy, gas)
        near = radius < 0.5 * galaxy.hidden.hi_diameter
        gas = gas.select(near)
        spin = gas.mass.value @ np.cross(gas.position.value, gas.velocity.value)
        assert spin @ galaxy.hidden.disc[:, 2] * galaxy.hidden.spin > 0.8 * np.linalg.norm(spin)
        speed = np.linalg.norm(spin) / (gas.mass.value @ radius[near])
        assert 0.4 < speed / galaxy.visible.v200 < 3.0


def test_hot_gas_is_near_the_virial_temperature(galaxies):
    ratios = []
    for galaxy, particles in galaxies:
        kelvin = physics.temperature(particles.gas).to_value(u.K)
        gas = particles.gas
        hot = (kelvin > 3e4) & (gas.star_formation_rate.value == 0)
        virial = 0.5 * 0.59 * 121.147 * galaxy.visible.v200**2
        if virial > 1e5:
            ratios.append(np.average(kelvin[hot], weights=gas.mass.value[hot]) / virial)
    assert 0.6 < np.mean(ratios) < 1.4


def test_magnetic_field_is_that_of_discs(galaxies):
    strengths = []
    for galaxy, particles in galaxies:
        field = physics.magnetic_field_strength(particles.gas).to_value(u.G)
        assert field.min() >= 0.99e-9
        forming = particles.gas.star_formation_rate.value > 0
        strengths.append(np.average(field[forming], weights=particles.gas.mass.value[forming]))
        density = particles.gas.density.to_value(u.g / u.cm**3)
        speed = np.where(forming, 1e6, 0.35e5 * galaxy.visible.v200)
        assert np.all(field[forming] ** 2 / 8 / np.pi <= 1.01 * 0.5 * (density * speed**2)[forming] + 1e-20)
    assert 1e-6 < np.median(strengths) < 1e-5


def test_star_formation_metals_and_quenching(galaxies):
    live = [p for p in galaxies if not p[0].hidden.quenched]
    dead = [p for p in galaxies if p[0].hidden.quenched]
    rate = lambda pairs: np.median([p[1].metadata["sfr"] / p[0].hidden.stellar_mass for p in pairs])  # noqa: E731
    assert rate(live) > 3.0 * rate(dead)
    for _, particles in galaxies:
        gas = particles.gas
        number = physics.hydrogen_number_density(gas).to_value(u.cm**-3)
        assert np.all(number[gas.star_formation_rate.value > 0] > 0.105)
        assert 0.0 < gas.metallicity.min() and gas.metallicity.max() <= 0.04
        age = particles.stars.formation_scale_factor
        assert 0.0 < age.min() and age.max() <= 1.0
    quenched = np.array([[np.log10(g.visible.halo_mass), g.hidden.quenched] for g in map(Galaxy.draw, range(600))])
    high = quenched[:, 0] > 12.4
    assert quenched[high, 1].mean() > 0.6 and quenched[quenched[:, 0] < 11.5, 1].mean() < 0.1


def test_satellite_gas_sits_on_subhaloes(galaxies):
    found = 0
    for galaxy, particles in galaxies:
        hi = physics.hi_mass(particles.gas).value
        position = particles.gas.position.value
        for host, mass in zip(galaxy.hidden.satellites.host, galaxy.hidden.satellites.hi_mass, strict=True):
            centre = galaxy.visible.subhaloes.position[host]
            if np.linalg.norm(centre) > 0.3 * galaxy.visible.r200:
                near = np.linalg.norm(position - centre, axis=1) < 40.0
                assert hi[near].sum() > 0.5 * mass
                found += 1
    assert found > 50


def test_redshift_moves_the_halo():
    now, then = Galaxy.draw(5, (12.0, 12.0)), Galaxy.draw(5, (12.0, 12.0), redshift=1.0)
    assert then.visible.r200 < now.visible.r200 and then.header.snapshot == 50
    particles = then.particles()
    assert particles.header.redshift == 1.0
    assert particles.stars.formation_scale_factor.max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("masses", "redshift"), [((9.5, 9.6), 0.0), ((13.9, 14.0), 0.0), ((10.5, 12.7), 6.0)])
def test_every_field_is_finite_and_masses_are_positive(masses, redshift):
    for seed in range(12):
        particles = Galaxy.draw(seed, masses, redshift).particles(resolution=0.5)
        for species in particles.species.values():
            assert (species.mass.value > 0).all()
            for name in species.fields:
                values = getattr(species, name)
                assert np.isfinite(getattr(values, "value", values)).all(), (species.kind, name)
        assert (particles.gas.density.value > 0).all() and (particles.gas.internal_energy.value > 0).all()
