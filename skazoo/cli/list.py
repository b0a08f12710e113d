"""`skazoo list`: the mappers that come with the package."""

from __future__ import annotations


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("list", help="show the mappers that come with the package")
    parser.add_argument("--family", help="such as diffusion")
    parser.add_argument("--source", metavar="FIELD")
    parser.add_argument("--target", metavar="FIELD")
    parser.set_defaults(run=run)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..presets import list_pretrained

    found = list_pretrained(args.family, args.source, args.target)
    for name, facts in found.items():
        print(f"{name:32s} {', '.join(facts['source'])} -> {', '.join(facts['target'])}, {facts['image_size']} px")
    if not found:
        print("no such mapper comes with this version; train one: skazoo quickstart")
