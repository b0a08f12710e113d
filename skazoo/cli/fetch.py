"""`skazoo data fetch`: cutouts of galaxies from the TNG web API."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from ..errors import OutputError, ParameterError, check_positive

_EXAMPLE = """\
examples:
  skazoo data fetch --simulation TNG50-1 --snapshot 99 --number 100 --out cutouts
  skazoo data fetch --simulation TNG100-1 --snapshot 67 --number 20 --where mass_stars__gt=1 --halo --out cutouts

The key is read from the environment variable TNG_API_KEY or from ~/.config/skazoo/tng_api_key (rights 0600).
"""


def add_action(actions) -> None:
    """Add the command to the parser."""
    fetch = actions.add_parser(
        "fetch",
        help="download cutouts of galaxies from the TNG web API",
        description="Searches subhaloes, most massive in stars first, and downloads their particles. An interrupted "
        "download goes on where it stopped; what is in the cache is not fetched again.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fetch.add_argument("--simulation", required=True, help="TNG50-1, TNG100-1, TNG300-1, TNG50-4, ...")
    fetch.add_argument("--snapshot", required=True, type=int, help="0 to 99 (99 is z = 0)")
    fetch.add_argument("--number", type=int, default=10, help="how many galaxies (default 10)")
    fetch.add_argument("--out", required=True, metavar="DIR", help="output folder")
    fetch.add_argument("--order-by", default="-mass_stars", help="column; a minus puts the largest first")
    fetch.add_argument(
        "--where", action="append", default=[], metavar="COLUMN__gt=VALUE", help="condition in the API's code units"
    )
    fetch.add_argument("--halo", action="store_true", help="the whole FoF halo instead of the subhalo alone")
    fetch.add_argument("--cache", help="cache folder (default: ~/.cache/skazoo/tng)")
    fetch.add_argument("--base", default="https://www.tng-project.org/api/", help=argparse.SUPPRESS)
    fetch.set_defaults(run=run_fetch)


def run_fetch(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..simulations import TNGClient

    check_positive("--number", args.number)
    conditions = dict(_condition(text) for text in args.where)
    out = Path(args.out)
    client = TNGClient(cache=args.cache, base=args.base)
    found = client.search(args.simulation, args.snapshot, args.number, args.order_by, **conditions)
    if not found:
        raise ParameterError("no galaxy fulfils the conditions of --where; loosen them.")
    scope = "halo" if args.halo else "subhalo"
    ids = [int(one["id"]) for one in found]
    paths = client.cutouts(args.simulation, args.snapshot, ids, scope=scope)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one, path in zip(ids, paths, strict=True):
            _place(path, out / f"{args.simulation}_{args.snapshot:03d}_{scope}_{one}.hdf5")
    except OSError as error:
        raise OutputError(f"cannot write into {out}: {error.strerror or error}.") from error
    print(f"{len(ids)} cutouts of {args.simulation} snapshot {args.snapshot} in {out}/")
    print(f"next: skazoo observe {out}/{args.simulation}_{args.snapshot:03d}_{scope}_{ids[0]}.hdf5 --out seen")


def _condition(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise ParameterError(f"--where must be COLUMN__gt=VALUE (or __lt), but is {text!r}.")
    return name, value


def _place(source: Path, target: Path) -> None:
    """A hard link where the file system allows, else a copy; appears in one step."""
    from ..files import replacing

    with replacing(target) as partial:
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)  # another file system
