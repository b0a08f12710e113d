"""`skazoo leaderboard`: all evaluated presets and their baselines in one table, with the Pareto plot."""

from __future__ import annotations

from pathlib import Path


def add_parser(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "leaderboard",
        help="compare all evaluated presets and baselines",
        description="Writes leaderboard.md and leaderboard.png (CRPS against sampling time) from each preset's "
        "metrics.json, which `skazoo evaluate PRESET --keep` writes.",
    )
    parser.add_argument("--zoo", type=Path, help="folder FAMILY/PRESET/; by default that of the package")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: the zoo's folder")
    parser.set_defaults(run=run)


def run(args) -> None:
    """Carry the command out; its mistakes are `SkazooError`s."""
    from ..errors import DatasetError
    from ..metrics.leaderboard import EMPTY, write_leaderboard

    zoo = args.zoo or shipped()
    if not zoo.is_dir():
        raise DatasetError(f"{zoo} is no folder; give the one that holds FAMILY/PRESET/ with --zoo.")
    out = args.out or zoo
    entries = write_leaderboard(zoo, out)
    if not entries:
        print(EMPTY.strip())
    presets = {one.name for one in entries if not one.baseline}
    print(f"wrote {out / 'leaderboard.md'}: {len(presets)} presets")


def shipped() -> Path:
    """The folder of the presets that come with the package."""
    from importlib.resources import files

    return Path(str(files("skazoo.zoo")))
