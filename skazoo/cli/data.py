"""`skazoo data ACTION`: build, look at, describe, export and publish the ska_tng dataset."""

from __future__ import annotations

import argparse
import contextlib
from importlib import import_module
from pathlib import Path

from ..errors import DatasetError, OutputError, check_choice

_EXAMPLE = """\
examples:
  skazoo data build toy_mini
  skazoo data build cutouts --manual-dir ~/tng_cutouts --data-dir ~/tensorflow_datasets
  skazoo data build tng50_1_64 --manual-dir ~/sims.TNG/TNG50-1 --workers 8 --skip-bad
A build that was stopped, by whatever, goes on where it was when it is started again.
"""
_ACTIONS = (".fetch", ".data_show", ".data_info", ".data_card", ".data_export", ".data_publish")


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("data", help="build, show, describe, export and publish the ska_tng dataset")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser(
        "build",
        help="prepare one configuration",
        description="Prepares ska_tng/CONFIG, after which tfds.load finds it, with or without skazoo installed.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build.add_argument("config", help="toy_64, toy_32, toy_128, toy_mini, cutouts, tng50_1_64, ... (or ska_tng/...)")
    build.add_argument("--data-dir", help="where to (default: TFDS_DATA_DIR or ~/tensorflow_datasets)")
    build.add_argument(
        "--manual-dir", help="folder of a simulation run or of HDF5 cutouts; toy configurations need none"
    )
    build.add_argument("--workers", type=int, help="processes (default: SKAZOO_WORKERS, else all cores)")
    build.add_argument("--skip-bad", action="store_true", help="leave out galaxies that cannot be used, and list them")
    build.add_argument("--format", default="tfrecord", help="tfrecord (default), or array_record for random access")
    build.add_argument("--beam", metavar="OPTIONS", help="generate with Apache Beam, e.g. '--runner=DirectRunner'")
    build.set_defaults(run=run_build, keras=True)
    for module in _ACTIONS:
        import_module(module, __package__).add_action(actions)


def run_build(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    if args.workers is not None and args.workers < 1:
        raise DatasetError(f"--workers must be at least 1, but is {args.workers}.")
    info, seconds = build(
        args.config, args.data_dir, args.manual_dir, args.workers, args.skip_bad, args.format, args.beam
    )
    counts = ", ".join(f"{name} {split.num_examples}" for name, split in info.splits.items())
    print(f"{info.full_name}: {counts}; {info.dataset_size / 1e6:.0f} MB in {seconds:.1f} s")
    print(f"in {info.data_dir}")
    for name, reason in info.metadata.get("skipped", {}).items():
        print(f"left out {name}: {reason}")
    where = f", data_dir={args.data_dir!r}" if args.data_dir else ""
    if args.format == "tfrecord":
        print(f"next: tfds.load({info.full_name.rsplit('/', 1)[0]!r}, split='test'{where})")
    else:
        print(f"next: tfds.data_source({info.full_name.rsplit('/', 1)[0]!r}, split='test'{where})")


def build(
    config: str,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    file_format: str = "tfrecord",
    beam: str | None = None,
):
    """Prepare `ska_tng/<config>` unless it is there; returns its `DatasetInfo` and the seconds it took.

    Args:
        config, data_dir, manual_dir, workers, skip_bad, file_format, beam: as on the command line.

    Raises:
        DatasetError: unknown configuration or format, missing folder, or a galaxy that cannot be used.
        OutputError: the data folder cannot be written.
    """
    import shlex
    import time

    import tensorflow_datasets as tfds

    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    from ..datasets.plan import FORMATS
    from ..datasets.sources import has_key

    name = config.removeprefix("ska_tng/")
    check_choice("configuration", name, Builder.builder_configs)
    if manual_dir is not None and not Path(manual_dir).is_dir():
        raise DatasetError(f"--manual-dir {manual_dir} is not a folder.")
    if file_format not in FORMATS:
        reason = ": tensorflow-datasets loses rows in parquet shards" if file_format == "parquet" else ""
        raise DatasetError(f"--format must be {' or '.join(FORMATS)}, but is {file_format!r}{reason}.")
    start = time.perf_counter()
    try:
        options = None if beam is None else shlex.split(beam)
        builder = Builder(config=name, data_dir=data_dir, workers=workers, skip_bad=skip_bad, beam=options)
        # what is there already needs no source files
        there = Path(builder.data_dir).exists()
        chosen = Builder.builder_configs[name]
        if chosen.run != "toy" and manual_dir is None and not there and not (chosen.fetched and has_key()):
            key = f", or set TNG_API_KEY to fetch {chosen.simulation} galaxies" if chosen.fetched else ""
            raise DatasetError(
                f"ska_tng/{name} is made from simulation files: skazoo data build {name} --manual-dir FOLDER{key}."
            )
        with _quiet():
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False),
                file_format=file_format,
            )
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write the dataset into {data_dir or 'the TFDS data folder'}: {error}.") from error
    return builder.info, time.perf_counter() - start


def prepared(config: str, data_dir: str | None):
    """The builder of a configuration that has been prepared.

    Raises:
        ParameterError: no such configuration.
        DatasetError: it has not been prepared.
    """
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    name = config.removeprefix("ska_tng/")
    check_choice("configuration", name, Builder.builder_configs)
    builder = Builder(config=name, data_dir=data_dir)
    if not Path(builder.data_dir).exists():
        where = f" --data-dir {data_dir}" if data_dir else ""
        raise DatasetError(
            f"ska_tng/{name} is not prepared in {builder.data_dir}; run: skazoo data build {name}{where}"
        )
    return builder


def add_dataset(parser) -> None:
    """The arguments that name a prepared configuration."""
    parser.add_argument("config", nargs="?", default="toy_64", help="configuration (default toy_64)")
    parser.add_argument("--data-dir", help="TFDS data folder (default: TFDS_DATA_DIR or ~/tensorflow_datasets)")


def examples_of(builder, split: str):
    """Iterator over a split's examples as dicts of numpy arrays, whatever the file format, and their number.

    Raises:
        DatasetError: no such split.
    """
    if split not in builder.info.splits:
        raise DatasetError(f"{builder.info.full_name} has no split {split!r}; it has {', '.join(builder.info.splits)}.")
    count = builder.info.splits[split].num_examples
    if builder.info.file_format.value == "array_record":
        source = builder.as_data_source(split=split)
        return (source[i] for i in range(count)), count
    import tensorflow_datasets as tfds

    read = tfds.ReadConfig(try_autocache=False)
    return iter(builder.as_dataset(split=split, read_config=read).as_numpy_iterator()), count


@contextlib.contextmanager
def _quiet():
    """Without what TFDS prints about sizes it does not know."""
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        yield
