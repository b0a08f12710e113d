"""The key of the TNG web API: where it is found, and how it stays unseen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import ParameterError

__all__ = ["ApiKey", "find_key"]

_DEFAULT_FILE = "~/.config/skazoo/tng_api_key"


class ApiKey:
    """A secret that shows itself only when `reveal` is called: not in repr, formats, pickles or copies."""

    __slots__ = ("_reveal",)

    def __init__(self, text: str, source: str):
        text = text.strip()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ParameterError(f"the TNG API key in {source} is empty or holds characters that a key cannot have.")
        self._reveal = lambda: text  # a closure keeps it out of what walks over attributes

    def reveal(self) -> str:
        """The key, for the request's header."""
        return self._reveal()

    def __repr__(self) -> str:
        return "<TNG API key>"

    def __reduce__(self):
        raise TypeError("an API key is not pickled")


def find_key(given: str | os.PathLike | None = None) -> ApiKey:
    """The key that is given (text, or a `Path` of a file), else `TNG_API_KEY`, else ~/.config/skazoo/tng_api_key.

    Raises:
        ParameterError: there is none, or others may read the file.
    """
    if isinstance(given, str):
        return ApiKey(given, "api_key")
    if given is None and os.environ.get("TNG_API_KEY"):
        return ApiKey(os.environ["TNG_API_KEY"], "TNG_API_KEY")
    path = Path(_DEFAULT_FILE if given is None else given).expanduser()
    if not path.is_file():
        raise ParameterError(
            f"no TNG API key: set the environment variable TNG_API_KEY, or put the key into {path} with rights 0600 "
            "(a key comes with the registration at https://www.tng-project.org/users/register/)."
        )
    rights = stat.S_IMODE(path.stat().st_mode)
    if rights & 0o077:
        raise ParameterError(f"{path} holds an API key but has rights {rights:04o}; run: chmod 600 {path}")
    return ApiKey(path.read_text(errors="replace"), str(path))
