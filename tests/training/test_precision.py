"""A word to those whose processor only emulates half precision."""

import pytest

from skazoo.training import precision
from skazoo.training.precision import slow_precision


@pytest.mark.parametrize(
    ("dtype", "flags", "slow"),
    [
        ("float32", "avx2", False),
        ("mixed_bfloat16", "avx avx2", True),
        ("mixed_bfloat16", "avx avx512_bf16", False),
        ("mixed_bfloat16", "avx amx_bf16", False),
        ("mixed_float16", "avx avx512_bf16", True),
        ("mixed_float16", "avx avx512_fp16", False),
        ("mixed_float16", None, False),  # not a processor that lists its flags
    ],
)
def test_emulated_precisions_are_named(dtype, flags, slow, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "_has_gpu", lambda: False)
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\n" + ("" if flags is None else f"flags\t\t: fpu {flags}\n"))
    found = slow_precision(dtype, str(path))
    assert bool(found) == slow and (not slow or f"{dtype} is emulated" in found and "--precision float32" in found)
    assert slow_precision(dtype, str(tmp_path / "none")) is None
    monkeypatch.setattr(precision, "_has_gpu", lambda: True)
    assert slow_precision(dtype, str(path)) is None
