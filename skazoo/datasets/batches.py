"""From `tfds.load("ska_tng")` to batches of (source, target) maps in physical units."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import DatasetError, check_positive

__all__ = ["pairs", "unpaired"]


def pairs(
    ds,
    source: str | Sequence[str] = "dark_matter",
    target: str | Sequence[str] = "hi",
    batch_size: int = 32,
    augment: bool = True,
    shuffle: bool = True,
    seed: int = 0,
    cache: bool = True,
    drop_remainder: bool = False,
):
    """Batches for `Mapper.fit`.

    Args:
        ds: `tf.data.Dataset` of examples (dicts), as `tfds.load` gives it.
        source, target: field names; several become channels in that order.
        batch_size: examples per batch.
        augment: turn and mirror each pair at random by the 8 symmetries of the square, source and target alike.
            With "ska" on either side only by half a turn: the dirty beam is point-symmetric, not round.
        shuffle: reshuffle in every epoch.
        seed: of shuffling and augmentation.
        cache: keep the chosen fields in memory after the first epoch.
        drop_remainder: leave out a last, smaller batch.

    Returns: `tf.data.Dataset` of (source, target), each (B, H, W, channels) float32.

    Raises:
        DatasetError: a field is not in the dataset, or the dataset does not yield dicts.
    """
    import tensorflow as tf

    check_positive("batch_size", batch_size)
    source, target = as_names(source), as_names(target)
    spec = spec_of(ds, "pairs")
    check_fields(spec, (*source, *target))
    channels = len(source)
    ds = _stacked(ds, (*source, *target), cache, shuffle, seed)
    if augment:
        ds = _augmented(ds, seed, "ska" in (*source, *target))
    ds = ds.batch(batch_size, drop_remainder=drop_remainder)
    ds = ds.map(lambda maps: (maps[..., :channels], maps[..., channels:]), num_parallel_calls=tf.data.AUTOTUNE)
    return ds.prefetch(tf.data.AUTOTUNE)


def unpaired(
    ds,
    source: str | Sequence[str] = "dark_matter",
    target: str | Sequence[str] = "hi",
    batch_size: int = 32,
    augment: bool = True,
    seed: int = 0,
    cache: bool = True,
    drop_remainder: bool = False,
):
    """Batches whose source and target are of different galaxies, as unpaired translation is trained on.

    The galaxies are parted in two halves by a hash of simulation and halo (the halo, because all its galaxies show the
    same field): sources come from the one, targets from the other, so that no pair is ever to be seen. Both halves are
    shuffled and turned independently; the shorter half sets the length of an epoch.

    Args:
        ds: as for `pairs`; its examples need `simulation` and `halo`.
        source, target, batch_size, augment, seed, cache, drop_remainder: as for `pairs`.

    Returns: `tf.data.Dataset` of (source, target), each (B, H, W, channels) float32.

    Raises:
        DatasetError: a field, or what tells the galaxies apart, is not in the dataset.
    """
    import tensorflow as tf

    check_positive("batch_size", batch_size)
    source, target = as_names(source), as_names(target)
    check_fields(spec_of(ds, "unpaired"), (*source, *target))
    for fact in ("simulation", "halo"):
        if fact not in ds.element_spec:
            raise DatasetError(f"unpaired tells galaxies apart by {fact!r}, which these examples do not have.")

    def half(example):
        name = tf.strings.join([example["simulation"], tf.strings.as_string(example["halo"])], "/")
        return tf.strings.to_hash_bucket_strong(name, 2, [seed & 0xFFFF, 20])

    parts = []
    for number, names in enumerate((source, target)):
        part = ds.filter(lambda example, number=number: half(example) == number)
        part = _stacked(part, names, cache, True, seed + 10 * number)
        parts.append(_augmented(part, seed + 10 * number, "ska" in names) if augment else part)
    both = tf.data.Dataset.zip(*parts).batch(batch_size, drop_remainder=drop_remainder)
    return both.prefetch(tf.data.AUTOTUNE)


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


def spec_of(ds, who: str) -> dict:
    """The `element_spec` of a dataset of dicts; `DatasetError` for another."""
    spec = getattr(ds, "element_spec", None)
    if not isinstance(spec, dict):
        raise DatasetError(
            f"{who} needs a tf.data.Dataset of examples (dicts), as tfds.load('ska_tng') gives without as_supervised."
        )
    return spec


def check_fields(spec: dict, names: Sequence[str]) -> None:
    """Raise `DatasetError` for a field that the examples do not have, naming those they have."""
    for name in names:
        if name not in spec:
            maps = sorted(
                k for k, s in spec.items() if len(s.shape) == 2 and s.shape[0] == s.shape[1] and s.shape[0] > 3
            )
            raise DatasetError(f"this dataset has no field {name!r}; it has {', '.join(maps)}.")


def _stacked(ds, names, cache: bool, shuffle: bool, seed: int):
    import tensorflow as tf

    ds = ds.map(lambda example: tf.stack([example[n] for n in names], axis=-1), num_parallel_calls=tf.data.AUTOTUNE)
    ds = ds.cache() if cache else ds
    if not shuffle:
        return ds
    # galaxies lie in a random order on disk: a few hundred at a time mix well, and the first batch waits for no more
    size = math.prod(n or 1 for n in ds.element_spec.shape) * 4
    return ds.shuffle(min(512, max(256, (128 << 20) // size)), seed=seed, reshuffle_each_iteration=True)


def _augmented(ds, seed: int, beam: bool):
    """Each stack of maps turned and mirrored at random; with a beam in it, by half turns only."""
    import tensorflow as tf

    turns, mirrors = ((0, 2), 1) if beam else ((0, 1, 2, 3), 2)
    draws = tf.data.Dataset.random(seed=seed + 1, rerandomize_each_iteration=True)
    return tf.data.Dataset.zip(ds, draws).map(
        lambda maps, draw: _turned(maps, draw, tf.constant(turns), mirrors), num_parallel_calls=tf.data.AUTOTUNE
    )


def _turned(maps, draw, turns, mirrors: int):
    import tensorflow as tf

    count = tf.size(turns)
    turned = tf.image.rot90(maps, turns[tf.cast(draw % tf.cast(count, tf.int64), tf.int32)])
    mirror = mirrors > 1 and (draw // tf.cast(count, tf.int64)) % 2 == 1
    turned = tf.cond(mirror, lambda: turned[:, ::-1], lambda: turned) if mirrors > 1 else turned
    turned.set_shape(maps.shape)
    return turned
