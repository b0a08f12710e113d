"""`python -m skazoo.metrics.standards grf --mapper Diffusion --minutes 10`: train a family on an exact standard."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

STANDARDS = ("grf", "digits", "binary_digits", "toys2d")


def main(arguments: list[str] | None = None) -> int:
    """Train, score, print the score beside the floor, write both; exit code 2 for a user's mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m skazoo.metrics.standards",
        description="Train a mapper of the zoo on a problem with a known best score, and say how far from it it is.",
    )
    parser.add_argument("standard", choices=STANDARDS)
    parser.add_argument("--mapper", required=True, help="class in skazoo.mappers, such as Diffusion")
    parser.add_argument("--minutes", type=float, help="time to train for (default 5)")
    parser.add_argument("--steps", type=int, help="steps to train for, instead of --minutes")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default standards/STANDARD/MAPPER; goes on from there")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    from ...cli.quiet import import_keras_quietly
    from ...errors import SkazooError

    import_keras_quietly()
    try:
        run(args)
    except SkazooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(args) -> None:
    """Carry it out; each standard's own file says what is drawn and how it is scored."""
    from importlib import import_module

    from ... import mappers
    from ...errors import check_choice
    from .benchmark import save, table
    from .settings import settings_of
    from .training import train

    check_choice("--mapper", args.mapper, [name for name in mappers.__all__ if name not in ("Mapper", "Posterior")])
    settings = settings_of(args.standard, args.mapper)
    out = args.out or Path("standards") / args.standard / args.mapper
    minutes = 5.0 if args.minutes is None and args.steps is None else args.minutes
    family, outcomes = getattr(mappers, args.mapper), []
    for problem in import_module(f".{args.standard}", __package__).benchmarks():
        make = partial(problem.make, family, settings.mapper, args.seed)
        folder = out / problem.name if problem.name else out
        mapper, steps, seconds = train(
            make, problem.draw, settings, folder, args.steps, minutes, args.seed, problem.held_out
        )
        outcomes.append(
            {
                "standard": args.standard,
                "problem": problem.name,
                "mapper": args.mapper,
                "likelihood": mapper.likelihood,
                "parameters": int(mapper.count_params()),
                "steps": steps,
                "seconds": round(seconds, 1),
                "scores": problem.score(mapper),
            }
        )
    print(table(outcomes))
    print(f"wrote {save(outcomes, out)}")


if __name__ == "__main__":
    sys.exit(main())
