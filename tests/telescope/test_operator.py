"""The Keras layer: equal to the fast path, its adjoint, gradients, saving, and another backend."""

import json
import os
import subprocess
import sys

import astropy.units as u
import keras
import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.telescope import Observation


def skies(count, channels, seed=0):
    return np.random.default_rng(seed).random((count, 48, 48, channels)).astype(np.float32)


def test_it_is_the_noiseless_observation(small, blobs):
    operator = small.operator(unit="K")
    sky = np.stack([blobs.value, blobs.value[::-1]], axis=-1)[None].astype(np.float32)
    dirty = keras.ops.convert_to_numpy(operator(sky))
    for channel in range(2):
        expected = small.observe(sky[0, :, :, channel] * u.K, seed=None).dirty.data
        assert np.linalg.norm(dirty[0, :, :, channel] - expected) <= 1e-5 * np.linalg.norm(expected)


def test_adjoint(small):
    """<A x, y> = <x, A* y>, with a primary beam and a unit that are not symmetric in x and y."""
    operator = small_with_beam(small).operator(unit="K")
    x, y = skies(2, 3, seed=1), skies(2, 3, seed=2) - 0.5
    left = float(np.sum(keras.ops.convert_to_numpy(operator(x)).astype(np.float64) * y))
    right = float(np.sum(keras.ops.convert_to_numpy(operator.adjoint(y)).astype(np.float64) * x))
    size = np.linalg.norm(keras.ops.convert_to_numpy(operator(x))) * np.linalg.norm(y)
    assert abs(left - right) <= 1e-5 * size


def test_gradient_is_the_adjoint_of_the_residual(small):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("uses tf.GradientTape; this run is on another backend")
    import tensorflow as tf

    operator = small.operator()
    x, d = tf.Variable(skies(1, 1, seed=3)), tf.constant(skies(1, 1, seed=4))
    with tf.GradientTape() as tape:
        loss = 0.5 * tf.reduce_sum((operator(x) - d) ** 2)
    expected = operator.adjoint(operator(x) - d)
    np.testing.assert_allclose(tape.gradient(loss, x), expected, atol=1e-5 * np.abs(expected).max())


def test_saved_in_a_model(small, tmp_path):
    inputs = keras.Input((48, 48, 1))
    model = keras.Model(inputs, small_with_beam(small).operator(unit="K")(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = skies(1, 1)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)


def test_config_makes_the_same_observation(small):
    config = json.loads(json.dumps(small_with_beam(small).config))
    again = Observation.from_config(config)
    assert again.config == config and again.pixel_kpc == small.pixel_kpc
    np.testing.assert_array_equal(again.psf, small.psf)
    by_name = Observation("ska-mid-aa1", pixel_scale=2 * u.kpc, taper=20 * u.arcsec)
    assert by_name.config["array"] == "ska-mid-aa1"
    assert Observation.from_config(by_name.config).config == by_name.config


def test_refused(small):
    with pytest.raises(ParameterError, match=r"takes \(batch, 48, 48, channels\), but was given \(1, 40, 48, 1\)"):
        small.operator()(np.zeros((1, 40, 48, 1), np.float32))
    with pytest.raises(ParameterError, match="unit"):
        small.operator(unit="mK")
    with pytest.raises(ParameterError, match="set w_term=False"):
        Observation.from_config({**small.config, "w_term": True}).operator()


def test_primary_beam(small):
    """Half the power at 33 degrees lambda / D from the centre, and the same on the fast path and on visibilities."""
    beamed = small_with_beam(small)
    fwhm = 66 * 299792458.0 / small.frequency.to_value(u.Hz) / small.array.diameters.mean() * 3600
    away = 8 * 20
    assert beamed.attenuation[24, 24] == 1
    assert beamed.attenuation[24, 44] == pytest.approx(0.5 ** ((2 * away / fwhm) ** 2))
    sky = np.zeros((48, 48))
    sky[24, 44] = 1
    seen = beamed.observe(sky * u.Jy / u.pix, seed=None)
    assert seen.dirty.data[24, 44] == pytest.approx(beamed.attenuation[24, 44], abs=1e-4)
    slow = beamed.observe(sky * u.Jy / u.pix, seed=None, method="visibilities").dirty.data
    np.testing.assert_allclose(seen.dirty.data, slow, atol=1e-5)


SCRIPT = """
import json, sys
import numpy as np, keras
from skazoo.telescope import Observation
config, path = json.loads(sys.stdin.read()), sys.argv[1]
operator = Observation.from_config(config).operator(unit="K")
given = np.load(path)
dirty = keras.ops.convert_to_numpy(operator(given["x"]))
back = keras.ops.convert_to_numpy(operator.adjoint(given["y"]))
assert keras.backend.backend() == sys.argv[2]
np.savez(path, dirty=dirty, back=back)
"""


@pytest.mark.parametrize(
    "backend", [pytest.param("jax", marks=pytest.mark.jax), pytest.param("torch", marks=pytest.mark.torch)]
)
def test_other_backends_give_the_same(small, tmp_path, backend):
    pytest.importorskip(backend, reason=f'{backend} is the extra skazoo[{backend}]: pip install "skazoo[{backend}]"')
    x, y = skies(1, 2, seed=5), skies(1, 2, seed=6)
    np.savez(tmp_path / "io.npz", x=x, y=y)
    beamed = small_with_beam(small)
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "io.npz"), backend],
        input=json.dumps(beamed.config),
        text=True,
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "io.npz")
    ours = keras.ops.convert_to_numpy(beamed.operator(unit="K")(x))
    assert np.linalg.norm(theirs["dirty"] - ours) <= 1e-5 * np.linalg.norm(ours)
    left = np.sum(theirs["dirty"].astype(np.float64) * y)
    assert left == pytest.approx(np.sum(theirs["back"].astype(np.float64) * x), rel=1e-5)


def small_with_beam(small):
    return Observation.from_config({**small.config, "primary_beam": "gaussian"})
