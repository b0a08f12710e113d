"""Trains on one device and on two of the CPU's: python two_devices.py; prints how far they are apart, as JSON."""

import json
import os

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
if BACKEND == "jax":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import ops  # noqa: E402

from skazoo.mappers import Diffusion, Regression  # noqa: E402
from skazoo.mappers.backend import ReplicaSeeds  # noqa: E402
from skazoo.training import on_devices  # noqa: E402

if BACKEND == "tensorflow":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def train(kind, devices, optimizer, rows=16):
    """Loss of an epoch, weights and averages after 2 steps."""
    rng = np.random.default_rng(0)
    source, target = 10 ** rng.normal(7, 0.5, (2, 2 * rows, 16, 16, 1)).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices((source, target / 1e3)).batch(rows)
    with on_devices(devices, rows) as count:
        mapper = kind(image_size=16, width=8, multipliers=(1,), stem=2)
        mapper.compile(optimizer())
        history = mapper.fit(data, epochs=1, verbose=0).history
    averages = mapper.average.tracks[0]
    values = [np.array(ops.convert_to_numpy(each)) for each in (*mapper.trainable_variables, *averages)]
    return count, history["loss"][0], values, float(ops.convert_to_numpy(mapper.average.count))


def apart(kind, optimizer, **more):
    _, one_loss, one, one_count = train(kind, 1, optimizer, **more)
    count, two_loss, two, two_count = train(kind, 2, optimizer, **more)
    assert count == 2
    return {
        "loss": abs(two_loss - one_loss),
        "relative_loss": abs(two_loss - one_loss) / abs(one_loss),
        "weights": float(max(np.abs(a - b).max() for a, b in zip(one, two, strict=True))),
        "counts": [one_count, two_count],
    }


def noise():
    """What the two devices draw in a step, and what one draws."""
    one = keras.random.normal((4,), seed=ReplicaSeeds(3))
    with on_devices(2):
        seeds, strategy = ReplicaSeeds(3), tf.distribute.get_strategy()
        step = tf.function(lambda: strategy.run(lambda: keras.random.normal((4,), seed=seeds)))
        return [each.numpy().tolist() for each in (one, *strategy.experimental_local_results(step()))]


print(
    json.dumps(
        {
            "regression": apart(Regression, lambda: keras.optimizers.SGD(0.05)),
            "regression_adam": apart(Regression, lambda: None),
            "noise": noise() if BACKEND == "tensorflow" else None,
            "diffusion": apart(Diffusion, lambda: keras.optimizers.SGD(0.05), rows=64),
        }
    )
)
