"""`skazoo train`: fit the mapper of a recipe, on any data of its kind."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EXAMPLE = """\
examples:
  skazoo train diffusion_dm2hi_toy64 --out my_mapper
  skazoo train my_recipe.json --data ska_tng/toy_mini --steps 1000 --batch-size 8 --out small
  skazoo train diffusion_dm2hi_toy64 --precision mixed_bfloat16 --devices all --out my_mapper
A run that was stopped, by whatever, goes on after its last epoch when the same command is given again.
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a mapper by a recipe",
        description="Runs zoo/<family>/train.py with the numbers of a recipe.json, and writes a preset for "
        "skazoo.from_pretrained. Logs, sample sheets and the state of training lie in OUT.training/ beside it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="a preset's name, a recipe.json, or the folder of one")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the preset to write")
    parser.add_argument("--data", metavar="NAME", help="dataset, such as ska_tng/toy_64 or toy_64, or its folder")
    parser.add_argument("--data-dir", metavar="DIR", help="where tensorflow_datasets keeps the data")
    parser.add_argument("--precision", metavar="POLICY", help="float32, mixed_bfloat16 or mixed_float16")
    parser.add_argument("--devices", metavar="N", help="number, 'all', or 'workers' for all processes of a job")
    parser.add_argument("--steps", type=int, metavar="N", help="batches in the whole run")
    parser.add_argument("--batch-size", type=int, metavar="N", help="examples a step, over all devices")
    parser.add_argument("--start-from", metavar="PRESET", help="preset or folder whose weights are the first")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--quiet", action="store_true", help="one line an epoch instead of a progress bar")
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from importlib import import_module

    from ..training.precision import slow_precision
    from ..training.recipe import find_recipe, read_recipe
    from ..training.training_state import TrainingState

    data = args.data
    if data and "/" not in data and not Path(data).is_dir():
        data = f"ska_tng/{data}"
    recipe = read_recipe(
        find_recipe(args.recipe),
        dataset=data,
        data_dir=args.data_dir,
        dtype=args.precision,
        devices=int(args.devices) if args.devices and args.devices.isdigit() else args.devices,
        steps=args.steps,
        batch_size=args.batch_size,
        start_from=args.start_from,
        seed=args.seed,
    )
    out = Path(args.out)
    work = out.with_name(out.name + ".training")
    done = TrainingState(work / "state").epoch
    if done:
        print(f"resuming after epoch {done}", flush=True)
    # the processes of a job must meet before any of them looks for its GPUs
    slow = slow_precision(recipe["dtype"]) if recipe["devices"] != "workers" else None
    if slow:
        print(f"note: {slow}", file=sys.stderr, flush=True)
    script = import_module(f"skazoo.zoo.{recipe['family']}.train")
    try:
        script.train(recipe, out, verbose=2 if args.quiet else 1)
    except KeyboardInterrupt:
        done = TrainingState(work / "state").epoch
        print(f"\nstopped; the state after epoch {done} is in {work}. The same command goes on from there.")
        raise
    print(f"wrote {out}/; logs in {work}/. Next: skazoo evaluate {out} --help")
