"""One mapper on several devices: each takes its share of every batch, and all make the same step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import keras

from ..errors import ParameterError

__all__ = ["is_chief", "on_devices"]


@contextlib.contextmanager
def on_devices(devices: int | str = 1, batch_size: int | None = None) -> Iterator[int]:
    """Inside, mappers are made, compiled and trained on several devices; gives their number.

    `batch_size` stays that of the whole step, whatever the number of devices: the loss is the mean over it.

    Args:
        devices: 1 for Keras's own choice; a number or "all" of this machine's GPUs (of its CPU devices where there is
            no GPU), by `tf.distribute.MirroredStrategy` or, on JAX, `keras.distribution.DataParallel`; "workers" for
            all processes of a job (TF_CONFIG, or SLURM), by `tf.distribute.MultiWorkerMirroredStrategy`. Enter it
            before anything else uses TensorFlow then.
        batch_size: to check that it can be shared out evenly.

    Raises:
        ParameterError: more devices than there are, an uneven batch, or a backend that cannot.
    """
    backend = keras.backend.backend()
    if devices == 1:
        yield 1
        return
    if not (devices in ("all", "workers") or (isinstance(devices, int) and devices > 1)):
        raise ParameterError(f"devices is a number, 'all' or 'workers', but is {devices!r}.")
    if backend == "tensorflow":
        strategy = _workers() if devices == "workers" else _mirrored(devices)
        count, scope = strategy.num_replicas_in_sync, strategy.scope()
    elif backend == "jax" and devices != "workers":
        chosen = _choose(keras.distribution.list_devices(), devices)
        count, scope = len(chosen), keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False).scope()
    else:
        raise ParameterError(f"devices={devices!r} is not offered on the {backend} backend; use 1, or TensorFlow.")
    if batch_size is not None and batch_size % count:
        raise ParameterError(f"batch_size must be a multiple of the {count} devices, but is {batch_size}.")
    with scope:
        yield count


def is_chief() -> bool:
    """Whether this process writes the files of a run; all but one of a job over several machines do not."""
    import tensorflow as tf

    resolver = tf.distribute.get_strategy().cluster_resolver
    return resolver is None or resolver.task_id in (None, 0)


def _mirrored(devices):
    import tensorflow as tf

    gpus = [each.name for each in tf.config.list_logical_devices("GPU")]
    if gpus:
        return tf.distribute.MirroredStrategy(_choose(gpus, devices))
    cpus = [each.name for each in tf.config.list_logical_devices("CPU")]
    # collectives between the logical devices of one CPU can meet in different orders and abort
    one = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(_choose(cpus, devices), cross_device_ops=one)


def _choose(found: list, devices) -> list:
    if devices == "all":
        return found
    if devices > len(found):
        raise ParameterError(f"devices is {devices}, but this machine has {len(found)}.")
    return found[:devices]


def _workers():
    import tensorflow as tf

    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if "SLURM_NTASKS" not in os.environ:
        raise ParameterError("devices='workers' needs a job: run it under srun, or set TF_CONFIG in every process.")
    per_task = len(tf.config.list_physical_devices("GPU"))
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(gpus_per_task=per_task, gpus_per_node=None)
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
