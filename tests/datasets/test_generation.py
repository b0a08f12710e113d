"""One example: paired, physical, reproducible, with what redraws it; statistics against numpy."""

import numpy as np
import pytest

from skazoo.datasets.generate import Galaxy, View, examples, make_example, pool_of, workers
from skazoo.datasets.shards import digest_of
from skazoo.datasets.statistics import FieldStatistics, compressed
from skazoo.errors import DatasetError
from skazoo.maps import FIELDS

from .conftest import SMALL


def digest(items) -> str:
    value = digest_of({})
    for example in items:
        digest_of(example, value)
    return value.hexdigest()


def test_an_example_is_paired_physical_and_reproducible():
    galaxy = Galaxy("toy", 11)
    particles = galaxy.particles()
    one = make_example(particles, galaxy, 0, View(npix=32, array=""))
    assert one["id"] == "toy/11/0" and one["rotation"].shape == (3, 3)
    assert digest([one]) == digest([make_example(Galaxy("toy", 11).particles(), galaxy, 0, View(npix=32, array=""))])
    other = make_example(particles, galaxy, 1, View(npix=32, array=""))
    assert not np.allclose(one["gas"], other["gas"])
    # the pixel grid is shared: the HI mass in the map is the one recorded
    assert one["hi"].sum() * one["pixel_kpc"] ** 2 == pytest.approx(float(one["hi_mass"]), rel=1e-5)
    gas, hi = np.log10(one["gas"] + 1e3).ravel(), np.log10(one["hi"] + 1e2).ravel()
    assert np.corrcoef(gas, hi)[0, 1] > 0.5
    assert (one["hi"] <= one["gas"] * (1 + 1e-5)).all()


def test_an_example_can_be_redrawn_from_what_it_records(decoded):
    from skazoo.maps.rendering import render
    from skazoo.simulations import toy

    one = decoded["train"][0]
    galaxy = toy.Galaxy.draw(int(one["galaxy"]), redshift=float(one["redshift"]))
    extent = FIELDS["hi"].unit and 16 * float(one["pixel_kpc"])
    import astropy.units as u

    again = render(galaxy.redraw_hidden(1, 0)[0].particles(), ("dark_matter",), 16, extent * u.kpc, one["rotation"])
    # same halo, same view: the dark matter is the example's, but for the rotation's single precision
    np.testing.assert_allclose(again["dark_matter"].data, one["dark_matter"], rtol=2e-3)


def test_hours_are_drawn_for_each_example_and_recorded():
    view = View(hours=(10.0, 1000.0))
    drawn = np.array([view.hours_for(Galaxy("toy", number, snapshot=99).seed(0)) for number in range(2000)])
    assert 10.0 <= drawn.min() < 10.2 and 980.0 < drawn.max() <= 1000.0
    logs = np.log10(drawn)
    assert logs.mean() == pytest.approx(2.0, abs=0.05) and logs.std() == pytest.approx(2 / np.sqrt(12), abs=0.03)
    assert view.hours_for(5) == view.hours_for(5) and View(hours=7).hours_for(5) == 7.0
    with pytest.raises(DatasetError, match="hours"):
        View(hours=(10.0, 1.0)).hours_for(0)


def test_noise_falls_with_the_hours_of_the_example(decoded):
    found = [(float(e["hours"]), float(e["noise_rms"])) for own in decoded.values() for e in own]
    hours, noise = np.array(found).T
    np.testing.assert_allclose(noise * np.sqrt(hours), noise[0] * np.sqrt(hours[0]), rtol=1e-5)
    assert len(set(hours)) == len(hours)


def test_content_does_not_depend_on_the_number_of_processes():
    galaxies = [Galaxy("toy", seed) for seed in range(4)]
    alone = list(examples(galaxies, 2, SMALL))
    with pool_of(2) as pool:
        together = list(examples(galaxies, 2, SMALL, pool))
    assert [e["id"] for e in together] == [f"toy/{g}/{v}" for g in range(4) for v in range(2)]
    assert digest(alone) == digest(together)


def test_a_bad_galaxy_is_named_or_skipped(tmp_path):
    (tmp_path / "broken_7.hdf5").write_text("no")
    galaxies = [Galaxy("toy", 1), Galaxy("broken_7", 0, str(tmp_path / "broken_7.hdf5")), Galaxy("toy", 2)]
    with pytest.raises(DatasetError, match="broken_7.hdf5.*not an HDF5 file"):
        list(examples(galaxies, 1, SMALL))
    bad = {}
    assert [e["id"] for e in examples(galaxies, 1, SMALL, bad=bad)] == ["toy/1/0", "toy/2/0"]
    assert list(bad) == ["broken_7.hdf5"] and "not an HDF5 file" in bad["broken_7.hdf5"]


def test_workers_are_checked(monkeypatch):
    monkeypatch.setenv("SKAZOO_WORKERS", "many")
    with pytest.raises(DatasetError, match="SKAZOO_WORKERS"):
        workers()


def test_statistics_against_numpy_and_in_parts():
    maps = np.random.default_rng(0).lognormal(8, 3, (20, 16, 16))
    maps[:, :4] = 0.0
    parts = [FieldStatistics("hi") for _ in range(3)]
    for number, one in enumerate(maps):
        parts[number // 7].update(one, f"galaxy {number}")
    whole = FieldStatistics("hi")
    for part in parts:
        whole.merge(part.state())
    found = whole.result()
    log = np.log10(np.maximum(maps, FIELDS["hi"].floor))
    np.testing.assert_allclose(compressed("hi", maps), log)
    expected = [maps.min(), maps.max(), maps.mean(), maps.std(), log.mean(), log.std(), 0.25, 20]
    keys = ("min", "max", "mean", "std", "compressed_mean", "compressed_std", "zero_fraction", "maps")
    np.testing.assert_allclose([found[key] for key in keys], expected, rtol=1e-9)
    assert found["quantiles"]["0.5"] == pytest.approx(np.median(maps), rel=0.3)
