"""A prepared dataset to the Hub: shards, TFDS' own description, Croissant and datasheet, in one commit."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from ..datasets.datasheet import datasheet
from ..errors import DatasetError
from .connection import check_repository
from .uploading import upload

__all__ = ["publish_dataset"]

_DESCRIPTION = ("README.md", "croissant.json", "dataset_info.json", "features.json", "metadata.json")


def publish_dataset(
    builder, repository: str, private: bool = False, tag: str | None = None, message: str | None = None
) -> str:
    """Publish a prepared configuration of `ska_tng` as a dataset repository; an earlier one there is replaced.

    The repository holds the prepared folder, so that `tfds.builder_from_directory` of a snapshot reads it.

    Args:
        builder: a `tfds.core.DatasetBuilder` whose `data_dir` is prepared.
        repository: "org/name".
        private, tag, message: as for `publish_preset`.

    Returns: the commit's hash.

    Raises:
        ParameterError: a wrong name or tag, or no token.
        DatasetError: shards are missing or not what was built, or the Hub refuses or cannot be reached.
    """
    repository = check_repository(repository)
    folder, info = Path(builder.data_dir), builder.info
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    check_shards(folder)
    with tempfile.TemporaryDirectory() as temporary:
        card = Path(temporary) / "README.md"
        card.write_text(datasheet(info) + _loading(repository), encoding="utf-8")
        return upload(
            {**files, "README.md": card}, repository, "dataset", DatasetError, private, tag,
            message or f"Publish {info.full_name}", _is_ours,
        )  # fmt: skip


def check_shards(folder: Path) -> None:
    """Compare the shards in `folder` with the SHA-256 that its croissant.json recorded when they were built.

    Raises:
        DatasetError: one is missing or was changed, or there is no such record.
    """
    try:
        shards = [
            each for each in json.loads((folder / "croissant.json").read_text())["distribution"] if "sha256" in each
        ]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{folder} has no croissant.json with the checksums of its shards; remove the folder and build it again."
        ) from error
    for shard in shards:
        path = folder / shard["name"]
        if not path.is_file():
            raise DatasetError(f"{path} is missing; remove {folder} and build the dataset again.")
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != shard["sha256"]:
            raise DatasetError(f"{path} is not the file that was built; remove {folder} and build the dataset again.")


def _is_ours(path: str) -> bool:
    return path in _DESCRIPTION or path.startswith("ska_tng-")


def _loading(repository: str) -> str:
    return f"""
## How to load it

```python
import huggingface_hub, tensorflow_datasets as tfds

folder = huggingface_hub.snapshot_download("{repository}", repo_type="dataset")  # add revision="..." to pin it
ds = tfds.builder_from_directory(folder).as_dataset(split="train")  # skazoo is not needed
```

With skazoo, `skazoo.datasets.pairs(ds, "dark_matter", "hi")` makes batches for its mappers.
"""
