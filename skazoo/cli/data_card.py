"""`skazoo data card`: the datasheet of a prepared dataset."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
example:
  skazoo data card toy_mini --out README.md
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    from .data import add_dataset

    parser = actions.add_parser(
        "card",
        help="write the datasheet",
        description="Writes the datasheet of a prepared configuration in Markdown, with the Hub's front matter.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_dataset(parser)
    parser.add_argument("--out", metavar="FILE", help="where to (default: standard output)")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..datasets.datasheet import datasheet
    from ..files import replacing
    from .data import prepared

    text = datasheet(prepared(args.config, args.data_dir).info)
    if args.out is None:
        print(text, end="")
        return
    with replacing(args.out) as partial:
        partial.write_text(text)
    print(f"wrote {args.out}")
