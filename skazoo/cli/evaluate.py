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
    parser.add_argument("--train-split", default="train", help="for baselines and the test of memory; '' for neither")
    parser.add_argument(
        "--oracle", action="store_true", help="exact redraws beside it (toy data from dark matter; slow)"
    )
    parser.add_argument(
        "--guided", action="store_true", help="telescope guidance beside it (Diffusion from ska with source_dropout)"
    )
    parser.add_argument("--keep", action="store_true", help="put numbers and pictures into the preset and its card")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from pathlib import Path

    from .. import from_pretrained
    from ..datasets import pairs
    from ..datasets.configurations import CONFIGURATIONS
    from ..errors import ParameterError
    from ..metrics import Oracle, evaluate, fit_baselines
    from ..presets import seal, shipped
    from .data import build

    names = shipped()
    folder = names.get(args.mapper, Path(args.mapper))
    if args.keep and not folder.is_dir():
        raise ParameterError("--keep writes into the folder of a preset: give a folder or the name of a shipped one.")
    mapper = from_pretrained(args.mapper)
    info, _ = build(args.data, args.data_dir)
    view = next((one.view for one in CONFIGURATIONS if one.name == args.data.removeprefix("ska_tng/")), None)
    ds = part_of(info, args.split)
    training, baselines = None, {}
    if args.train_split:
        training = part_of(info, args.train_split)
        batches = pairs(training, mapper.source, mapper.target, augment=False)
        baselines = fit_baselines(batches, mapper.source, mapper.target, view=view)
    if args.oracle:
        baselines["oracle"] = Oracle(mapper.source, mapper.target)
    if args.guided:
        baselines["telescope guidance"] = guided(mapper, view, training)
    command = f"skazoo evaluate {args.mapper} --data {args.data} --split {args.split} --num-samples {args.num_samples}"
    command += "" if args.limit is None else f" --limit {args.limit}"
    command += f" --seed {args.seed}" * (args.seed != 0)
    report = evaluate(
        mapper,
        ds,
        args.num_samples,
        limit=args.limit,
        seed=args.seed,
        baselines=baselines,
        training=training,
        view=view,
        name=f"{info.full_name}, {args.split}",
        command=command + " --oracle" * args.oracle + " --guided" * args.guided,
    )
    report.save(args.out)
    if args.keep:
        pictures = draw_pictures(report)
        numbers = {name: part for name, part in report.to_dict().items() if name != "curves"}
        for name, picture in pictures.items():  # after all is drawn, and sealed at once
            (folder / name).write_bytes(picture)
        seal(folder, numbers, args.mapper if args.mapper in names else None)
    print(report.summary())
    print(f"wrote {args.out}/report.html and report.json")


def guided(mapper, view, training):
    """The mapper with telescope guidance; the spectrum of its maps comes from some of `training`."""
    from ..errors import ParameterError
    from ..metrics.guided import Guided

    if training is None:
        raise ParameterError("--guided takes the spectrum of maps from the training split: leave --train-split.")
    return Guided(mapper, view, [one[mapper.target[0]] for one in training.take(512).as_numpy_iterator()])


def part_of(info, split: str):
    """A split of the prepared dataset `info`, or `DatasetError` saying which there are."""
    import tensorflow_datasets as tfds

    from ..errors import DatasetError

    if split not in info.splits:
        raise DatasetError(f"{info.full_name} has no split {split!r}; it has {', '.join(info.splits)}.")
    return tfds.builder_from_directory(info.data_dir).as_dataset(split=split)


def draw_pictures(report) -> dict[str, bytes]:
    """samples.png and calibration.png, which the card shows, of the first target field."""
    import io

    from PIL import Image

    from ..metrics.figures import calibration_figure, image_sheet
    from ..metrics.style import figure_style

    field, found = report.target[0], {}
    with figure_style():
        for name, draw in (("samples", image_sheet), ("calibration", calibration_figure)):
            figure = draw(report, field)
            if figure is None:  # one sample has no calibration
                continue
            drawn = io.BytesIO()
            figure.savefig(drawn, dpi=90)
            few = Image.open(drawn).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3)
            small = io.BytesIO()
            few.save(small, "PNG", optimize=True)
            found[f"{name}.png"] = small.getvalue()
    return found
