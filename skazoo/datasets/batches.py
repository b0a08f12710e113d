"""From `tfds.load("ska_tng")` to batches of (source, target) maps in physical units."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DatasetError, check_positive

__all__ = ["pairs"]


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
    source, target = ((names,) if isinstance(names, str) else tuple(names) for names in (source, target))
    spec = getattr(ds, "element_spec", None)
    if not isinstance(spec, dict):
        raise DatasetError(
            "pairs needs a tf.data.Dataset of examples (dicts), as tfds.load('ska_tng') gives without as_supervised."
        )
    for name in (*source, *target):
        if name not in spec:
            maps = sorted(
                k for k, s in spec.items() if len(s.shape) == 2 and s.shape[0] == s.shape[1] and s.shape[0] > 3
            )
            raise DatasetError(f"this dataset has no field {name!r}; it has {', '.join(maps)}.")

    channels = len(source)
    ds = ds.map(
        lambda example: tf.stack([example[n] for n in (*source, *target)], axis=-1), num_parallel_calls=tf.data.AUTOTUNE
    )
    if cache:
        ds = ds.cache()
    if shuffle:
        ds = ds.shuffle(4096, seed=seed, reshuffle_each_iteration=True)
    if augment:
        turns = (0, 2) if "ska" in (*source, *target) else (0, 1, 2, 3)
        mirrors = 1 if "ska" in (*source, *target) else 2
        draws = tf.data.Dataset.random(seed=seed + 1, rerandomize_each_iteration=True)
        ds = tf.data.Dataset.zip(ds, draws).map(
            lambda maps, draw: _turned(maps, draw, tf.constant(turns), mirrors), num_parallel_calls=tf.data.AUTOTUNE
        )
    ds = ds.batch(batch_size, drop_remainder=drop_remainder)
    ds = ds.map(lambda maps: (maps[..., :channels], maps[..., channels:]), num_parallel_calls=tf.data.AUTOTUNE)
    return ds.prefetch(tf.data.AUTOTUNE)


def _turned(maps, draw, turns, mirrors: int):
    import tensorflow as tf

    count = tf.size(turns)
    turned = tf.image.rot90(maps, turns[tf.cast(draw % tf.cast(count, tf.int64), tf.int32)])
    mirror = mirrors > 1 and (draw // tf.cast(count, tf.int64)) % 2 == 1
    turned = tf.cond(mirror, lambda: turned[:, ::-1], lambda: turned) if mirrors > 1 else turned
    turned.set_shape(maps.shape)
    return turned
