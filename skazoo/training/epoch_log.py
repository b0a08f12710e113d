"""The losses of every epoch as a table on disk."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import keras

from ..errors import ParameterError
from ..files import replacing

__all__ = ["EpochLog"]


class EpochLog(keras.callbacks.Callback):
    """Writes one row an epoch: its number from 1, the seconds it took, and everything `fit` reports.

    The file is replaced as a whole, so that no killed run leaves half a line, and a resumed run drops the rows of
    epochs that it does again. Put it before `TrainingState` in the list of callbacks: then no epoch is missing either.

    Args:
        path: .csv, or .jsonl for one JSON object a line.
    """

    def __init__(self, path: str | os.PathLike):
        super().__init__()
        self.path = Path(path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ParameterError(f"a log of epochs is .csv or .jsonl, but {self.path.name} is neither.")
        self.rows: list[dict] = []

    def on_train_begin(self, logs=None):
        self.rows = self.read() if self.path.exists() else []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.perf_counter() - self.started, 3)
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]
        self.rows.append({"epoch": epoch + 1, "seconds": seconds, **losses})
        with replacing(self.path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            if self.path.suffix == ".jsonl":
                file.writelines(json.dumps(row) + "\n" for row in self.rows)
            else:
                names = list(dict.fromkeys(name for row in self.rows for name in row))
                table = csv.DictWriter(file, names)
                table.writeheader()
                table.writerows(self.rows)

    def read(self) -> list[dict]:
        """The rows on disk."""
        with self.path.open(newline="", encoding="utf-8") as file:
            if self.path.suffix == ".jsonl":
                return [json.loads(line) for line in file]
            rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
            return [{**row, "epoch": int(row["epoch"])} for row in rows]
