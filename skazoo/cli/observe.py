"""`skazoo observe`: maps of a galaxy in a file, and the mock SKA observation of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..errors import ObservationError, ParameterError
from .arguments import add_view, centre, names, rotation

_EXAMPLE = """\
examples:
  skazoo observe cutout_12.hdf5 --fields gas,hi,stars --array ska-mid-aa4 --hours 100 --out galaxy_12
  skazoo observe cutout_12.hdf5 --out galaxy_12 --robust 0 --visibilities galaxy_12.ms --oskar galaxy_12_oskar
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "observe",
        help="render a simulated galaxy and observe it with the SKA",
        description="Reads a TNG cutout or one-piece snapshot, renders maps, makes the mock 21 cm observation, and "
        "writes FITS files (WCS, BUNIT, beam), a PNG sheet and summary.json.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", help="HDF5 file in TNG's layout")
    parser.add_argument("--out", required=True, metavar="DIR", help="output folder")
    parser.add_argument("--fields", default="gas,hi,stars,brightness_temperature", metavar="A,B,...")
    parser.add_argument("--array", default="ska-mid-aa4", help="telescope, or 'none' (default ska-mid-aa4)")
    add_view(parser)
    parser.add_argument("--redshift", type=float, default=0.05, help="where to put a galaxy of z=0 (default 0.05)")
    parser.add_argument("--hours", type=float, default=100.0, help="observing time (default 100)")
    parser.add_argument("--channel-width", type=float, default=400.0, metavar="KM/S", help="default 400")
    parser.add_argument("--taper", type=float, metavar="ARCSEC", help="Gaussian taper (default: as in the datasets)")
    parser.add_argument("--weighting", default="briggs", help="natural, uniform or briggs (default briggs)")
    parser.add_argument("--robust", type=float, default=-0.5, help="of briggs, -2 to 2 (default -0.5)")
    parser.add_argument("--declination", type=float, default=-30.0, metavar="DEG", help="default -30")
    parser.add_argument("--hours-per-night", type=float, default=8.0, help="track about transit (default 8)")
    parser.add_argument("--integration", type=float, default=120.0, metavar="S", help="default 120")
    parser.add_argument("--primary-beam", action="store_true", help="dim the sky away from the centre")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--visibilities", metavar="FILE", help="also write .ms, .uvfits or .uvh5 (extra skazoo[ms])")
    parser.add_argument("--oskar", metavar="DIR", help="also write the observation for OSKAR and Karabo")
    parser.set_defaults(run=run)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    import astropy.units as u

    from ..files import replacing_folder
    from ..maps.fields import FIELDS, Conditions
    from ..maps.plot import sheet
    from ..maps.rendering import render
    from ..simulations import open_cutout

    fields = names(args.fields)
    particles = open_cutout(args.file, centre(args.centre))
    conditions = Conditions(channel_width=args.channel_width * u.km / u.s)
    array = "" if args.array == "none" else args.array
    if args.visibilities:
        from ..telescope.export import check_format

        check_format(args.visibilities)
    if not array and (args.visibilities or args.oskar):
        raise ParameterError("--visibilities and --oskar need a telescope: do not set --array none.")
    wanted = (*fields, "brightness_temperature") if array else fields
    maps = render(
        particles, tuple(dict.fromkeys(wanted)), args.npix, args.extent * u.kpc, rotation(args.rotation),
        conditions=conditions,
    )  # fmt: skip
    shown = {name: maps[name] for name in fields}
    if array:
        telescope = _telescope(args, array, particles.header.redshift)
        # what is written to --visibilities is then what ska.fits is the image of
        method = "visibilities" if args.visibilities else "fast"
        seen = telescope.observe(maps["brightness_temperature"], seed=args.seed, method=method)
        shown["ska"] = seen.dirty
        for one in shown.values():
            for fact in ("pixel_arcsec", "center"):
                one.metadata.setdefault(fact, seen.dirty.metadata[fact])
    name = Path(args.file).name
    summary = {"file": str(args.file), "centre_code": particles.metadata["centre_code"], "fields": {}}
    for field, one in shown.items():
        unit = one.unit.to_string()
        facts = {"unit": unit, "min": float(one.data.min()), "max": float(one.data.max())}
        if field in FIELDS and field != "ska" and FIELDS[field].unit == u.Msun / u.kpc**2:
            facts["mass_inside_msun"] = one.metadata["inside"]
            facts["mass_outside_msun"] = one.metadata["outside_frame"] + one.metadata["outside_depth"]
            facts["mass_in_map_msun"] = float(one.total.to_value(u.Msun))
        summary["fields"][field] = facts
    if array:
        summary["observation"] = seen.dirty.metadata
    with replacing_folder(args.out) as folder:
        for field, one in shown.items():
            if field == "ska":
                seen.to_fits(folder / "ska.fits")
            else:
                one.to_fits(folder / f"{field}.fits")
        sheet(shown, folder / "sheet.png", f"{name}, z = {particles.header.redshift:.2f}")
        (folder / "summary.json").write_text(json.dumps(summary, indent=2, default=str) + "\n")
    _tell(args.out, summary)
    if args.visibilities:
        from ..telescope import write_visibilities

        print(f"wrote {write_visibilities(seen.visibilities(), args.visibilities)}")
    if args.oskar:
        from ..telescope import write_oskar

        print(f"wrote {write_oskar(seen, args.oskar)}/: sky.osm, telescope.tm, settings.ini, karabo_run.py")


def _telescope(args, array: str, redshift: float):
    """The observation that the options ask for; without --taper, one that makes a beam of at least three pixels."""
    from ..datasets.generate import View, mock_observation
    from ..telescope import Observation

    view = View(
        npix=args.npix,
        extent_kpc=args.extent,
        fields=(),
        array=array,
        observed_redshift=args.redshift,
        hours=args.hours,
        channel_width_kms=args.channel_width,
        robust=args.robust,
    )
    try:
        config = mock_observation(view, redshift).config
        options = {
            "weighting": args.weighting,
            "robust": args.robust,
            "declination": args.declination,
            "hours_per_night": args.hours_per_night,
            "integration": args.integration,
            "primary_beam": "gaussian" if args.primary_beam else None,
        }
        if args.taper is not None:
            options["taper"] = args.taper
        return Observation.from_config({**config, **options})
    except ObservationError as error:
        if "out of band" in str(error):
            raise ObservationError(f"{error} Put the galaxy there with --redshift.") from error
        raise


def _tell(out: str, summary: dict) -> None:
    print(f"{'field':24s} {'unit':18s} {'min':>11s} {'max':>11s}   mass inside / outside the frame [Msun]")
    for field, facts in summary["fields"].items():
        line = f"{field:24s} {facts['unit']:18s} {facts['min']:11.4g} {facts['max']:11.4g}"
        if "mass_inside_msun" in facts:
            line += f"   {facts['mass_inside_msun']:.6e} / {facts['mass_outside_msun']:.3e}"
        print(line)
    print(f"wrote {out}/: {', '.join(f'{f}.fits' for f in summary['fields'])}, sheet.png, summary.json")
