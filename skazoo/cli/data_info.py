"""`skazoo data info`: what is in a prepared dataset, and whether it is still what was made."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
examples:
  skazoo data info toy_mini
  skazoo data info toy_64 --verify      decode every example and compare with the recorded SHA-256
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    from .data import add_dataset

    parser = actions.add_parser(
        "info",
        help="say what a prepared configuration holds",
        description="Prints splits, sizes, units and statistics of a prepared configuration.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_dataset(parser)
    parser.add_argument("--json", action="store_true", help="all metadata as JSON")
    parser.add_argument("--verify", action="store_true", help="hash the decoded examples")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    import json

    from .data import prepared

    builder = prepared(args.config, args.data_dir)
    info, facts = builder.info, builder.info.metadata
    if args.json:
        counts = {name: split.num_examples for name, split in info.splits.items()}
        print(json.dumps({"name": info.full_name, "examples": counts, **facts}, indent=1))
    else:
        print(f"{info.full_name}: {info.config_description}")
        print(f"in {info.data_dir}, {info.dataset_size / 1e6:.0f} MB, {info.file_format.value}")
        for name, split in info.splits.items():
            print(f"  {name:15s} {split.num_examples:7d} examples in {split.num_shards} file(s)")
        print(f"statistics of {facts['statistics_split']}:")
        print(f"  {'field':23s} {'unit':16s} {'min':>10s} {'median':>10s} {'max':>10s} {'mean':>10s} {'std':>10s}")
        for name, one in facts["statistics"].items():
            numbers = [one["min"], one["quantiles"]["0.5"], one["max"], one["mean"], one["std"]]
            print(f"  {name:23s} {facts['units'][name]:16s} " + " ".join(f"{n:10.3g}" for n in numbers))
        for name, reason in facts.get("skipped", {}).items():
            print(f"left out {name}: {reason}")
    if args.verify:
        _verify(builder)


def _verify(builder) -> None:
    import hashlib

    from ..datasets.shards import digest_of
    from ..errors import DatasetError
    from .data import examples_of

    for name, split in builder.info.splits.items():
        found, _ = examples_of(builder, name)
        whole = hashlib.sha256()
        for length in split.shard_lengths:
            shard = hashlib.sha256()
            for _ in range(length):
                digest_of(next(found), shard)
            whole.update(shard.digest())
        if whole.hexdigest() != builder.info.metadata["content_sha256"][name]:
            raise DatasetError(
                f"the split {name} in {builder.info.data_dir} is not what was written; remove it and build it again."
            )
        print(f"{name}: content is as recorded")
