"""Two devices make the step of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skazoo.errors import ParameterError
from skazoo.training import on_devices


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=[pytest.mark.jax, pytest.mark.slow])])
def test_two_devices_make_the_step_of_one(backend):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("two_devices.py"))],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["regression"]["loss"] < 1e-5 and found["regression"]["weights"] < 1e-5
    # Adam divides by the size of the gradient, so rounding weighs more where that is nothing
    assert found["regression_adam"]["loss"] < 1e-4
    noise = found.pop("noise")
    for each in found.values():
        assert each["counts"] == [2.0, 2.0]
    if backend == "tensorflow":  # each device draws its own noise, the first that of a single one
        assert noise[1] == pytest.approx(noise[0]) and abs(noise[2][0] - noise[1][0]) > 1e-3
    # on JAX the noise is drawn for the whole batch
    assert found["diffusion"]["relative_loss"] < (0.1 if backend == "tensorflow" else 1e-4)
    if backend == "jax":
        assert found["diffusion"]["weights"] < 1e-5


def test_wrong_numbers_of_devices():
    for devices in (0, -1, 64, "some", 1.5):
        with pytest.raises(ParameterError), on_devices(devices):
            pass
    with pytest.raises(ParameterError, match="SLURM|srun|offered"), on_devices("workers"):
        pass
    with on_devices(1, 7) as count:
        assert count == 1
