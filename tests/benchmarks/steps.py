"""What the benchmarks of training share: a clock for steps, and programs that print JSON in a process of their own."""

import json
import os
import subprocess
import time

import keras
import numpy as np


class StepClock(keras.callbacks.Callback):
    """`times` (s) of all training steps."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_begin(self, batch, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(np.asarray(logs["loss"]))  # waits for the step
        self.times.append(time.perf_counter() - self.start)


def run(command: list[str]) -> dict:
    """What the program printed in its last line, or {"error": its last words}."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])
