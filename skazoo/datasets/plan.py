"""Which galaxies go into which file of a dataset, decided before anything is made."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from .. import __version__
from ..errors import DatasetError
from .features import example_bytes
from .generate import Galaxy, View
from .splits import SPLITS

__all__ = ["FORMATS", "Plan", "Shard", "code_hash", "make_plan"]

FORMATS = ("tfrecord", "array_record")
_SHARD_BYTES = 64 << 20
_ROOMS = ("simulations", "physics", "maps", "telescope", "datasets")  # whose code decides what an example holds


@dataclass(frozen=True)
class Shard:
    """One file: part `index` of `count` of a split."""

    split: str
    index: int
    count: int
    galaxies: tuple[Galaxy, ...]
    statistics: bool
    file_format: str

    @property
    def file(self) -> str:
        """Its name, as TFDS names files."""
        return f"ska_tng-{self.split}.{self.file_format}-{self.index:05d}-of-{self.count:05d}"


@dataclass(frozen=True)
class Plan:
    """A whole dataset: its files, and how every example is made.

    Attributes:
        view, views: how galaxies are looked at, how many times.
        shards: split by split.
        file_format: one of `FORMATS`.
        fingerprint: SHA-256 of all of it and of the code; files of one fingerprint belong together.
    """

    view: View
    views: int
    shards: tuple[Shard, ...]
    file_format: str
    fingerprint: str

    @property
    def examples(self) -> int:
        """How many there will be."""
        return self.views * sum(len(shard.galaxies) for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Expected size on disk."""
        return self.examples * example_bytes(self.view)


def make_plan(
    splits: Mapping[str, Sequence[Galaxy]],
    view: View,
    views: int,
    file_format: str = "tfrecord",
    max_examples: int | None = None,
    num_shards: int | None = None,
    facts: Mapping | None = None,
) -> Plan:
    """Cut every split into files of about 64 MiB.

    Args:
        splits: galaxies of each split, in the order in which they are written.
        view, views: of each galaxy.
        file_format: "tfrecord", or "array_record" for random access.
        max_examples: of each split; whole galaxies are taken until it is reached.
        num_shards: files of each split instead of the number that follows from 64 MiB.
        facts: further JSON-able facts that the content depends on, such as hashes of source files.

    Raises:
        DatasetError: no galaxies, or a format that is not offered.
    """
    if file_format not in FORMATS:
        reason = " (tensorflow-datasets 4.9 loses rows of a parquet shard past the first 100)"
        raise DatasetError(
            f"the file format must be {' or '.join(FORMATS)}, but is {file_format!r}"
            f"{reason if file_format == 'parquet' else ''}."
        )
    if not any(splits.values()):
        raise DatasetError("there are no galaxies to make a dataset of.")
    measured = "train" if splits.get("train") else next(name for name in SPLITS if splits.get(name))
    shards = []
    for name in SPLITS:
        own = list(splits.get(name, ()))
        if max_examples is not None:
            own = own[: math.ceil(max_examples / views)]
        if not own:
            continue
        wanted = num_shards or math.ceil(len(own) * views * example_bytes(view) / _SHARD_BYTES)
        count = min(wanted, len(own))
        cuts = [round(i * len(own) / count) for i in range(count + 1)]
        for i in range(count):
            part = tuple(own[cuts[i] : cuts[i + 1]])
            shards.append(Shard(name, i, count, part, name == measured, file_format))
    content = [__version__, code_hash(), asdict(view), views, file_format, dict(facts or {})]
    content += [[s.file, [asdict(g) for g in s.galaxies]] for s in shards]
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Plan(view, views, tuple(shards), file_format, fingerprint)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 of the Python files that decide what an example holds, from readers to this room."""
    root = Path(__file__).parents[1]
    value = hashlib.sha256()
    for path in sorted(p for room in _ROOMS for p in (root / room).rglob("*") if p.suffix in (".py", ".csv")):
        value.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return value.hexdigest()
