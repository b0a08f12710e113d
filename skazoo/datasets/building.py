"""All files of a dataset: in this process and its workers, or by Apache Beam; stopped at any moment, it goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DatasetError, OutputError
from .generate import _POOL_FROM, pool_of, workers
from .plan import Plan
from .shards import Written, check_room, check_some, finished, write_shard

__all__ = ["deliver", "write_shards", "working_folder"]


@contextmanager
def working_folder(version_folder: str, fingerprint: str, keep: str = "") -> Iterator[str]:
    """The folder beside a dataset's version folder where its shards wait until all are there.

    Shards of an earlier run of the same plan are kept; those of another plan (other files, other code) are removed.
    On this machine one build at a time: another one meanwhile is refused.

    Args:
        version_folder: where the dataset is going to be.
        fingerprint: of the plan.
        keep: the temporary folder that TFDS has made for this run.

    Raises:
        DatasetError: another process is building the same dataset.
        OutputError: the folder cannot be made.
    """
    from etils import epath

    target = epath.Path(version_folder)
    folder = target.parent / f".building-{target.name}"
    local = "://" not in os.fspath(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}.") from error
    with _locked(Path(folder)) if local else _unlocked():
        note = folder / "fingerprint"
        if not note.exists() or note.read_text() != fingerprint:
            for item in folder.iterdir():
                if item.name != "lock":
                    item.rmtree() if item.is_dir() else item.unlink()
            note.write_text(fingerprint)
        if local:
            # what TFDS left of a run that was killed while it moved the finished dataset into place
            for leftover in Path(target.parent).glob(f"incomplete.*_{target.name}"):
                if leftover.name != Path(keep).name:
                    shutil.rmtree(leftover)
        yield os.fspath(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetError(
                f"another process is building this dataset (it holds {folder / 'lock'}); wait until it is done."
            ) from error
        yield


@contextmanager
def _unlocked() -> Iterator[None]:
    yield


def write_shards(plan: Plan, folder: str, skip_bad: bool = False, number: int | None = None) -> list[Written]:
    """Write what is missing of a plan, with a progress bar, and say what every shard holds.

    Args:
        plan, folder: what and where.
        skip_bad: leave out galaxies that cannot be used.
        number: processes; default `workers()`.

    Raises:
        DatasetError, OutputError: see `write_shard`; or the disk has too little room.
    """
    from tqdm.auto import tqdm

    missing = [shard for shard in plan.shards if finished(f"{folder}/{shard.file}") is None]
    if "://" not in folder:
        check_room(folder, plan.bytes * len(missing) // max(len(plan.shards), 1))
    galaxies = sum(len(shard.galaxies) for shard in missing)
    number = min(workers() if number is None else number, max(galaxies, 1))
    if galaxies * plan.views < _POOL_FROM:
        number = 1
    written = []
    bar = tqdm(total=plan.examples, unit=" examples", desc="generating", disable=None, leave=False, mininterval=0.5)
    with bar, pool_of(number) as pool:
        for shard in plan.shards:
            written.append(write_shard(shard, folder, plan.view, plan.views, pool, skip_bad, bar.update))
    return written


def deliver(plan: Plan, written: list[Written], folder: str, target: str) -> dict[str, list[int]]:
    """Put finished shards into `target` (hard links, or copies where the disk has none); returns split -> lengths.

    They stay in `folder` as well, so that a kill in this moment loses nothing.

    Raises:
        DatasetError: all galaxies were skipped.
        OutputError: a file cannot be linked or copied.
    """
    from etils import epath

    lengths: dict[str, list[int]] = {}
    skipped: dict[str, str] = {}
    for shard, note in zip(plan.shards, written, strict=True):
        lengths.setdefault(shard.split, []).append(note.examples)
        skipped |= note.skipped
    check_some(lengths, skipped)
    lengths = {name: counts for name, counts in lengths.items() if sum(counts)}
    for shard in plan.shards:
        if shard.split not in lengths:
            continue
        source, goal = epath.Path(folder) / shard.file, epath.Path(target) / shard.file
        try:
            os.link(source, goal)
        except OSError:  # another disk, a file system without links, or no local one: a copy does as well
            try:
                source.copy(goal, overwrite=True)
            except OSError as error:
                raise OutputError(f"cannot write {goal}: {error.strerror or error}.") from error
    return lengths
