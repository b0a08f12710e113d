"""One file of a dataset: written whole or not at all, beside a note of what is in it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DatasetError, OutputError
from .features import features_of, map_names
from .generate import View, examples
from .plan import Shard
from .statistics import FieldStatistics

__all__ = ["Written", "digest_of", "finished", "write_shard"]


@dataclass(frozen=True)
class Written:
    """What a finished shard holds.

    Attributes:
        examples, bytes: how many, and their serialised size.
        size, sha256: of the file.
        content: SHA-256 of the decoded examples in order; the file's own bytes may differ from run to run.
        skipped: galaxy -> why it could not be used.
        statistics: field -> `FieldStatistics.state()`, where the shard is of the split they are taken from.
    """

    examples: int
    bytes: int
    size: int
    sha256: str
    content: str
    skipped: dict[str, str] = field(default_factory=dict)
    statistics: dict[str, dict[str, np.ndarray]] = field(default_factory=dict, repr=False)


def write_shard(
    shard: Shard,
    folder: str,
    view: View,
    views: int,
    pool=None,
    skip_bad: bool = False,
    progress: Callable[[int], Any] | None = None,
) -> Written:
    """Make the examples of a shard and write them to `folder`, unless that is done already.

    Args:
        shard, view, views: of the plan.
        folder: path or URL (gs://...) that TensorFlow can write to.
        pool: of `pool_of`.
        skip_bad: leave out galaxies that cannot be used instead of stopping.
        progress: called with 1 for each example.

    Raises:
        DatasetError: a galaxy cannot be used; finished shards stay.
        OutputError: the file cannot be written (full disk, no permission).
    """
    import tensorflow as tf
    from etils import epath
    from tensorflow_datasets.core import example_serializer, file_adapters

    path = epath.Path(folder) / shard.file
    done = finished(path)
    if done is not None:
        if progress:
            progress(done.examples)
        return done
    features = features_of(view)
    serializer = example_serializer.ExampleSerializer(features.get_serialized_info())
    bad: dict[str, str] | None = {} if skip_bad else None
    names = map_names(view) if shard.statistics else ()
    statistics = {name: FieldStatistics(name) for name in names}
    content, totals = hashlib.sha256(), [0, 0]

    def records() -> Iterator[tuple[str, bytes]]:
        for example in examples(shard.galaxies, views, view, pool, bad):
            digest_of(example, content)
            for name, one in statistics.items():
                one.update(example[name], example["id"])
            record = serializer.serialize_example(features.encode_example(example))
            totals[0] += 1
            totals[1] += len(record)
            yield example["id"], record
            if progress:
                progress(1)

    partial = path.parent / f".{path.name}.partial"
    try:
        file_adapters.ADAPTER_FOR_FORMAT[file_adapters.FileFormat(shard.file_format)].write_examples(partial, records())
        with partial.open("rb") as file:
            sha256 = _sha256(file)
        size = partial.stat().length
        partial.replace(path)
        note = Written(totals[0], totals[1], size, sha256, content.hexdigest(), bad or {})
        _write_note(path, note, statistics)
    except (tf.errors.OpError, OSError) as error:
        if isinstance(error, OutputError):
            raise
        words = getattr(error, "message", None) or error.strerror or str(error)
        raise OutputError(
            f"cannot write {path}: {words}; free some space and run again: finished shards are kept."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return finished(path)


def finished(path) -> Written | None:
    """What the note beside a shard says, or None where the shard is not there whole."""
    from etils import epath

    path = epath.Path(path)
    note = _note(path)
    if not (path.exists() and note.exists()):
        return None
    with np.load(io.BytesIO(note.read_bytes())) as data:
        facts = json.loads(str(data["facts"]))
        statistics: dict[str, dict] = {}
        for key in data.files:
            if key != "facts":
                name, part = key.split("/")
                statistics.setdefault(name, {})[part] = data[key]
    if path.stat().length != facts["size"]:
        return None
    return Written(**facts, statistics=statistics)


def digest_of(example: Mapping[str, Any], value=None):
    """Update a hash (default: a new SHA-256) with one example, made or decoded; returns the hash."""
    value = hashlib.sha256() if value is None else value
    for name in sorted(example):
        data = example[name]
        value.update(name.encode() + b"\0")
        if isinstance(data, (str, bytes)):
            value.update(data.encode() if isinstance(data, str) else data)
        else:
            data = np.asarray(data)
            data = data.astype(np.int64) if data.dtype.kind in "iu" else data.astype(np.float32)
            value.update(np.ascontiguousarray(data))
    return value


def _write_note(path, note: Written, statistics: Mapping[str, FieldStatistics]) -> None:
    facts = {k: getattr(note, k) for k in ("examples", "bytes", "size", "sha256", "content", "skipped")}
    arrays = {f"{n}/{part}": array for n, one in statistics.items() for part, array in one.state().items()}
    buffer = io.BytesIO()
    np.savez(buffer, facts=json.dumps(facts), **arrays)
    partial = path.parent / f".{path.name}.note.partial"
    partial.write_bytes(buffer.getvalue())
    partial.replace(_note(path))


def _note(path):
    return path.parent / f"{path.name}.note.npz"


def _sha256(file) -> str:
    value = hashlib.sha256()
    while block := file.read(1 << 22):
        value.update(block)
    return value.hexdigest()


def check_room(folder, needed: int) -> None:
    """Raise `OutputError` where a local folder's disk has less than `needed` bytes free."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder} has {free / 1e9:.1f} GB free, but the dataset needs {needed / 1e9:.1f} GB; "
            "choose another --data-dir or a smaller configuration."
        )


def check_some(shard_lengths: Mapping[str, list[int]], skipped: Mapping[str, str]) -> None:
    """Raise `DatasetError` where skipping bad galaxies left nothing."""
    if not any(sum(lengths) for lengths in shard_lengths.values()):
        name, reason = next(iter(skipped.items()))
        raise DatasetError(f"none of the {len(skipped)} galaxies can be used; the first: {name}: {reason}")
