"""The one place of this room that knows backends: compiled calls of a model's functions, and gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import keras

__all__ = ["ReplicaSeeds", "compiled", "frozen", "gradient", "load_random_states", "save_random_states"]


def compiled(function: Callable, model: keras.Model) -> Callable:
    """`function` (tensors -> tensor, using the weights of `model`) as one graph that always sees the present weights.

    TensorFlow: `tf.function`; JAX: `jax.jit` with the weights as arguments; torch: eager, without gradients.
    `function` must be pure: no randomness and no assignments.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph = tf.function(function, reduce_retracing=True, autograph=False)
        return lambda *arguments: graph(*(tf.convert_to_tensor(each) for each in arguments))
    if backend == "jax":
        import jax

        @jax.jit
        def stateless(values, *arguments):
            with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
                return function(*arguments)

        return lambda *arguments: stateless([variable.value for variable in model.variables], *arguments)
    if backend == "torch":
        import torch

        def eager(*arguments):
            with torch.no_grad():
                return function(*(keras.ops.convert_to_tensor(each) for each in arguments))

        return eager
    return function


@contextlib.contextmanager
def frozen(network: keras.Model) -> Iterator[None]:
    """Inside, calls of `network` pass gradients on to its inputs, but none to its weights; state updates do pass.

    Only `network` may be called inside: a scope of state hides what an enclosing one (as of a JAX training step) holds
    of other variables. Its own values are read before, in the enclosing scope.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    variables = network.variables
    values = [keras.ops.stop_gradient(v.value) if id(v) in trained else v.value for v in variables]
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
        yield
    for variable, value in zip(variables, values, strict=True):
        updated = scope.get_current_value(variable)
        if updated is not value:
            variable.assign(updated)


def gradient(function: Callable, x):
    """d(sum of value) / dx of `function` (x -> (value, kept)); returns (gradient like `x`, kept).

    May be differentiated again, with respect to the weights too, inside a training step or `compiled`. `function` must
    be pure: what else it computes goes out through `kept` (a tensor, or a tuple of them), not by assignments.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value, kept = function(x)
            total = tf.reduce_sum(value)
        return tape.gradient(total, x), kept
    if backend == "jax":
        import jax

        def total(x):
            value, kept = function(x)
            return value.sum(), kept

        return jax.grad(total, has_aux=True)(x)
    if backend == "torch":
        import torch

        with torch.enable_grad():
            x = keras.ops.convert_to_tensor(x)
            x = x if x.requires_grad else x.detach().requires_grad_(True)
            value, kept = function(x)
            return torch.autograd.grad(value.sum(), x, create_graph=True)[0], kept
    raise NotImplementedError(f"gradients on the backend {backend!r}")


class ReplicaSeeds(keras.random.SeedGenerator):
    """Seeds that differ between the replicas of `tf.distribute`, which would else all train on the same noise.

    The first replica's are those of a `keras.random.SeedGenerator`; so are all on one device and on other backends.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return seed
        number = tf.cast(replica.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([1_000_003 * number, tf.zeros_like(number)])


def save_random_states(variables, store) -> None:
    """The states of random generators, which Keras leaves out, into `store`, so that a resumed run draws on."""
    for i, state in enumerate(_random_states(variables)):
        store[f"random_{i}"] = state


def load_random_states(variables, store) -> dict:
    """Put what `save_random_states` stored back, and return the rest of `store`."""
    for i, state in enumerate(_random_states(variables)):
        if f"random_{i}" in store.keys():
            state.assign(store[f"random_{i}"])
    return {key: store[key] for key in store.keys() if not key.startswith("random_")}


def _random_states(variables) -> list:
    return [variable for variable in variables if variable.name == "seed_generator_state"]
