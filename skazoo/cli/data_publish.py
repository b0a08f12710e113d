"""`skazoo data publish`: a prepared dataset to the Hugging Face Hub."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
example:
  skazoo data publish my-name/ska-tng-toy-mini toy_mini --tag v1.0
Log in once with `hf auth login`, or set HF_TOKEN. Maps of a simulation are under that simulation's terms: see that
they allow it before you publish them.
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    from .data import add_dataset
    from .publish import add_repository

    parser = actions.add_parser(
        "publish",
        help="put a prepared configuration on the Hugging Face Hub",
        description="Checks the shards, and uploads them with datasheet and Croissant description in one commit.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_repository(parser)
    add_dataset(parser)
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..hub import publish_dataset
    from .data import prepared

    builder = prepared(args.config, args.data_dir)
    commit = publish_dataset(builder, args.repository, args.private, args.tag, args.message)
    name = args.repository.removeprefix("hf://")
    print(f"published {builder.info.full_name} as {name}, commit {commit}; licence: {builder.info.metadata['license']}")
    print(f"next: huggingface_hub.snapshot_download({name!r}, repo_type='dataset', revision={args.tag or commit!r})")
