"""The one place of this room that knows backends: calls of a model's functions as compiled graphs."""

from __future__ import annotations

from collections.abc import Callable

import keras

__all__ = ["compiled"]


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
