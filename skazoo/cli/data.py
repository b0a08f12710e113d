"""`skazoo data build`: prepare a configuration of ska_tng."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..errors import DatasetError, OutputError, check_choice
from . import fetch

_EXAMPLE = """\
examples:
  skazoo data build toy_mini
  skazoo data build cutouts --manual-dir ~/tng_cutouts --data-dir ~/tensorflow_datasets
"""


def add_parser(commands) -> None:
    parser = commands.add_parser("data", help="build the ska_tng dataset")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser(
        "build",
        help="prepare one configuration",
        description="Prepares ska_tng/CONFIG, after which tfds.load finds it, with or without skazoo installed.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build.add_argument("config", help="toy_64, toy_mini or cutouts (also written ska_tng/toy_64)")
    build.add_argument("--data-dir", help="where to (default: TFDS_DATA_DIR or ~/tensorflow_datasets)")
    build.add_argument("--manual-dir", help="folder of HDF5 files, for cutouts")
    build.add_argument("--workers", type=int, help="processes (default: all cores)")
    build.set_defaults(run=run_build, keras=True)
    fetch.add_action(actions)


def run_build(args) -> None:
    if args.workers is not None:
        os.environ["SKAZOO_WORKERS"] = str(args.workers)
    info, seconds = build(args.config, args.data_dir, args.manual_dir)
    counts = ", ".join(f"{name} {split.num_examples}" for name, split in info.splits.items())
    print(f"{info.full_name}: {counts}; {info.dataset_size / 1e6:.0f} MB in {seconds:.1f} s")
    print(f"in {info.data_dir}")
    where = f", data_dir={args.data_dir!r}" if args.data_dir else ""
    print(f"next: tfds.load({info.full_name.rsplit('/', 1)[0]!r}, split='test'{where})")


def build(config: str, data_dir: str | None = None, manual_dir: str | None = None):
    """Prepare `ska_tng/<config>`; returns its `DatasetInfo` and the seconds it took.

    Raises:
        DatasetError: unknown configuration, missing folder, or a galaxy that cannot be used.
        OutputError: the data folder cannot be written.
    """
    import time

    import tensorflow_datasets as tfds

    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    name = config.removeprefix("ska_tng/")
    check_choice("configuration", name, Builder.builder_configs)
    if Builder.builder_configs[name].run != "toy" and manual_dir is None:
        raise DatasetError(f"ska_tng/{name} is made from your files: give their folder with --manual-dir.")
    if manual_dir is not None and not Path(manual_dir).is_dir():
        raise DatasetError(f"--manual-dir {manual_dir} is not a folder.")
    start = time.perf_counter()
    try:
        builder = Builder(config=name, data_dir=data_dir)
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except OSError as error:
        raise OutputError(f"cannot write the dataset into {data_dir or 'the TFDS data folder'}: {error}.") from error
    return builder.info, time.perf_counter() - start
