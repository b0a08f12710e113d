"""`skazoo data export`: a split as HDF5 or .npy stacks, for those who do not use TensorFlow."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
examples:
  skazoo data export toy_mini --split test --out test.hdf5
  skazoo data export toy_mini --split test --format npy --fields hi,dark_matter --out test_maps
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    from .data import add_dataset

    parser = actions.add_parser(
        "export",
        help="write a split as HDF5 or .npy",
        description="Writes one HDF5 file with all features and units, or a folder of .npy stacks like CAMELS' maps.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_dataset(parser)
    parser.add_argument("--split", default="test")
    parser.add_argument("--format", default="hdf5", help="hdf5 (default) or npy")
    parser.add_argument("--fields", default="", metavar="A,B,...", help="maps for npy (default all)")
    parser.add_argument("--out", required=True, metavar="PATH", help="HDF5 file, or folder for npy")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..datasets.export import export_hdf5, export_npy
    from ..errors import check_choice
    from .data import examples_of, prepared

    check_choice("format", args.format, ("hdf5", "npy"))
    builder = prepared(args.config, args.data_dir)
    found, count = examples_of(builder, args.split)
    metadata = {"dataset": builder.info.full_name, "split": args.split, **builder.info.metadata}
    if args.format == "hdf5":
        export_hdf5(found, count, args.out, metadata)
    else:
        export_npy(found, count, args.out, metadata, [name for name in args.fields.split(",") if name])
    print(f"wrote {count} examples to {args.out}")
