"""Half precision on processors that only emulate it."""

from __future__ import annotations

from pathlib import Path

import keras

__all__ = ["slow_precision"]

FLAGS = {"mixed_bfloat16": ("avx512_bf16", "amx_bf16"), "mixed_float16": ("avx512_fp16", "amx_fp16")}


def slow_precision(dtype: str, cpuinfo: str = "/proc/cpuinfo") -> str | None:
    """One sentence where `dtype` slows training down, because there is no GPU and the CPU has no such instructions.

    Emulated bfloat16 took 7 times as long as float32 (a CycleGAN's step on an AVX2 processor: 23.7 s and 3.4 s).

    Args:
        dtype: as in a recipe.
        cpuinfo: where Linux lists the CPU's flags.

    Returns: the sentence, or None: float32, a GPU, a CPU that can, or one of which nothing is known.
    """
    if dtype not in FLAGS or _has_gpu() or not Path(cpuinfo).is_file():
        return None
    lines = [line for line in Path(cpuinfo).read_text().splitlines() if line.startswith("flags")]
    if not lines or set(FLAGS[dtype]) & set(lines[0].split()):
        return None
    return (
        f"{dtype} is emulated on this processor, which has none of {', '.join(FLAGS[dtype])}, and there is no GPU: "
        "float32 may be several times as fast (skazoo train --precision float32)."
    )


def _has_gpu() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import torch

    return torch.cuda.is_available()
