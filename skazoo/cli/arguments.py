"""Arguments that several commands share."""

from __future__ import annotations

import argparse

from ..errors import ParameterError

__all__ = ["add_view", "centre", "names", "rotation"]


def names(text: str) -> tuple[str, ...]:
    """A comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def centre(text: str | None):
    """None, "densest", or x,y,z in the file's code units."""
    if text is None or text == "densest":
        return text
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise ParameterError(f"--centre must be X,Y,Z in ckpc/h or 'densest', but is {text!r}.")
    return numbers


def rotation(text: str | None):
    """None, "face-on", "edge-on" or an integer seed."""
    if text is None or text in ("face-on", "edge-on"):
        return text
    if not text.isdigit():
        raise ParameterError(f"--rotation must be face-on, edge-on or a whole number as seed, but is {text!r}.")
    return int(text)


def add_view(parser: argparse.ArgumentParser) -> None:
    """How a galaxy in a file is looked at."""
    parser.add_argument("--npix", type=int, default=64, help="pixels along each side (default 64)")
    parser.add_argument("--extent", type=float, default=100.0, metavar="KPC", help="side of the frame (default 100)")
    parser.add_argument("--centre", metavar="X,Y,Z", help="in the file's ckpc/h, or 'densest' (default: the file's)")
    parser.add_argument("--rotation", metavar="VIEW", help="face-on, edge-on, or a seed (default: as in the file)")
