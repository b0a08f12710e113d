"""`skazoo data show`: a sheet of examples, to look at before training on them."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
example:
  skazoo data show toy_mini --split train --fields dark_matter,hi,ska --out sheet.png
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    from .data import add_dataset

    parser = actions.add_parser(
        "show",
        help="draw a sheet of examples",
        description="Draws maps of the first examples of a split as PNG: one block for each example.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_dataset(parser)
    parser.add_argument("--split", default="train")
    parser.add_argument("--fields", default="dark_matter,stars,hi,ska", metavar="A,B,...")
    parser.add_argument("--count", type=int, default=16, help="examples (default 16)")
    parser.add_argument("--out", default="examples.png", metavar="FILE", help="PNG (default examples.png)")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from itertools import islice
    from pathlib import Path

    from ..datasets.batches import check_fields
    from ..errors import check_positive
    from .data import examples_of, prepared

    check_positive("--count", args.count)
    builder = prepared(args.config, args.data_dir)
    fields = [name for name in args.fields.split(",") if name]
    check_fields(builder.info.features, fields)
    found, _ = examples_of(builder, args.split)
    sheet(list(islice(found, args.count)), fields, f"{builder.info.full_name}, {args.split}", Path(args.out))
    print(f"wrote {args.out}")


def sheet(examples: list[dict], fields: list[str], title: str, path) -> None:
    """Write a PNG with the `fields` of each example in a block, blocks four in a row."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    import math

    import matplotlib.pyplot as plt
    import numpy as np

    from ..files import replacing
    from ..maps.fields import FIELDS

    across = min(4, len(examples)) if len(fields) <= 4 else 1
    rows = math.ceil(len(examples) / across)
    figure, axes = plt.subplots(
        rows, across * len(fields), figsize=(1.15 * across * len(fields), 1.32 * rows + 0.5), squeeze=False
    )
    # one scale for each field, so that galaxies can be compared
    limits = {}
    for name in fields:
        values = np.concatenate([_shown(name, example[name]).ravel() for example in examples])
        limits[name] = (float(np.quantile(values, 0.02)), float(np.quantile(values, 0.998)))
    for axis in axes.flat:
        axis.axis("off")
    for number, example in enumerate(examples):
        row, block = divmod(number, across)
        for column, name in enumerate(fields):
            axis = axes[row, block * len(fields) + column]
            low, high = limits[name]
            axis.imshow(
                _shown(name, example[name]), vmin=low, vmax=max(high, low + 1e-12), origin="lower",
                cmap=_cmap(FIELDS[name].cmap),
            )  # fmt: skip
            if row == 0:
                axis.set_title(FIELDS[name].label, fontsize=6, pad=2)
        mass, hours = float(example["halo_mass"]), example.get("hours")
        words = example["id"].decode() if isinstance(example["id"], bytes) else str(example["id"])
        words += f"   log M {math.log10(mass):.1f}" if mass > 0 else ""
        words += f"   {float(hours):.0f} h" if hours is not None else ""
        first = axes[row, block * len(fields)]
        first.text(0.0, -0.03, words, transform=first.transAxes, fontsize=6, va="top")
    figure.suptitle(title, fontsize=9)
    figure.subplots_adjust(0.005, 0.02, 0.995, 1.0 - 0.6 / (1.32 * rows + 0.5), 0.03, 0.16)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
    plt.close(figure)


def _shown(name: str, data):
    from ..datasets.statistics import compressed

    return compressed(name, data)


def _cmap(name: str):
    import matplotlib.pyplot as plt

    return plt.get_cmap(name)
