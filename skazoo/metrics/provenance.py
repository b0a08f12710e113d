"""Which code, which mapper: what a number needs beside it to be made again."""

from __future__ import annotations

import datetime
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

__all__ = ["git_commit", "provenance_of"]


def provenance_of(mapper) -> dict:
    """Class, parameters, likelihood and, where it carries one, `preset` name of a mapper; versions, commit, time."""
    parameters = None
    if hasattr(mapper, "count_params") and getattr(mapper, "built", True):
        parameters = int(mapper.count_params())
    return {
        "mapper": type(mapper).__name__,
        "preset": str(getattr(mapper, "preset", None) or ""),
        "parameters": parameters,
        "likelihood": getattr(mapper, "likelihood", None),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "git_commit": git_commit(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of Python, skazoo and, of those in use, the packages that shape the numbers."""
    found = {"python": platform.python_version()}
    for package in ("skazoo", "numpy", "scipy", "keras", "tensorflow", "jax", "torch"):
        if package in sys.modules:
            try:
                found[package] = metadata.version(package)
            except metadata.PackageNotFoundError:  # imported from a folder that was never installed
                found[package] = str(getattr(sys.modules[package], "__version__", "unknown"))
    if "keras" in sys.modules:
        found["keras backend"] = sys.modules["keras"].backend.backend()
    return found


def git_commit() -> str | None:
    """Commit of the working tree that skazoo is imported from, "+" appended where it has changes; None outside one."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists() or shutil.which("git") is None:
        return None
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return None
    changes = subprocess.run(
        ["git", "-C", folder, "status", "--porcelain", "--untracked-files=no"],
        capture_output=True,
        text=True,
        check=False,
    )
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
