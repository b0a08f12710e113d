"""`skazoo publish`: a preset to the Hugging Face Hub."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
examples:
  skazoo publish runs/my_diffusion my-name/my-diffusion --private
  skazoo publish runs/my_diffusion my-name/my-diffusion --tag v1.1 --message "trained longer"
Log in once with `hf auth login`, or set HF_TOKEN. Others then use skazoo.from_pretrained("hf://my-name/my-diffusion").
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "publish",
        help="put a saved mapper on the Hugging Face Hub",
        description="Checks the preset's files, renews its card, and uploads all of it in one commit.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("preset", help="folder of a saved mapper, or a shipped name")
    add_repository(parser)
    parser.set_defaults(run=run)


def add_repository(parser) -> None:
    """The arguments of all publications."""
    parser.add_argument("repository", metavar="ORG/NAME", help="where to; made if it does not exist")
    parser.add_argument("--private", action="store_true", help="for yourself or your organisation only")
    parser.add_argument("--tag", help="name for this version, such as v1.0")
    parser.add_argument("--message", help="of the commit")


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..hub import publish_preset

    commit = publish_preset(args.preset, args.repository, args.private, args.tag, args.message)
    address = f"hf://{args.repository.removeprefix('hf://')}"
    print(f"published {args.preset} as {address}, commit {commit}")
    print(f"next: skazoo.from_pretrained({address!r}, revision={args.tag or commit!r})")
