"""`skazoo sample`: what a mapper makes of a galaxy in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import add_view, centre, rotation

_EXAMPLE = """\
example:
  skazoo sample skazoo_quickstart/mapper cutout_12.hdf5 --num-samples 8 --out samples_12
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sample",
        help="draw maps from a trained mapper for a galaxy in a file",
        description="Renders the mapper's source fields from an HDF5 file (observing it where the source is 'ska'), "
        "draws samples of the target fields, and writes FITS files and a PNG sheet.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mapper", help="shipped name, hf://org/name, or the folder of a saved mapper")
    parser.add_argument("file", help="HDF5 file in TNG's layout")
    parser.add_argument("--out", required=True, metavar="DIR", help="output folder")
    parser.add_argument("--num-samples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    add_view(parser)
    parser.set_defaults(run=run, keras=True)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    import astropy.units as u
    import numpy as np

    from .. import from_pretrained
    from ..datasets.generate import View, mock_observation
    from ..errors import check_positive
    from ..files import replacing_folder
    from ..maps import FIELDS, Map, render, sheet
    from ..simulations import open_cutout

    check_positive("--num-samples", args.num_samples)
    particles = open_cutout(args.file, centre(args.centre))
    mapper = from_pretrained(args.mapper)
    wanted = tuple("brightness_temperature" if name == "ska" else name for name in mapper.source)
    maps = render(particles, wanted, args.npix, args.extent * u.kpc, rotation(args.rotation))
    if "ska" in mapper.source:
        view = View(npix=args.npix, extent_kpc=args.extent)
        sky = maps["brightness_temperature"]
        maps["ska"] = mock_observation(view, particles.header.redshift).observe(sky, seed=args.seed).dirty
    source = {name: maps[name] for name in mapper.source}
    drawn = mapper.sample(source, args.num_samples, seed=args.seed)[:, 0]
    shown = dict(source)
    with replacing_folder(args.out) as folder:
        for name, one in source.items():
            one.to_fits(folder / f"source_{name}.fits")
        for channel, name in enumerate(mapper.target):
            images = {"mean": drawn[..., channel].mean(0)}
            if args.num_samples > 1:
                images["std"] = drawn[..., channel].std(0, ddof=1)
            images |= {f"sample_{i}": one for i, one in enumerate(drawn[..., channel])}
            facts = {**next(iter(source.values())).metadata, "mapper": str(args.mapper)}
            for fact in ("inside", "outside_frame", "outside_depth"):
                facts.pop(fact, None)  # they are of the source
            for label, data in images.items():
                one = Map(
                    np.asarray(data, np.float32), FIELDS[name].unit, name, args.extent / args.npix * u.kpc,
                    {**facts, "image": label},
                )  # fmt: skip
                one.to_fits(folder / f"{name}_{label}.fits")
                if label in ("mean", "std", "sample_0", "sample_1", "sample_2"):
                    shown[f"{name} {label}"] = one
        titles = {
            key: f"{FIELDS[one.field].label}, {one.metadata.get('image', 'source')}" for key, one in shown.items()
        }
        sheet(shown, folder / "sheet.png", f"{Path(args.file).name} -> {args.mapper}", titles=titles)
    names = ", ".join(f"{name}_sample_0 ... {args.num_samples - 1}.fits" for name in mapper.target)
    print(f"wrote {args.out}/: {names}, sheet.png")
