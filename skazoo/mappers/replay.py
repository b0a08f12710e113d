"""Generated maps of earlier steps, shown to a discriminator again."""

from __future__ import annotations

import keras
from keras import ops

from ..errors import ParameterError

__all__ = ["ReplayBuffer"]


@keras.saving.register_keras_serializable(package="skazoo")
class ReplayBuffer(keras.layers.Layer):
    """A pool of maps as state that `fit` carries along, inside the compiled step on every backend.

    After Shrivastava et al. 2017 (arXiv:1612.07828) as in CycleGAN: until the pool is full every map goes in and is
    returned; then with probability 1/2 a map is returned itself, else one drawn from the pool, whose place it takes.
    It keeps a discriminator from following the last move of the generator only.

    Args:
        size: maps in the pool.
    """

    def __init__(self, size: int = 50, **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32", "autocast": False, **kwargs})
        self.size = int(size)
        self.pool = self.count = None

    def follow(self, shape: tuple[int, ...]) -> None:
        """Make room for maps (H, W, C); once, before training."""
        make = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.pool = self.add_weight(shape=(self.size, *shape), name="pool", **make)
        self.count = self.add_weight(shape=(), name="count", **make)
        self.built = True

    def exchange(self, maps, seed):
        """For new `maps` (B, H, W, C), as many old or new ones.

        Args:
            seed: a `keras.random.SeedGenerator`.
        """
        if tuple(maps.shape[1:]) != tuple(self.pool.shape[1:]):
            raise ParameterError(
                f"the replay buffer holds maps {tuple(self.pool.shape[1:])}, but the training maps are "
                f"{tuple(maps.shape[1:])}: set image_size to their size, or replay=0."
            )
        maps = ops.stop_gradient(maps)
        pool, count = ops.convert_to_tensor(self.pool), ops.convert_to_tensor(self.count)
        rows = ops.shape(maps)[0]
        number = ops.arange(rows, dtype="int32")
        full = count >= self.size
        order = ops.cast(ops.argsort(keras.random.uniform((self.size,), seed=seed)), "int32")  # no slot twice
        coin = keras.random.uniform((rows,), seed=seed) < 0.5
        slot = ops.where(full, ops.take(order, number % self.size), number + ops.cast(count, "int32"))
        put = ops.where(full, coin, slot < self.size)
        old = ops.take(pool, ops.minimum(slot, self.size - 1), axis=0)
        returned = ops.where(ops.reshape(ops.logical_and(full, coin), (-1, 1, 1, 1)), old, maps)

        comes = ops.logical_and(slot[None, :] == ops.arange(self.size, dtype="int32")[:, None], put[None, :])
        comes = ops.cast(comes, "int32")  # (slots, maps)
        entered = ops.take(maps, ops.argmax(comes, axis=1), axis=0)
        self.pool.assign(ops.where(ops.reshape(ops.any(comes > 0, axis=1), (-1, 1, 1, 1)), entered, pool))
        self.count.assign(ops.minimum(count + ops.cast(rows, "float32"), float(self.size)))
        return returned

    def save_own_variables(self, store):
        if self.pool is not None:
            store["pool"], store["count"] = self.pool, self.count

    def load_own_variables(self, store):
        if "pool" not in store.keys():  # weights that were published without the pool
            return
        if self.pool is None:
            self.follow(tuple(store["pool"].shape[1:]))
        self.pool.assign(store["pool"])
        self.count.assign(store["count"])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
