"""Hidden latents: exact draws of the baryons in a fixed halo."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.simulations import toy
from skazoo.simulations.toy.hidden import FORMATION_CORRELATION, HI_SCATTER, STELLAR_SCATTER

from .maps import discriminate, log_maps, summary


def digest(particles) -> str:
    """SHA-256 over every field of every particle."""
    total = hashlib.sha256()
    for kind, species in particles.species.items():
        for name in species.fields:
            values = getattr(species, name)
            total.update(f"{kind}.{name}".encode())
            total.update(np.ascontiguousarray(getattr(values, "value", values)).tobytes())
    return total.hexdigest()


def test_redraw_keeps_the_dark_matter_and_changes_the_rest():
    galaxy = toy.Galaxy.draw(11)
    first = galaxy.particles()
    for other in galaxy.redraw_hidden(3, seed=1):
        particles = other.particles()
        for name in first.dark_matter.fields:
            ours, theirs = getattr(first.dark_matter, name), getattr(particles.dark_matter, name)
            assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()
        assert other.visible is galaxy.visible and other.seed == galaxy.seed
        assert other.hidden.hi_mass != galaxy.hidden.hi_mass
        assert not np.array_equal(first.gas.position.value[:100], particles.gas.position.value[:100])
        assert not np.array_equal(first.stars.position.value[:100], particles.stars.position.value[:100])


def test_redraws_do_not_depend_on_their_number_or_on_other_haloes():
    galaxy, other = toy.Galaxy.draw(11), toy.Galaxy.draw(12)
    few, many = galaxy.redraw_hidden(2, 7), galaxy.redraw_hidden(5, 7)
    assert [g.hidden.seed for g in few] == [g.hidden.seed for g in many[:2]]
    seeds = {g.hidden.seed for g in many} | {g.hidden.seed for g in other.redraw_hidden(5, 7)}
    assert len(seeds | {galaxy.hidden.seed}) == 11
    assert galaxy.redraw_hidden(0, 7) == []


def test_regeneration_is_byte_identical_in_another_process():
    program = (
        "from tests.simulations.toy.test_hidden import digest\n"
        "from skazoo.simulations.toy import Galaxy\n"
        "Galaxy.draw(2).particles(); print(digest(Galaxy.draw(31, redshift=0.3).particles()))"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = digest(toy.Galaxy.draw(31, redshift=0.3).particles())
    assert there.stdout.strip() == here
    assert digest(toy.Galaxy.draw(31, redshift=0.3).particles()) == here
    assert digest(toy.Galaxy.draw(32, redshift=0.3).particles()) != here


def test_scatter_of_hi_at_fixed_dark_matter_is_the_input_scatter():
    galaxy = toy.Galaxy.draw(1, (11.0, 11.0))
    redraws = [g.hidden for g in galaxy.redraw_hidden(1500, 3)]
    logs = np.log10([h.hi_mass for h in redraws if not h.quenched])
    stars = 0.3 * STELLAR_SCATTER * np.sqrt(1.0 - FORMATION_CORRELATION**2)  # M_HI ~ M*^0.3
    assert np.std(logs) == pytest.approx(np.hypot(HI_SCATTER, stars), rel=0.06)


@pytest.fixture(scope="module")
def pairs():
    """Maps of 500 galaxies and of one redraw of each."""
    first, second = [], []
    for seed in range(500):
        galaxy = toy.Galaxy.draw(seed)
        first.append(log_maps(galaxy.particles(resolution=0.5)))
        second.append(log_maps(galaxy.redraw_hidden(1, 9)[0].particles(resolution=0.5)))
    return first, second


def summaries(sources, targets, fields):
    return np.array([summary(s, t, fields) for s, t in zip(sources, targets, strict=True)])


def test_redraws_are_indistinguishable_and_shuffled_pairs_are_not(pairs):
    first, second = pairs
    fields = ("hi", "gas", "stars")
    drawn = summaries(first, first, fields)
    redrawn = summaries(first, second, fields)
    shuffled = summaries(first, [*first[1:], first[0]], fields)
    assert discriminate(drawn, redrawn) == pytest.approx(0.5, abs=0.03)
    assert discriminate(drawn, shuffled) > 0.9
    alone = discriminate(summaries(first, first, ("hi",)), summaries(first, [*first[1:], first[0]], ("hi",)))
    assert alone > 0.8  # HI alone says less: its mass scatters by 0.35 dex


def test_dark_matter_explains_part_of_the_hi(pairs):
    first, _ = pairs
    dark = np.concatenate([m["dark_matter"].ravel() for m in first])
    hi = np.concatenate([m["hi"].ravel() for m in first])
    assert 0.3 < np.corrcoef(dark, hi)[0, 1] ** 2 < 0.8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: toy.Galaxy.draw(-1), "seed"),
        (lambda: toy.Galaxy.draw(1.5), "seed"),
        (lambda: toy.Galaxy.draw(True), "seed"),
        (lambda: toy.Galaxy.draw(1, (12.0, 11.0)), "log_mass_range"),
        (lambda: toy.Galaxy.draw(1, (8.0, 11.0)), "log_mass_range"),
        (lambda: toy.Galaxy.draw(1, 12.0), "log_mass_range"),
        (lambda: toy.Galaxy.draw(1, redshift=-0.1), "redshift"),
        (lambda: toy.Galaxy.draw(1, redshift=float("nan")), "redshift"),
        (lambda: toy.Galaxy.draw(1).redraw_hidden(-2, 0), "n must"),
        (lambda: toy.Galaxy.draw(1).redraw_hidden("two", 0), "n must"),
        (lambda: toy.Galaxy.draw(1).redraw_hidden(2, "a"), "seed"),
        (lambda: toy.Galaxy.draw(1).particles(resolution=0.0), "resolution"),
    ],
)
def test_errors_name_the_parameter(call, words):
    with pytest.raises(ParameterError, match=words):
        call()


def test_numpy_integers_are_seeds():
    assert toy.Galaxy.draw(np.int64(3)).visible.halo_mass == toy.Galaxy.draw(3).visible.halo_mass


def test_latents_are_frozen():
    galaxy = toy.Galaxy.draw(3)
    for part in (galaxy, galaxy.visible, galaxy.hidden):
        with pytest.raises(AttributeError):
            part.seed = 4
