"""Train a mapper on fresh draws of a standard, for a number of steps or minutes; a killed run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ...errors import ParameterError
from ...training import warmup_cosine
from .settings import Settings

__all__ = ["FreshPairs", "train"]

EPOCH = 50  # steps between two checkpoints
TRIAL = 10  # steps that are timed to turn minutes into steps


class FreshPairs(keras.utils.PyDataset):
    """Batches (source, target) that are drawn when asked for and never come back.

    Args:
        draw: (n, seed) -> source, target.
        batch_size, seed: of the draws.
        epoch: where to go on.
    """

    def __init__(self, draw: Callable, batch_size: int, seed: int = 0, epoch: int = 0, steps: int = EPOCH):
        super().__init__()
        self.draw, self.batch_size, self.seed, self.epoch, self.steps = draw, batch_size, seed, epoch, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        seed = int(np.random.SeedSequence((self.seed, self.epoch, index)).generate_state(1, np.uint64)[0] >> 1)
        return self.draw(self.batch_size, seed)

    def on_epoch_end(self):
        self.epoch += 1


class Checkpoint(keras.callbacks.Callback):
    """Weights, optimizer and random states in a folder after each epoch, and back from it when training begins.

    With `held_out` (source, target), those with the lowest loss on them are kept too, and are there in the end.
    """

    def __init__(self, folder: Path, held_out=None):
        super().__init__()
        self.held_out, self.best, self.best_weights = held_out, None, folder / "best.weights.h5"
        self.weights, self.record = folder / "training.weights.h5", folder / "training.json"
        self.done, self.steps, self.seconds, self.began = 0, None, 0.0, time.perf_counter()
        if self.record.exists():
            known = json.loads(self.record.read_text())
            self.done, self.steps, self.seconds = known["epochs"], known["steps"], known["seconds"]
            self.best = known.get("best")

    def on_train_begin(self, logs=None):
        if self.done:
            self.model.load_weights(self.weights)
        self.began = time.perf_counter() - self.seconds

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.began
        self.model.save_weights(self.weights, overwrite=True)
        if self.held_out is not None:
            size = len(self.held_out[0])
            loss = float(self.model.evaluate(*self.held_out, batch_size=size, verbose=0, return_dict=True)["loss"])
            if self.best is None or loss < self.best:
                self.best = loss
                self.model.save_weights(self.best_weights, overwrite=True)
        known = {"epochs": epoch + 1, "steps": self.steps, "seconds": round(self.seconds, 1), "best": self.best}
        self.record.write_text(json.dumps(known) + "\n")


def train(
    make: Callable, draw: Callable, settings: Settings, folder: Path, steps=None, minutes=None, seed=0, held_out=None
):
    """Build a mapper and fit it with a warm-up and a cosine over the whole of the training.

    Args:
        make: () -> a new, uncompiled mapper.
        draw: (n, seed) -> batch (source, target) in physical units.
        settings: learning rate, batch size.
        folder: for the checkpoint; a training that was begun there goes on to the steps it had set out for.
        steps: to take; or
        minutes: to train for, turned into steps by timing a few.
        held_out: see `Benchmark`.

    Returns: the fitted mapper, its steps and its training time in seconds.

    Raises:
        ParameterError: not exactly one of steps and minutes.
    """
    if (steps is None) == (minutes is None) or (steps or minutes) <= 0:
        raise ParameterError("give either steps or minutes to train for, above 0.")
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(folder, held_out and held_out())
    if checkpoint.steps is None:
        checkpoint.steps = steps or steps_of(make, draw, settings, minutes)
    epochs = max(1, round(checkpoint.steps / EPOCH))
    mapper = compiled(make(), settings, epochs * EPOCH)
    pairs = FreshPairs(draw, settings.batch_size, seed, checkpoint.done)
    # where all is done already, fit still restores the weights
    mapper.fit(pairs, epochs=epochs, initial_epoch=checkpoint.done, callbacks=[checkpoint], verbose=2)
    if checkpoint.best is not None:
        mapper.load_weights(checkpoint.best_weights)
    return mapper, epochs * EPOCH, checkpoint.seconds


def compiled(mapper, settings: Settings, steps: int):
    """The mapper with its optimizer."""
    rate = {} if settings.learning_rate is None else {"learning_rate": warmup_cosine(settings.learning_rate, steps)}
    mapper.compile(**rate, **settings.compile)
    return mapper


def steps_of(make: Callable, draw: Callable, settings: Settings, minutes: float) -> int:
    """How many steps fit into so many minutes on this machine, as it is now."""
    trial = compiled(make(), settings, 2 * TRIAL)
    pairs = FreshPairs(draw, settings.batch_size, steps=TRIAL)
    trial.fit(pairs, verbose=0)  # compiles
    began = time.perf_counter()
    trial.fit(pairs, verbose=0)
    return max(1, int(60 * minutes * TRIAL / (time.perf_counter() - began)))
