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

# on JAX every step of the suite is compiled by XLA; on TensorFlow one family of each kind is enough but for -m slow
XLA_ALWAYS = ("Diffusion", "Pix2Pix")


@pytest.hookimpl(tryfirst=True)  # before pytest reads the marks
def pytest_collection_modifyitems(items):
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    for item in items:
        call = getattr(item, "callspec", None)
        if item.name.startswith("test_compiled_by_xla") and call and call.params.get("family") not in XLA_ALWAYS:
            item.add_marker(pytest.mark.slow)
