"""TensorFlow's start-up notes (no GPU, oneDNN), which it writes before any log level counts, kept off the terminal."""

from __future__ import annotations

import os
import sys

__all__ = ["import_keras_quietly"]


def import_keras_quietly() -> None:
    """Import Keras and TensorFlow with the process's standard error closed meanwhile; exceptions come through."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
