"""`skazoo COMMAND ...`: parses, runs, and turns a user's mistakes into one sentence and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from importlib import import_module

from .._version import __version__
from ..errors import SkazooError
from .quiet import import_keras_quietly

_COMMANDS = ("quickstart", "observe", "array", "data", "train", "sample", "evaluate", "leaderboard", "list", "publish")
_EPILOG = """\
start with:
  skazoo quickstart                      a first picture in minutes, no download
  skazoo observe cutout.hdf5 --out seen  a real galaxy as the SKA would see it
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands; imports nothing heavy."""
    parser = argparse.ArgumentParser(
        prog="skazoo",
        description="Paired maps of simulations and mock SKA observations, and learned mappers between them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skazoo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        import_module(f".{name}", __package__).add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code (0; 2 for a user's mistake; 130 when interrupted)."""
    args = build_parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _Teller()
        # TFDS and TensorFlow warn about themselves, which no user of a command can mend
        warnings.filterwarnings("ignore", module="(tensorflow|keras|absl|google).*")
        return _run(args)


def _run(args) -> int:
    try:
        if getattr(args, "keras", False):
            import_keras_quietly()
        args.run(args)
    except SkazooError as error:
        print(f"skazoo: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skazoo: interrupted; finished files are whole, nothing half-written is left.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Teller:
    """Shows each warning once, in the form of our errors."""

    def __init__(self):
        self.told: set[str] = set()

    def __call__(self, message, category, filename, lineno, file=None, line=None) -> None:
        if str(message) not in self.told:
            self.told.add(str(message))
            print(f"skazoo: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
