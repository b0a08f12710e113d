"""`skazoo quickstart`: from nothing to samples of a trained mapper and a report, in two minutes and without network."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

PRESET = "latent_diffusion_dm2hi_toy64"  # twice as fast as diffusion, and hardly worse: see zoo/leaderboard.md
_EXAMPLE = """\
examples:
  skazoo quickstart
  skazoo quickstart --preset flow_matching_ska2hi_toy64  another mapper of `skazoo list`: what the SKA sees -> HI
  skazoo quickstart --steps 500                  train a small mapper of your own first (four minutes)
"""
_GALAXIES = 4  # whose samples are written as FITS


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "quickstart",
        help="build toy data, sample a mapper that comes with skazoo, write a report",
        description="Builds ska_tng/toy_mini from the built-in toy universe, samples held-out galaxies with a mapper "
        "that comes with the package, or one trained on the spot, and writes report.html and FITS files. No download.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default="skazoo_quickstart", metavar="DIR", help="default skazoo_quickstart")
    parser.add_argument("--preset", metavar="NAME", help=f"mapper to sample (default {PRESET})")
    parser.add_argument("--steps", type=int, metavar="N", help="instead train a diffusion mapper, N steps of 16 pairs")
    parser.add_argument("--samples", type=int, default=8, help="samples per galaxy (default 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from .. import from_pretrained
    from ..errors import ParameterError
    from ..files import make_parent

    if (args.steps is not None and args.steps < 1) or args.samples < 2:
        raise ParameterError("--steps must be at least 1 and --samples at least 2.")
    if args.steps is not None and args.preset is not None:
        raise ParameterError("give --preset, or --steps to train a mapper, not both.")
    out = Path(args.out)
    make_parent(out / "data")
    start = time.perf_counter()

    def step(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.0f} s] {text}", flush=True)

    name = args.preset or PRESET
    mapper = None if args.steps else from_pretrained(name)  # before anything is built: a wrong name costs no time
    step("building ska_tng/toy_mini: 64 galaxies of the toy universe, each seen from 2 sides")
    from .data import build

    info, _ = build("toy_mini", str(out / "data"))
    if args.steps:
        name = str(out / "mapper")
        step(f"training a diffusion mapper, dark matter -> HI, on {info.splits['train'].num_examples} pairs")
        mapper = _train(out, args)
    what = f"{', '.join(mapper.source)} -> {', '.join(mapper.target)}"
    step(f"{name}: drawing {args.samples} samples of {what} for each held-out galaxy, to compare with the truth")
    report = _evaluate(mapper, out, args)
    _write_maps(mapper, out, args)
    step("done")
    print()
    print(report.summary())
    print(f"""
report    {out / "report.html"}   open it in a browser
maps      {out / "fits"}   source, truth, mean, spread and samples as FITS
mapper    skazoo.from_pretrained({name!r})
data      {out / "data"}   tfds.load('ska_tng/toy_mini', data_dir={str(out / "data")!r})

Next:
  skazoo list                                     the mappers that come with skazoo
  skazoo observe YOUR_CUTOUT.hdf5 --out seen      a galaxy of your own as the SKA would see it
  skazoo sample {name} YOUR_CUTOUT.hdf5 --out drawn""")


def _train(out: Path, args):
    import tensorflow_datasets as tfds

    from ..datasets import pairs
    from ..mappers import Diffusion
    from ..training import warmup_cosine

    train = tfds.load("ska_tng/toy_mini", split="train", data_dir=str(out / "data"))
    batches = pairs(train, "dark_matter", "hi", batch_size=16, seed=args.seed, drop_remainder=True)
    mapper = Diffusion("dark_matter", "hi", image_size=64, stem=2, seed=args.seed)
    mapper.compile(learning_rate=warmup_cosine(4e-3, args.steps), average=(0.1,))
    history = mapper.fit(batches.repeat(), steps_per_epoch=args.steps, epochs=1, verbose=1)
    mapper.save_pretrained(
        out / "mapper",
        metrics={"final_loss": float(history.history["loss"][-1])},
        metadata={"dataset": "ska_tng/toy_mini", "steps": args.steps, "made_by": "skazoo quickstart"},
    )
    return mapper


def _held_out(out: Path):
    import tensorflow_datasets as tfds

    return tfds.load("ska_tng/toy_mini", split="test+validation", data_dir=str(out / "data"))


def _evaluate(mapper, out: Path, args):
    import tensorflow_datasets as tfds

    from ..datasets import pairs
    from ..datasets.configurations import CONFIGURATIONS
    from ..metrics import evaluate, fit_baselines

    view = next(one.view for one in CONFIGURATIONS if one.name == "toy_mini")
    train = tfds.load("ska_tng/toy_mini", split="train", data_dir=str(out / "data"))
    batches = pairs(train, mapper.source, mapper.target, augment=False)
    command = f"skazoo quickstart --steps {args.steps}" if args.steps else "skazoo quickstart"
    command += f" --preset {args.preset}" if args.preset else ""
    report = evaluate(
        mapper,
        _held_out(out),
        args.samples,
        seed=args.seed,
        baselines=fit_baselines(batches, mapper.source, mapper.target, view=view),
        view=view,
        likelihood_maps=8,  # an integration each
        name="ska_tng/toy_mini, test+validation",
        command=f"{command} --samples {args.samples} --seed {args.seed}",
    )
    report.save(out)
    return report


def _write_maps(mapper, out: Path, args) -> None:
    import astropy.units as u
    import numpy as np

    from ..files import replacing_folder
    from ..maps import FIELDS, Map

    chosen, seen = [], set()
    for example in _held_out(out).as_numpy_iterator():
        if len(chosen) < _GALAXIES and example["galaxy"] not in seen:
            chosen.append(example)
            seen.add(example["galaxy"])
    source = np.stack([np.stack([example[field] for field in mapper.source], axis=-1) for example in chosen])
    drawn = mapper.sample(source, args.samples, seed=args.seed)
    with replacing_folder(out / "fits") as folder:
        for row, example in enumerate(chosen):
            name = example["id"].decode().replace("/", "_")
            (folder / name).mkdir()
            facts = {"object": name, "redshift": float(example["redshift"]), "simulation": "toy"}
            images = {f"source_{field}": (field, example[field]) for field in mapper.source}
            for channel, field in enumerate(mapper.target):
                maps = drawn[:, row, ..., channel]
                found = {"truth": example[field], "mean": maps.mean(0), "std": maps.std(0, ddof=1)}
                found |= {f"sample_{i}": one for i, one in enumerate(maps)}
                images |= {f"{label}_{field}": (field, data) for label, data in found.items()}
            for label, (field, data) in images.items():
                scale = float(example["pixel_kpc"]) * u.kpc
                Map(data, FIELDS[field].unit, field, scale, {**facts, "image": label}).to_fits(
                    folder / name / f"{label}.fits"
                )
