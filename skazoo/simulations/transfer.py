"""HTTP as a polite client does it: two requests at a time, patience with a busy server, downloads that resume."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from ..errors import SimulationError
from .api_key import ApiKey

__all__ = ["RefusedRequest", "Transfer"]

_BLOCK = 1 << 18
_LONGEST_WAIT = 300.0
_NETWORK = (urllib.error.URLError, http.client.HTTPException, OSError)  # timeouts and resets are OSErrors


class RefusedRequest(SimulationError):
    """The server will not answer this request however often it is repeated; `.status` says why."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class _Again(Exception):
    """This attempt failed in a way that the next may not; `wait` seconds if the server said so."""

    def __init__(self, reason: str, wait: float | None = None):
        super().__init__(reason)
        self.wait = wait


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None  # followed by hand: the key must not travel to another host


@dataclass
class Transfer:
    """Requests to one API.

    Args:
        base: its address; the key is sent to its host (and hosts of the same domain) only.
        key: gives the key when a request is made.
        slots: folder for the lock files by which all processes share the two requests at a time.
        timeout: seconds without a byte after which a connection is given up.
        attempts: of a request, in a row without any progress.
        backoff: seconds before the second attempt; doubles each time.
    """

    base: str
    key: Callable[[], ApiKey]
    slots: Path
    timeout: float = 60.0
    attempts: int = 8
    backoff: float = 1.0

    def json(self, url: str) -> dict:
        """The answer to a GET as an object.

        Raises:
            RefusedRequest: the server says no (400, 401, 403, 404, ...).
            SimulationError: no whole answer after all attempts.
        """

        def once():
            with self._response(url, {}) as answer:
                body = answer.read()
                promised = answer.headers.get("Content-Length")
                if promised is not None and int(promised) != len(body):
                    raise _Again(f"{len(body)} of {promised} bytes came")
                try:
                    return json.loads(body)
                except ValueError as error:
                    raise _Again("the answer is not JSON") from error

        return self._patiently(url, once)

    def download(self, url: str, part: Path, progress: Callable[[int], None] = lambda count: None) -> None:
        """Complete the file `part` from `url`, going on from the bytes that it holds already.

        Beside it, `part`.json remembers which version of the file they are of.

        Raises:
            RefusedRequest, SimulationError: as `json`.
        """
        notes = part.with_name(part.name + ".json")

        def once():
            have = part.stat().st_size if part.exists() else 0
            known = _read_notes(notes)
            headers = {"Range": f"bytes={have}-"} if have else {}
            if have and known.get("validator"):
                headers["If-Range"] = known["validator"]
            try:
                with self._response(url, headers) as answer:
                    self._receive(answer, part, notes, have, known, progress)
            except RefusedRequest as error:
                if error.status != 416:
                    raise
                part.unlink(missing_ok=True)  # what is here is longer than what is there
                raise _Again("the partial file does not fit") from error

        def size():
            return part.stat().st_size if part.exists() else 0

        self._patiently(url, once, size)
        notes.unlink(missing_ok=True)

    def _receive(self, answer, part: Path, notes: Path, have: int, known: dict, progress) -> None:
        length = answer.headers.get("Content-Length")
        length = int(length) if length and length.isdigit() else None
        if answer.status == 206:
            start, total = _content_range(answer.headers.get("Content-Range", ""))
            if start != have or (known.get("total") and total and known["total"] != total):
                part.unlink(missing_ok=True)
                raise _Again("the server's part does not follow ours")
        else:
            have, total = 0, length
            part.unlink(missing_ok=True)
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if validator and validator.startswith("W/"):
            validator = None  # a weak one does not promise the same bytes
        notes.write_text(json.dumps({"total": total, "validator": validator}))
        progress(have)
        with open(part, "ab") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
                have += len(block)
                progress(have)
        if total is not None and have != total:
            raise _Again(f"{have} of {total} bytes came")

    def _patiently(self, url: str, once: Callable, size: Callable[[], int] = lambda: 0):
        """Call `once` until it does not fail; waits longer each time, or as long as the server says."""
        failures, before, reason = 0, size(), ""
        while True:
            try:
                with self._slot():
                    return once()
            except RefusedRequest:
                raise
            except _Again as error:
                reason, wait = str(error), error.wait
            except _NETWORK as error:
                reason, wait = f"{type(error).__name__}: {getattr(error, 'reason', error)}", None
            now = size()
            failures = 1 if now > before else failures + 1
            before = now
            if failures >= self.attempts:
                raise SimulationError(
                    f"{_bare(url)} could not be fetched: {reason}, {failures} times in a row; try again later, "
                    "what has come is kept."
                )
            if wait is None:
                wait = self.backoff * 2.0 ** (failures - 1) * (0.75 + 0.5 * random.random())
            time.sleep(min(wait, _LONGEST_WAIT))

    @contextmanager
    def _slot(self):
        """One of two places, shared by all threads and processes that use the same folder."""
        from filelock import FileLock, Timeout

        self.slots.mkdir(parents=True, exist_ok=True)
        while True:
            for number in (0, 1):
                lock = FileLock(self.slots / f"request{number}.lock", thread_local=False)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                try:
                    yield
                finally:
                    lock.release()
                return
            time.sleep(0.02)

    def _response(self, url: str, headers: dict, redirects: int = 5):
        """An open answer of status 200 or 206; `_Again` where the server is busy, `RefusedRequest` where it says no."""
        url = self._secure(url)
        request = urllib.request.Request(url, headers={"User-Agent": "skazoo", **headers})
        if self._is_ours(url):
            request.add_unredirected_header("api-key", self.key().reveal())
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            return opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            status, found = error.code, error.headers
            error.close()
        if status in (301, 302, 303, 307, 308) and redirects and found.get("Location"):
            return self._response(urllib.parse.urljoin(url, found["Location"]), headers, redirects - 1)
        if status == 429 or status >= 500:
            raise _Again(f"HTTP {status}", _retry_after(found.get("Retry-After")))
        said = {
            400: "the server does not know a field or parameter of the request",
            401: "the API key is refused; check TNG_API_KEY",
            403: "the API key is refused; check TNG_API_KEY",
            404: "there is no such thing; check simulation, snapshot and id",
        }.get(status, "the request is refused")
        raise RefusedRequest(f"{_bare(url)}: HTTP {status}: {said}.", status)

    def _secure(self, url: str) -> str:
        """The address with https, except where the API itself is reached without (a server on this machine)."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise SimulationError(f"{_bare(url)} is not a web address.")
        if parts.scheme == "http" and urllib.parse.urlsplit(self.base).scheme == "https":
            parts = parts._replace(scheme="https")  # the API's own links say http
        return urllib.parse.urlunsplit(parts)

    def _is_ours(self, url: str) -> bool:
        ours, theirs = urllib.parse.urlsplit(self.base), urllib.parse.urlsplit(url)
        if (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc):
            return True
        domain = ".".join((ours.hostname or "").split(".")[-2:])
        named = not domain.replace(".", "").isdigit() and "." in domain
        return theirs.scheme == "https" and named and (theirs.hostname or "").endswith("." + domain)


def _bare(url: str) -> str:
    return url.split("?")[0]


def _retry_after(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None  # not a date either: our own patience serves


def _content_range(text: str) -> tuple[int, int | None]:
    """Start and total of "bytes 5-9/10"; start -1 where it is not understood."""
    try:
        span, total = text.removeprefix("bytes ").split("/")
        return int(span.split("-")[0]), None if total == "*" else int(total)
    except ValueError:
        return -1, None


def _read_notes(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # absent, or cut short when the process was killed: the part is resumed without them
