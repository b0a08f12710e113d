"""Splits: by galaxy, stable, and nothing of a galaxy in two of them."""

import pytest

from skazoo.datasets.generate import Galaxy
from skazoo.datasets.sources import toy_galaxies
from skazoo.datasets.splits import galaxies_of_splits, rank, split_of
from skazoo.errors import DatasetError


def many(count=400, simulations=("TNG50-1", "Simba"), snapshots=(99, 91)):
    return [
        Galaxy(simulation, number, "", snapshot, f"halo{number // 3}", True, 10.0 ** (10 + 4 * rank(f"{number}")))
        for simulation in simulations
        for snapshot in snapshots
        for number in range(count)
    ]  # fmt: skip


def test_splits_are_stable_and_of_the_right_size():
    names = [split_of("toy", i) for i in range(4000)]
    share = {name: names.count(name) / 4000 for name in ("train", "validation", "test")}
    assert share["train"] == pytest.approx(0.8, abs=0.02) and share["test"] == pytest.approx(0.1, abs=0.015)
    # written down once: a change would move galaxies from test to train in everybody's next build
    assert names[:12] == [split_of("toy", str(i)) for i in range(12)]
    assert [split_of("TNG50-1", f"halo{i}") for i in range(8)] == EXPECTED


EXPECTED = ["validation", "train", "test", "train", "train", "train", "train", "train"]


def test_no_galaxy_snapshot_or_halo_crosses():
    splits = galaxies_of_splits(many(), ood_mass=10**13.8)
    assert set(splits) == {"train", "validation", "test", "ood_mass"}
    groups = {name: {galaxy.group for galaxy in own} for name, own in splits.items()}
    for one in groups:
        for other in groups:
            assert one == other or not groups[one] & groups[other]
    assert sum(map(len, splits.values())) == len({g.name for own in splits.values() for g in own}) == 1600
    heavy = {g.group for g in many() if g.halo_mass >= 10**13.8}
    assert groups["ood_mass"] == heavy


def test_new_galaxies_move_no_old_one():
    few, all_of_them = galaxies_of_splits(many(100)), galaxies_of_splits(many(400))
    where = {galaxy.name: name for name, own in all_of_them.items() for galaxy in own}
    assert all(where[galaxy.name] == name for name, own in few.items() for galaxy in own)


def test_leave_one_simulation_out():
    splits = galaxies_of_splits(many(), leave_out="Simba")
    assert {g.simulation for g in splits["ood_simulation"]} == {"Simba"}
    assert {g.simulation for name, own in splits.items() if name != "ood_simulation" for g in own} == {"TNG50-1"}


def test_a_handful_of_galaxies_is_for_testing():
    assert set(galaxies_of_splits(many(9, ("x",)))) == {"test"}


def test_toy_galaxies_keep_their_split_at_every_snapshot():
    galaxies = toy_galaxies(60, (99, 67))
    assert len({g.name for g in galaxies}) == 120 and len({g.group for g in galaxies}) == 60
    splits = galaxies_of_splits(galaxies)
    assert all(len(own) == 2 * len({g.number for g in own}) for own in splits.values())
    with pytest.raises(DatasetError, match="no snapshot 98; it has .*99"):
        toy_galaxies(1, (98,))


def test_prepared_dataset_leaks_nothing(prepared, decoded):
    builder, _ = prepared
    seen: dict = {}
    for name, examples in decoded.items():
        for example in examples:
            assert seen.setdefault(int(example["galaxy"]), name) == name
            heavy = example["halo_mass"] >= builder.builder_config.ood_mass
            assert heavy == (name == "ood_mass")
    assert len(seen) == 24 and len({e["rotation"].tobytes() for own in decoded.values() for e in own}) == 48
