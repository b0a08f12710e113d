"""`skazoo quickstart`: from nothing to a trained mapper, its samples and a report, in minutes and without network."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

_EXAMPLE = """\
examples:
  skazoo quickstart
  skazoo quickstart --out tour --steps 2000      train longer, sharper samples
"""
_GALAXIES = 4  # whose samples are written as FITS


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "quickstart",
        help="build toy data, train a small mapper, sample it, write a report",
        description="Builds ska_tng/toy_mini from the built-in toy universe, trains a small diffusion mapper from dark "
        "matter to HI, samples held-out galaxies, and writes report.html and FITS files. No download.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default="skazoo_quickstart", metavar="DIR", help="default skazoo_quickstart")
    parser.add_argument("--steps", type=int, default=500, help="training steps of 16 pairs (default 500)")
    parser.add_argument("--samples", type=int, default=8, help="samples per galaxy (default 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..errors import ParameterError
    from ..files import make_parent

    if args.steps < 1 or args.samples < 2:
        raise ParameterError("--steps must be at least 1 and --samples at least 2.")
    out = Path(args.out)
    make_parent(out / "data")
    start = time.perf_counter()

    def step(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.0f} s] {text}", flush=True)

    step("building ska_tng/toy_mini: 64 galaxies of the toy universe, each seen from 2 sides")
    from .data import build

    info, _ = build("toy_mini", str(out / "data"))
    step(f"training a diffusion mapper, dark matter -> HI, on {info.splits['train'].num_examples} pairs")
    mapper = _train(out, args)
    step(f"drawing {args.samples} samples for each held-out galaxy and comparing them with the truth")
    report = _evaluate(mapper, out, args)
    _write_maps(mapper, out, args)
    step("done")
    print()
    print(report.summary())
    print(f"""
report    {out / "report.html"}   open it in a browser
maps      {out / "fits"}   source, truth, mean, spread and samples as FITS
mapper    {out / "mapper"}   skazoo.from_pretrained({str(out / "mapper")!r})
data      {out / "data"}   tfds.load('ska_tng/toy_mini', data_dir={str(out / "data")!r})

A {args.steps}-step mapper is a first sketch. Next:
  skazoo quickstart --out {out}_long --steps {10 * args.steps}
  skazoo observe YOUR_CUTOUT.hdf5 --out seen      a galaxy of your own as the SKA would see it""")


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
    from ..metrics import evaluate, fit_baselines

    train = tfds.load("ska_tng/toy_mini", split="train", data_dir=str(out / "data"))
    baselines = fit_baselines(pairs(train, mapper.source, mapper.target, augment=False), mapper.source, mapper.target)
    command = f"skazoo quickstart --steps {args.steps} --samples {args.samples} --seed {args.seed}"
    report = evaluate(
        mapper,
        _held_out(out),
        args.samples,
        seed=args.seed,
        baselines=baselines,
        name="ska_tng/toy_mini, test+validation",
        command=command,
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
    source = np.stack([example["dark_matter"] for example in chosen])[..., None]
    drawn = mapper.sample(source, args.samples, seed=args.seed)[..., 0]
    with replacing_folder(out / "fits") as folder:
        for row, example in enumerate(chosen):
            name = example["id"].decode().replace("/", "_")
            (folder / name).mkdir()
            facts = {"object": name, "redshift": float(example["redshift"]), "simulation": "toy"}
            images = {"source": ("dark_matter", example["dark_matter"]), "truth": ("hi", example["hi"])}
            images |= {"mean": ("hi", drawn[:, row].mean(0)), "std": ("hi", drawn[:, row].std(0, ddof=1))}
            images |= {f"sample_{i}": ("hi", one) for i, one in enumerate(drawn[:, row])}
            for label, (field, data) in images.items():
                scale = float(example["pixel_kpc"]) * u.kpc
                Map(data, FIELDS[field].unit, field, scale, {**facts, "image": label}).to_fits(
                    folder / name / f"{label}.fits"
                )
