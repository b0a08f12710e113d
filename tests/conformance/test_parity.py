"""The same weights draw the same maps on TensorFlow and on JAX."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from .data import log, maps
from .mappers import MAPPERS, SAMPLER

DRAW = """
import json, sys
import numpy as np
from skazoo import from_pretrained
folder, samplers = sys.argv[1], json.loads(sys.argv[2])
source = np.load(f"{folder}/source.npy")
for name, sampler in samplers.items():
    np.save(f"{folder}/{name}.npy", from_pretrained(f"{folder}/{name}").sample(source, 2, **sampler))
"""


@pytest.mark.jax
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="starts from TensorFlow")
def test_samples_are_the_same_on_jax(tmp_path):
    (source, _), rng = maps(2), np.random.default_rng(0)
    np.save(tmp_path / "source.npy", source)
    samplers, expected = {name: SAMPLER.get(name, {}) for name in MAPPERS}, {}
    for name, make in MAPPERS.items():
        mapper = make(source="dark_matter", target="hi")
        for variable in mapper.trainable_variables:  # away from layers that begin at zero
            variable.assign(ops.convert_to_numpy(variable) + 0.02 * rng.normal(size=variable.shape))
        mapper.save_pretrained(tmp_path / name)
        expected[name] = mapper.sample(source, 2, **samplers[name])
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(tmp_path), json.dumps(samplers)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    apart = {
        name: float(np.abs(log(np.load(tmp_path / f"{name}.npy")) - log(expected[name])).max()) for name in MAPPERS
    }
    assert max(apart.values()) < 1e-4, apart
