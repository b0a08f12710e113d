"""`skazoo evaluate`: are a mapper's samples right, and does it know how sure it is?"""

from __future__ import annotations

import argparse

_EXAMPLE = """\
example:
  skazoo evaluate skazoo_quickstart/mapper --data toy_mini --data-dir skazoo_quickstart/data --out evaluation
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="compare a mapper's samples with the truth of a test split",
        description="Samples the mapper for every example of a split and writes report.html and report.json.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mapper", help="shipped name, hf://org/name, or the folder of a saved mapper")
    parser.add_argument("--out", required=True, metavar="DIR", help="output folder")
    parser.add_argument("--data", default="toy_64", help="configuration of ska_tng (default toy_64)")
    parser.add_argument("--data-dir", help="TFDS data folder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--num-samples", type=int, default=32)
    parser.add_argument("--limit", type=int, help="examples to take at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    import tensorflow_datasets as tfds

    from .. import from_pretrained
    from ..metrics import evaluate
    from .data import build

    mapper = from_pretrained(args.mapper)
    info, _ = build(args.data, args.data_dir)
    ds = tfds.load(info.full_name, split=args.split, data_dir=args.data_dir)
    command = f"skazoo evaluate {args.mapper} --data {args.data} --split {args.split} --num-samples {args.num_samples}"
    name = f"{info.full_name}, {args.split}"
    report = evaluate(mapper, ds, args.num_samples, limit=args.limit, seed=args.seed, name=name, command=command)
    report.save(args.out)
    print(report.summary())
    print(f"wrote {args.out}/report.html and report.json")
