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

# In full for these families in every run; for the others the dearest checks wait for -m slow: half precision, except
# bfloat16 on JAX (layers and dtypes are the same on both), XLA on TensorFlow (on JAX every step is compiled by it), and
# the two trainings of a resumed run, unless they hold more than weights, optimizers and seeds (a pool of maps, a
# warm-up), which one backend checks.
ALWAYS = "Diffusion", "Pix2Pix"
WITH_STATE = *ALWAYS, "CycleGAN", "LatentDiffusion", "VAE"
KEPT = {
    "tensorflow": {"test_compiled_by_xla": ALWAYS, "test_half_precision": ALWAYS, "test_resuming": WITH_STATE},
    "jax": {"test_half_precision": ALWAYS, "test_resuming": ALWAYS},
}


@pytest.hookimpl(tryfirst=True)  # before pytest reads the marks
def pytest_collection_modifyitems(items):
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    kept = KEPT.get(backend, {})
    for item in items:
        if "family" not in getattr(getattr(item, "callspec", None), "params", {}):
            continue
        arguments = item.callspec.params
        for name, families in kept.items():
            spared = backend == "jax" and arguments.get("policy") == "mixed_bfloat16"
            if item.name.startswith(name) and arguments["family"] not in families and not spared:
                item.add_marker(pytest.mark.slow)
