"""What one training step does to the weights and to their average."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from skazoo.mappers import Diffusion, Mapper

TENSORFLOW = keras.backend.backend() == "tensorflow"
QUICK = {"run_eagerly": True} if TENSORFLOW else {}
OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(1e-2),
    "AdamW": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, global_clipnorm=1.0),
    "SGD": lambda: keras.optimizers.SGD(1e-2, momentum=0.9),
    "MultiOptimizer": lambda: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(keras.optimizers.Adam(1e-2), {"scale/.*": keras.optimizers.Adam(2e-2)})
    ),
}


class Line(Mapper):
    """The mean of the target as a times the source plus b: a mapper whose loss has no noise in it."""

    def __init__(self, **arguments):
        super().__init__("dark_matter", "hi", 4, **arguments)
        start = keras.initializers.RandomNormal(seed=0)
        self.scale = keras.layers.Dense(1, name="scale", kernel_initializer=start, dtype=self.dtype_policy)
        self.shift = keras.layers.Dense(1, name="shift", kernel_initializer="ones", dtype=self.dtype_policy)
        self.scale.build((None, 1)), self.shift.build((None, 1))
        self.built = True

    def network_loss(self, target, source, training):
        found = self.shift(self.scale(source))
        return ops.mean(ops.square(ops.cast(found, "float32") - target), axis=(1, 2, 3))


def data(n=8, seed=0):
    rng = np.random.default_rng(seed)
    return 10 ** rng.normal(7, 1, (n, 4, 4, 1)).astype("f4"), 10 ** rng.normal(4, 1, (n, 4, 4, 1)).astype("f4")


def values(variables):
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def averages(mapper):
    return values([mapper.average.count, *mapper.average.tracks[0]])


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_that_overflows_changes_nothing(name):
    """float16: scaled gradients beyond 65504 are infinite; Keras then halves the scale and skips the step."""
    mapper = Line(dtype="mixed_float16")
    scaled = keras.optimizers.LossScaleOptimizer(OPTIMIZERS[name](), initial_scale=2.0**40)
    mapper.compile(scaled, **QUICK)
    start = values(mapper.trainable_variables)
    mapper.fit(*data(), batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert same(start, values(mapper.trainable_variables)) and int(scaled.iterations) == 0
    assert same(averages(mapper), [np.float32(1.0), *start])
    assert float(ops.convert_to_numpy(scaled.dynamic_scale)) == 2.0**37
    # once it fits, training goes on, and the average has one entry for each step made
    mapper.fit(*data(), batch_size=8, epochs=37, shuffle=False, verbose=0)
    assert int(scaled.iterations) > 5
    assert averages(mapper)[0] == int(scaled.iterations)
    assert not same(start, values(mapper.trainable_variables))


def test_a_skipped_step_is_as_if_it_had_not_been():
    """With steps skipped at the start, averages and weights equal those of a run without them."""
    ends = []
    for skipped in (0, 4):
        mapper = Line(dtype="mixed_float16")
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2), initial_scale=2.0**8)
        mapper.compile(optimizer, **QUICK)
        optimizer.dynamic_scale.assign(2.0**8 if not skipped else 2.0**40)
        if skipped:
            mapper.fit(*data(), batch_size=8, epochs=skipped, shuffle=False, verbose=0)
            assert int(optimizer.iterations) == 0
            optimizer.dynamic_scale.assign(2.0**8)
        mapper.fit(*data(), batch_size=8, epochs=5, shuffle=False, verbose=0)
        ends.append([*values(mapper.trainable_variables), *averages(mapper)])
    assert same(*ends)


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_accumulated_batches_make_the_step_of_the_big_batch(name):
    source, target = data(16)
    ends = []
    for batch, every in ((8, None), (4, 2)):
        mapper = Line()
        optimizer = OPTIMIZERS[name]()
        optimizer.gradient_accumulation_steps = every
        mapper.compile(optimizer, **QUICK)
        mapper.fit(source, target, batch_size=batch, epochs=3, shuffle=False, verbose=0)
        assert int(optimizer.iterations) == 6
        ends.append([*values(mapper.trainable_variables), *averages(mapper)])
    for big, accumulated in zip(*ends, strict=True):
        assert np.abs(big - accumulated).max() < 1e-5


def test_gradients_are_clipped_at_their_common_norm():
    source, target = data()
    moves = []
    for clip in (None, 1e-3):
        mapper = Line()
        mapper.compile(keras.optimizers.SGD(1.0, global_clipnorm=clip), **QUICK)
        before = values(mapper.trainable_variables)
        mapper.fit(source, target, batch_size=8, verbose=0)
        moves.append(
            np.concatenate([(a - b).ravel() for a, b in zip(values(mapper.trainable_variables), before, strict=True)])
        )
    free, clipped = moves
    assert np.linalg.norm(clipped) == pytest.approx(1e-3, rel=1e-4) and np.linalg.norm(free) > 1e-2
    assert free @ clipped == pytest.approx(np.linalg.norm(free) * np.linalg.norm(clipped), rel=1e-5)


def test_validation_is_of_the_averaged_weights_and_decides_when_to_stop():
    train, other = data(), data(seed=1)
    mapper = Line()
    mapper.compile(keras.optimizers.SGD(0.3), **QUICK)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2)
    history = mapper.fit(
        *train, validation_data=other, batch_size=8, epochs=200, shuffle=False, verbose=0, callbacks=[stop]
    ).history
    found = np.array(history["val_loss"])
    assert len(found) < 200 and np.argmin(found) == len(found) - 3
    with mapper.averaged_weights():
        source, target = (
            mapper.encode(ops.array(maps), role) for maps, role in zip(other, ("source", "target"), strict=True)
        )
        exact = float(ops.mean(mapper.network_loss(target, source, False)))
    assert found[-1] == pytest.approx(exact, rel=1e-5)


def test_mixed_float16_learns_as_float32_does():
    ends = []
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        mapper = Diffusion(image_size=8, width=8, multipliers=(1,), dtype=policy)
        mapper.compile(learning_rate=3e-3, **QUICK)
        maps = (10 ** np.random.default_rng(0).normal(7, 1, (8, 8, 8, 1)).astype("f4"),) * 2
        pairs = tf.data.Dataset.from_tensor_slices(maps).batch(8).repeat(6)
        ends.append(mapper.fit(pairs, verbose=0).history["loss"][0])
    assert ends[1] == pytest.approx(ends[0], rel=0.05) and ends[2] == pytest.approx(ends[0], rel=0.05)
