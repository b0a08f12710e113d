"""Batches of pairs: channels, symmetries, determinism."""

import numpy as np
import pytest
import tensorflow as tf

from skazoo.datasets import PairSequence, pairs, unpaired
from skazoo.errors import DatasetError


def dataset(count=20, size=8):
    maps = np.random.default_rng(0).lognormal(size=(count, size, size)).astype("f4")
    return tf.data.Dataset.from_tensor_slices(
        {"dark_matter": maps, "hi": 2 * maps, "ska": 3 * maps, "id": [str(i) for i in range(count)]}
    ), maps


def symmetries(image):
    return [np.rot90(flip, k) for k in range(4) for flip in (image, image[:, ::-1])]


def test_source_and_target_turn_together_by_the_eight_symmetries():
    ds, maps = dataset(40)
    seen = set()
    for source, target in pairs(ds, "dark_matter", "hi", batch_size=7, seed=3).as_numpy_iterator():
        np.testing.assert_array_equal(target, 2 * source)
        for one in source[..., 0]:
            found = [(i, k) for i, m in enumerate(maps) for k, s in enumerate(symmetries(m)) if np.array_equal(s, one)]
            assert len(found) == 1
            seen.add(found[0])
    assert {i for i, _ in seen} == set(range(40)) and {k for _, k in seen} == set(range(8))


def test_the_beam_allows_half_turns_only():
    ds, maps = dataset(40)
    turns = set()
    for source, _ in pairs(ds, "ska", "hi", batch_size=8).as_numpy_iterator():
        for one in source[..., 0]:
            options = {0: 3 * maps, 2: 3 * maps[:, ::-1, ::-1]}
            turns |= {k for k, stack in options.items() if any(np.array_equal(one, m) for m in stack)} or {"other"}
    assert turns == {0, 2}


def test_several_channels_and_no_shuffle():
    ds, maps = dataset(5)
    batches = pairs(ds, ("hi", "dark_matter"), ("ska", "hi"), batch_size=5, augment=False, shuffle=False)
    source, target = next(batches.as_numpy_iterator())
    np.testing.assert_array_equal(source, np.stack([2 * maps, maps], -1))
    np.testing.assert_array_equal(target, np.stack([3 * maps, 2 * maps], -1))
    assert len(list(pairs(ds, batch_size=2, drop_remainder=True))) == 2 and len(list(pairs(ds, batch_size=2))) == 3


def test_same_seed_same_batches_and_new_order_every_epoch():
    ds, _ = dataset()
    first, second = (pairs(ds, batch_size=20, seed=5) for _ in range(2))
    one, two = next(first.as_numpy_iterator())[0], next(second.as_numpy_iterator())[0]
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, next(first.as_numpy_iterator())[0])
    assert not np.array_equal(one, next(pairs(ds, batch_size=20, seed=6).as_numpy_iterator())[0])


def test_what_is_refused():
    ds, _ = dataset()
    with pytest.raises(DatasetError, match="no field 'stars'; it has dark_matter, hi, ska"):
        pairs(ds, "stars", "hi")
    with pytest.raises(DatasetError, match="as_supervised"):
        pairs(ds.map(lambda e: (e["hi"], e["ska"])), "hi", "ska")


def test_unpaired_never_shows_a_pair(stand_ins):
    ds = tf.data.Dataset.from_tensor_slices({k: np.stack([e[k] for e in stand_ins]) for k in stand_ins[0]})
    sources, targets = set(), set()
    for source, target in unpaired(ds, "dark_matter", "hi", batch_size=4, augment=False, seed=1).as_numpy_iterator():
        for side, seen, factor in ((source, sources, 1), (target, targets, 2)):
            for one in side[..., 0]:
                (number,) = (i for i, e in enumerate(stand_ins) if np.array_equal(one, factor * e["dark_matter"]))
                seen.add(number)
    assert sources and targets and not {i // 2 for i in sources} & {i // 2 for i in targets}
    with pytest.raises(DatasetError, match="'halo'"):
        unpaired(dataset()[0].map(lambda e: {**e, "simulation": e["id"]}))
    with pytest.raises(DatasetError, match="no field 'stars'"):
        unpaired(ds, "stars")


def test_sequence_for_other_backends(stand_ins):
    sequence = PairSequence(stand_ins, ("dark_matter", "hi"), "hi", batch_size=16, seed=3)
    assert len(sequence) == 3
    batches = [sequence[i] for i in range(3)]
    assert [len(source) for source, _ in batches] == [16, 16, 8]
    found = set()
    for source, target in batches:
        assert source.dtype == target.dtype == np.float32 and source.shape[1:] == (8, 8, 2)
        np.testing.assert_array_equal(source[..., 1:], target)
        for one in source[..., 0]:
            found |= {
                i for i, e in enumerate(stand_ins) for s in symmetries(e["dark_matter"]) if np.array_equal(one, s)
            }
    assert found == set(range(40))
    np.testing.assert_array_equal(batches[1][0], sequence[1][0])
    sequence.on_epoch_end()
    assert not np.array_equal(batches[1][0], sequence[1][0])
    plain = PairSequence(stand_ins, "ska", "hi", batch_size=40, augment=False, shuffle=False)
    np.testing.assert_array_equal(plain[0][0][..., 0], np.stack([e["ska"] for e in stand_ins]))
    half = PairSequence(stand_ins, "ska", "hi", batch_size=40, shuffle=False)[0][0][..., 0]
    for one, example in zip(half, stand_ins, strict=True):
        assert any(np.array_equal(one, np.rot90(example["ska"], k)) for k in (0, 2))
    for mistake, words in (
        (lambda: PairSequence([]), "no examples"),
        (lambda: PairSequence(stand_ins, "x"), "no field"),
    ):
        with pytest.raises(DatasetError, match=words):
            mistake()
    with pytest.raises(IndexError):
        plain[1]
