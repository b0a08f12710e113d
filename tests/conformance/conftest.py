"""Compiling is most of this suite's time: XLA compiles fast instead of well, and on JAX nothing twice in a run."""

import os
import tempfile

import pytest

# read when XLA starts, which is after collection
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # the workers of pytest-xdist inherit it
    CACHE = tempfile.TemporaryDirectory()  # gone with the process
    os.environ["JAX_COMPILATION_CACHE_DIR"] = CACHE.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

# compiled in full in every run; of the other families the dearest checks wait for -m slow: on TensorFlow XLA (on JAX
# every step is compiled by it), on JAX what TensorFlow checks for all of them, the second of the half precisions and
# the three trainings of a resumed run
ALWAYS = ("Diffusion", "Pix2Pix")


@pytest.hookimpl(tryfirst=True)  # before pytest reads the marks
def pytest_collection_modifyitems(items):
    dear = {"tensorflow": "test_compiled_by_xla", "jax": ("test_half_precision", "test_resuming")}
    dear = dear.get(os.environ.get("KERAS_BACKEND", "tensorflow"))
    for item in items:
        arguments = getattr(item, "callspec", None) and item.callspec.params
        if not (arguments and dear and item.name.startswith(dear)) or arguments.get("family") in ALWAYS:
            continue
        if arguments.get("policy") != "mixed_bfloat16":
            item.add_marker(pytest.mark.slow)
