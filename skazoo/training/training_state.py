"""The state of a run on disk, so that one that was killed goes on where it was."""

from __future__ import annotations

import os
import re
from pathlib import Path

import keras

from ..errors import PresetError

__all__ = ["TrainingState"]


class TrainingState(keras.callbacks.Callback):
    """Saves weights, averages, optimizer and random generators after every epoch, and restores them before the first.

    One file holds it all and has the epoch in its name; it appears by a rename, and the one before goes afterwards. So
    whenever the process is killed, the folder holds exactly one whole state or two. (`keras.callbacks.BackupAndRestore`
    writes weights and epoch apart: between the two, an epoch would be done twice.)

    Args:
        folder: of this run alone.
        writes: False in the processes of a run over several machines that only read.
    """

    def __init__(self, folder: str | os.PathLike, writes: bool = True):
        super().__init__()
        self.folder, self.writes = Path(folder), writes

    @property
    def epoch(self) -> int:
        """How many epochs are done, by what is on disk."""
        return max(self._found(), default=0)

    def on_train_begin(self, logs=None):
        if not self.epoch:
            return
        path = self._found()[self.epoch]
        try:
            self.model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise PresetError(
                f"{path} does not fit this mapper: {reason} Remove {self.folder} to start anew."
            ) from error
        self.model._initial_epoch = self.epoch  # where `fit` begins; Keras's own way of resuming

    def on_epoch_end(self, epoch, logs=None):
        if not self.writes:
            return
        before = self._found()
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / "unfinished.weights.h5"
        self.model.save_weights(unfinished)
        os.replace(unfinished, self.folder / f"epoch_{epoch + 1:06d}.weights.h5")
        for number, path in before.items():
            if number != epoch + 1:
                path.unlink()

    def _found(self) -> dict[int, Path]:
        paths = self.folder.glob("epoch_*.weights.h5") if self.folder.is_dir() else ()
        named = ((re.fullmatch(r"epoch_(\d+)\.weights\.h5", path.name), path) for path in paths)
        return {int(match[1]): path for match, path in named if match}
