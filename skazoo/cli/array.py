"""`skazoo array`: the layouts that come with the package, and what one of them can see."""

from __future__ import annotations

import argparse

_EXAMPLE = """\
examples:
  skazoo array
  skazoo array ska-mid-aa4 --plot aa4.png
  skazoo array ska-low-aastar --redshift 6 --hours 1000
"""


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "array",
        help="list the telescope layouts, or describe and draw one",
        description="Without a name, lists the layouts. With one: antennas, baselines, and the sensitivity to the "
        "21 cm line at a redshift; --plot draws layout, uv coverage and PSF.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="a layout, or a file: .csv of skazoo's columns, or CASA's .cfg")
    parser.add_argument("--plot", metavar="OUT.png", help="draw layout, uv coverage and PSF")
    parser.add_argument("--redshift", type=float, help="of the 21 cm line (default 0.02; 5 for ska-low)")
    parser.add_argument("--hours", type=float, default=100.0, help="total observing time (default 100)")
    parser.add_argument("--channel-width", type=float, default=50.0, metavar="KHZ", help="default 50")
    parser.add_argument("--declination", type=float, default=-30.0, metavar="DEG", help="default -30")
    parser.add_argument("--hours-per-night", type=float, default=8.0, help="track about transit (default 8)")
    parser.add_argument("--robust", type=float, default=0.5, help="Briggs weighting, -2 to 2 (default 0.5)")
    parser.set_defaults(run=run)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..errors import ParameterError
    from ..telescope import Array

    if args.name is None:
        if args.plot:
            raise ParameterError("--plot needs the name of an array, such as ska-mid-aa4.")
        print(f"{'name':18s} {'antennas':>8s} {'longest':>10s} {'shortest':>9s}")
        for name in Array.names():
            array = Array.load(name)
            lengths = array.baseline_lengths
            print(f"{name:18s} {len(array):8d} {lengths.max() / 1e3:7.2f} km {lengths.min():7.1f} m")
        print("next: skazoo array ska-mid-aa4 --plot aa4.png")
        return
    array = load(args.name)
    describe(array)
    if not array.telescope:
        print("sensitivity: unknown; write '# telescope: ska-mid' (or ska-low) into the CSV file")
        if args.plot:
            raise ParameterError(f"--plot needs the sensitivity of {args.name}, which is unknown.")
        return
    observe(array, args)


def load(name: str):
    """The array of this name, or in the file of this name.

    Raises:
        ParameterError: no such layout; a file that is missing or wrong.
    """
    from ..telescope import Array

    if name.endswith(".csv"):
        return Array.from_csv(name)
    return Array.from_casa(name) if name.endswith(".cfg") else Array.load(name)


def describe(array) -> None:
    """Print the antennas by size, the place, and the baselines."""
    import numpy as np

    sizes, counts = np.unique(array.diameters, return_counts=True)
    kinds = " + ".join(f"{n} of {size:g} m" for size, n in zip(sizes[::-1], counts[::-1], strict=True))
    lengths = array.baseline_lengths
    print(f"{array.title}: {len(array)} antennas ({kinds})")
    print(f"at latitude {array.latitude:.4f}, longitude {array.longitude:.4f} deg")
    print(f"{len(lengths)} baselines, {lengths.min():.1f} m to {lengths.max() / 1e3:.3f} km")
    if array.version:
        print(f"layout: {array.version}")


def observe(array, args) -> None:
    """Print what the array sees at a redshift, and draw it where asked to."""
    import astropy.units as u
    import numpy as np

    from ..errors import ObservationError
    from ..telescope.array_plot import draw_array, finest_beam, portrait

    redshift = (5.0 if array.telescope == "ska-low" else 0.02) if args.redshift is None else args.redshift
    observation = portrait(
        array,
        redshift,
        hours=args.hours,
        channel_width=args.channel_width * u.kHz,
        declination=args.declination * u.deg,
        hours_per_night=args.hours_per_night,
        robust=args.robust,
    )
    known = observation.receivers
    sefd = np.unique(np.round(known.sefd[known.working], 1))
    print(f"21 cm line at redshift {redshift:g}: {observation.frequency.to_value(u.MHz):.2f} MHz, band {known.band}")
    print(f"SEFD per antenna: {', '.join(f'{value:g}' for value in sefd)} Jy ({known.table})")
    if not known.working.all():
        print(f"without a receiver there: {np.count_nonzero(~known.working)} antennas")
    rms = known.natural_rms(observation.channel_width, args.hours * u.h)
    print(f"noise of {args.hours:g} h and {args.channel_width:g} kHz, natural weighting: {rms * 1e6:.3g} uJy/beam")
    print(f"longest baseline resolves {finest_beam(observation):.3g} arcsec")
    try:
        major, minor, _ = observation.beam.values
        kelvin = observation.noise_rms.value * observation.kelvin_per_jy_beam
        print(
            f"robust {args.robust:g}: beam {major:.3g} x {minor:.3g} arcsec, "
            f"noise {observation.noise_rms.value * 1e6:.3g} uJy/beam = {kelvin:.3g} K"
        )
    except ObservationError as error:
        print(f"robust {args.robust:g}: {error}")
    if args.plot:
        print(f"wrote {draw_array(observation, args.plot)}")
