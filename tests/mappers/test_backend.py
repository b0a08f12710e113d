"""Gradients and compiled calls, on the backend of KERAS_BACKEND."""

import keras
import numpy as np
from keras import ops

from skazoo.mappers.backend import compiled, gradient


def test_gradient_of_a_cubic_and_what_is_kept():
    x = ops.convert_to_tensor(np.linspace(-2, 2, 12).reshape(3, 4).astype(np.float32))
    slope, kept = gradient(lambda x: (x**3, (ops.exp(x), ops.sum(x))), x)
    assert np.allclose(ops.convert_to_numpy(slope), 3 * ops.convert_to_numpy(x) ** 2, rtol=1e-6)
    assert np.allclose(ops.convert_to_numpy(kept[0]), np.exp(ops.convert_to_numpy(x)))


def test_gradient_of_a_gradient_trains_weights():
    """A penalty (d D / d x)^2 of D = w x has the gradient 2 w: through fit, which is where it is used."""

    class Penalised(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
            self.dense.build((None, 3))

        def call(self, x):
            return x

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            slope, _ = gradient(lambda x: (self.dense(x), ()), x)
            return ops.mean(ops.sum(slope**2, axis=-1))

    model = Penalised()
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32), batch_size=4, verbose=0)
    assert np.allclose(ops.convert_to_numpy(model.dense.kernel), 1 - 0.1 * 2, rtol=1e-6)


def test_gradient_inside_a_compiled_call_sees_new_weights():
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((2,)), dense])
    call = compiled(lambda x: gradient(lambda x: (model(x) ** 2, ()), x)[0], model)
    x = np.array([[1.0, 2.0]], np.float32)
    assert np.allclose(ops.convert_to_numpy(call(x)), 6.0)
    dense.kernel.assign(2 * np.ones((2, 1), np.float32))
    assert np.allclose(ops.convert_to_numpy(call(x)), 24.0)
