"""The Hub's client, and its errors as sentences that never hold a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from .._version import __version__
from ..errors import ParameterError, SkazooError

__all__ = ["check_repository", "in_sentences", "writing_client"]

_STATUS = {
    401: "it does not accept your token; log in again with `hf auth login`, or renew HF_TOKEN",
    403: "your token may not do that; use one with write access, and a name or organisation that is yours",
    409: "it exists already",
    412: "someone else published there at the same moment; nothing of yours was written: look at it and publish again",
    413: "the files are too large for it",
    429: "it asks for fewer requests; wait a few minutes and try again",
}


def check_repository(name: str) -> str:
    """The name, which must be org/name as the Hub allows it, without "hf://".

    Raises:
        ParameterError: it is not of that form.
    """
    plain = str(name).removeprefix("hf://")
    part = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"
    good = re.fullmatch(rf"{part}/{part}", plain, re.ASCII) and not re.search(r"--|\.\.|\.git$", plain)
    if not good or len(plain.partition("/")[2]) > 96:
        raise ParameterError(
            f"{name!r} is not of the form hf://org/name: letters, digits, single '-', '_', '.', a name of 96 at most."
        )
    return plain


def writing_client():
    """`huggingface_hub.HfApi` for one who is logged in.

    Raises:
        ParameterError: there is no token in HF_TOKEN nor in the cached login.
    """
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise ParameterError("there is no Hub token: log in once with `hf auth login`, or set HF_TOKEN.")
    return huggingface_hub.HfApi(library_name="skazoo", library_version=__version__)


@contextmanager
def in_sentences(kind: type[SkazooError], doing: str) -> Iterator[None]:
    """Inside, what the client raises becomes an error of class `kind`: "cannot <doing>: <why>"."""
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except SkazooError:
        raise
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        # from None: a traceback of the client's own error may show the request, and with it the token
        raise kind(f"cannot {doing}: {_why(error)}.") from None


def _why(error: BaseException) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # of one file of several
        return _why(error.__cause__)
    place = constants.ENDPOINT
    if isinstance(error, errors.OfflineModeIsEnabled) or (
        isinstance(error, errors.LocalEntryNotFoundError) and constants.HF_HUB_OFFLINE
    ):
        return f"HF_HUB_OFFLINE is set and it is not in the cache {constants.HF_HUB_CACHE}"
    if isinstance(error, errors.LocalEntryNotFoundError):
        return f"{place} cannot be reached, and it is not in the cache {constants.HF_HUB_CACHE}"
    if isinstance(error, errors.RevisionNotFoundError):
        return "there is no such revision"
    if isinstance(error, errors.GatedRepoError):
        return "its owner gives access on request; ask on its page, then log in with `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is no such repository, or it is private and you are not logged in as one who may see it"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return "the repository holds no such file"
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        said = _first_line(error.server_message or "")
        return _STATUS.get(status, f"{place} answered {status}" + (f" ({said})" if said else ""))
    if isinstance(error, UnicodeError) or "header" in str(error).lower():
        return "the token holds characters that no token has; log in again with `hf auth login`, or renew HF_TOKEN"
    if isinstance(error, errors.HTTPError):
        return f"{place} cannot be reached ({type(error).__name__}); check the network"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    import huggingface_hub

    line = (text.strip().splitlines() or [""])[0].rstrip(".")
    token = huggingface_hub.get_token()
    line = line.replace(token, "hf_...") if token else line
    return re.sub(r"hf_\w{8,}", "hf_...", line)
