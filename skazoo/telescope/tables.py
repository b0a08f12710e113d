"""Small tables as CSV with a commented header: antenna layouts, sensitivities, and what the header says of them."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..errors import ParameterError

__all__ = ["Table", "folder", "read_table"]


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file, the `# key: value` lines above them, and where it was read.

    Attributes:
        columns: column name -> list of N strings.
        header: lower-case key -> text, from lines such as `# latitude_deg: -30.7`.
        source: the path, for error messages.
    """

    columns: dict[str, list[str]]
    header: dict[str, str]
    source: str

    def numbers(self, column: str) -> np.ndarray:
        """(N,) float64 of one column; `ParameterError` names the file, the column and the row that is no number."""
        if column not in self.columns:
            known = ", ".join(self.columns)
            raise ParameterError(f"{self.source} has no column {column!r} (it has {known}); add it to the header row.")
        values = np.empty(len(self.columns[column]))
        for row, text in enumerate(self.columns[column]):
            try:
                values[row] = float(text)
            except ValueError:
                raise ParameterError(
                    f"{self.source}, row {row + 1}, column {column!r}: {text!r} is not a number; correct the file."
                ) from None
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
            raise ParameterError(f"{self.source}, row {row}, column {column!r} is not finite; correct the file.")
        return values

    def header_number(self, key: str) -> float:
        """The number behind `# key:`; `ParameterError` where the line is missing or holds something else."""
        try:
            return float(self.header[key])
        except KeyError:
            message = f"{self.source} lacks the line '# {key}: <number>' above its columns; add it."
        except ValueError:
            message = f"{self.source}: '# {key}: {self.header[key]}' is not a number; correct the line."
        raise ParameterError(message)


def folder():
    """The folder of tables that skazoo ships."""
    return files("skazoo.telescope") / "arrays"


def read_table(path) -> Table:
    """Read a CSV file (a path or a packaged resource) with `#` lines above one header row.

    Raises:
        ParameterError: no such file, not text, no columns, or rows of unequal length.
    """
    source = str(path)
    try:
        text = (Path(path) if isinstance(path, (str, os.PathLike)) else path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise ParameterError(f"cannot read the table {source}: {reason}.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    header = {}
    for line in comments:
        key, colon, value = line.partition(":")
        if colon:
            header.setdefault(key.strip().lower(), value.strip())
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    if len(rows) < 2:
        raise ParameterError(f"{source} has no rows; it needs a row of column names and one row per entry.")
    names = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(names):
            raise ParameterError(
                f"{source}, row {number} has {len(row)} values for {len(names)} columns; correct the file."
            )
    columns = {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(names)}
    return Table(columns, header, source)
