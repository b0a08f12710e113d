"""The IllustrisTNG web API: search, cutouts, catalogues and whole files."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import ParameterError, SimulationError, check_choice
from .api_key import ApiKey, find_key
from .download_cache import DownloadCache
from .downloaded import UnsoundDownload, check_hdf5, finish_cutout
from .missing import FULL_SNAPSHOTS, MINI_FIELDS
from .transfer import RefusedRequest, Transfer

__all__ = ["FULL_FIELDS", "TNGClient"]

FULL_FIELDS = {
    **MINI_FIELDS,
    "gas": (*MINI_FIELDS["gas"], "NeutralHydrogenAbundance", "MagneticField", "GFM_Metals"),
}
_PARTICLES = ("gas", "dm", "stars", "bhs")
_CHUNKS = {"snapshot": "snapshot-{}.{}.hdf5", "groups": "groupcat-{}.{}.hdf5"}
_FETCHES = 3  # of a file that came whole but is not sound


class TNGClient:
    """Downloads that resume, are checked, and are kept.

    Args:
        api_key: text, or the `Path` of a file with rights 0600; None: TNG_API_KEY, else ~/.config/skazoo/tng_api_key.
            It is looked up at the first request.
        cache: folder; None: skazoo/tng in XDG_CACHE_HOME or ~/.cache.
        base: address of the API.
        timeout, attempts, backoff: see `transfer.Transfer`.
        progress: show bars where standard error is a terminal.

    All methods raise `ParameterError` for a missing key or a wrong argument, and `SimulationError` where the server
    refuses, or does not answer after many attempts. The key is in none of their messages.
    """

    def __init__(
        self,
        api_key: str | os.PathLike | None = None,
        cache: str | os.PathLike | None = None,
        base: str = "https://www.tng-project.org/api/",
        timeout: float = 60.0,
        attempts: int = 8,
        backoff: float = 1.0,
        progress: bool = True,
    ):
        if cache is None:
            cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "skazoo" / "tng"
        self.base = base.rstrip("/") + "/"
        self.progress = progress
        self._given = ApiKey(api_key, "api_key") if isinstance(api_key, str) else api_key
        folder = Path(cache)
        self._cache = DownloadCache(folder)
        self._transfer = Transfer(self.base, self._key, folder, timeout, attempts, backoff)

    def __repr__(self) -> str:
        return f"<TNGClient {self.base}, cache {self._cache.folder}>"

    def __getstate__(self) -> dict:
        state = dict(self.__dict__)
        if isinstance(self._given, ApiKey):
            state["_given"] = None  # a copy in another process looks for the key itself
        return state

    def _key(self) -> ApiKey:
        return self._given if isinstance(self._given, ApiKey) else find_key(self._given)

    # searching ---------------------------------------------------------------------------------------------------

    def simulations(self) -> list[str]:
        """Names of all runs that the key may see."""
        return [entry["name"] for entry in _entry(self._transfer.json(self.base), "simulations", self.base)]

    def search(
        self, simulation: str, snapshot: int | str, number: int | None = None, order_by: str = "-mass_stars", **where
    ) -> list[dict]:
        """Subhaloes that fulfil conditions.

        Args:
            snapshot: number, or "z=0.5" for the nearest.
            number: at most so many; None: all.
            order_by: a column; with a minus, the largest first.
            **where: conditions on the API's columns in its code units, such as mass_stars__gt=1.0 (10^10 Msun/h).

        Returns: one dict for each, with id, sfr, mass_log_msun, url.
        """
        if number is not None and number < 1:
            raise ParameterError(f"number must be at least 1, but is {number}.")
        size = 100 if number is None else min(number, 100)
        query = urllib.parse.urlencode({"limit": size, "order_by": order_by, **where})
        found: dict[int, dict] = {}
        for page in self._pages(f"{self._at(simulation, snapshot)}subhalos/?{query}"):
            for entry in _entry(page, "results", "search"):
                found.setdefault(int(_entry(entry, "id", "search")), entry)  # pages may overlap
            if number is not None and len(found) >= number:
                break
        return list(found.values())[:number]

    def _pages(self, url: str | None) -> Iterator[dict]:
        seen = set()
        while url and url not in seen:
            seen.add(url)
            page = self._transfer.json(url)
            yield page
            url = page.get("next")

    def subhalo(self, simulation: str, snapshot: int | str, subhalo_id: int) -> dict:
        """All that the catalogue says of one subhalo (pos_x in ckpc/h, vel_x in km/s, grnr, mass_stars, ...)."""
        return self._transfer.json(f"{self._at(simulation, snapshot)}subhalos/{int(subhalo_id)}/")

    # downloading -------------------------------------------------------------------------------------------------

    def cutout(
        self,
        simulation: str,
        snapshot: int | str,
        subhalo_id: int,
        fields: Mapping[str, Sequence[str] | str] | None = None,
        scope: str = "subhalo",
    ) -> Path:
        """The particles of a subhalo, or of the whole FoF halo it is in, as an HDF5 file for `open_cutout`.

        Args:
            fields: "gas", "dm", "stars", "bhs" -> dataset names or "all"; None: what skazoo reads. Where the server
                knows one of them not (mini snapshots), those that mini snapshots have are taken.
            scope: "subhalo" or "halo".

        Returns: path in the cache. Its Header holds SubhaloPos (ckpc/h) and SubhaloVel (km/s), which the API's own
            file does not.
        """
        check_choice("scope", scope, ("subhalo", "halo"))
        if fields is None:
            fields = FULL_FIELDS if snapshot in FULL_SNAPSHOTS or isinstance(snapshot, str) else MINI_FIELDS
        facts = self.subhalo(simulation, snapshot, subhalo_id)
        try:
            position = [float(facts[f"pos_{axis}"]) for axis in "xyz"]
            velocity = [float(facts[f"vel_{axis}"]) for axis in "xyz"]
            row = int(subhalo_id) if scope == "subhalo" else int(facts["grnr"])
        except (KeyError, TypeError, ValueError) as error:
            raise SimulationError(
                f"{simulation} subhalo {subhalo_id}: the API's answer lacks pos_x ... vel_z or grnr ({error})."
            ) from error
        place = f"{self._at(simulation, snapshot)}{'subhalos' if scope == 'subhalo' else 'halos'}/{row}/cutout.hdf5"

        def finish(path: Path) -> None:
            finish_cutout(path, position, velocity, int(subhalo_id))

        try:
            # the entry's name has the subhalo too: two galaxies of one halo have different positions
            return self._fetch(_with_fields(place, fields), finish, f"#{int(subhalo_id)}")
        except RefusedRequest as error:
            reduced = _mini(fields)
            if error.status != 400 or reduced == {k: fields[k] for k in fields}:
                raise
            return self._fetch(_with_fields(place, reduced), finish, f"#{int(subhalo_id)}")

    def cutouts(self, simulation: str, snapshot: int | str, ids: Iterable[int], **options) -> list[Path]:
        """`cutout` for several subhaloes, two at a time, in the order of `ids`."""
        from tqdm import tqdm

        ids = [int(one) for one in ids]
        with ThreadPoolExecutor(2) as pool:
            tasks = [pool.submit(self.cutout, simulation, snapshot, one, **options) for one in ids]
            try:
                disable = None if self.progress else True
                return [task.result() for task in tqdm(tasks, desc=simulation, unit="cutout", disable=disable)]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def chunk(self, simulation: str, snapshot: int, number: int, kind: str = "snapshot") -> Path:
        """One whole file of a snapshot ("snapshot") or of its group catalogue ("groups")."""
        check_choice("kind", kind, _CHUNKS)
        return self.file(simulation, _CHUNKS[kind].format(int(snapshot), int(number)))

    def file(self, simulation: str, name: str) -> Path:
        """A file by its name among `files(simulation)`: offsets, merger trees, supplementary catalogues."""
        return self._fetch(f"{self.base}{_quoted(simulation)}/files/{_quoted(name)}", check_hdf5)

    def files(self, simulation: str) -> list[str]:
        """Addresses of the files of a run, supplementary catalogues among them."""
        return list(_entry(self._transfer.json(f"{self.base}{_quoted(simulation)}/files/"), "files", simulation))

    def supplementary(self, simulation: str, snapshot: int | str, subhalo_id: int) -> dict:
        """What supplementary catalogues say of one subhalo: name -> address or values."""
        return self.subhalo(simulation, snapshot, subhalo_id).get("supplementary_data") or {}

    def _fetch(self, url: str, finish, mark: str = "") -> Path:
        from tqdm import tqdm

        name = urllib.parse.urlsplit(url).path.rsplit("/api/", 1)[-1]
        for attempt in range(_FETCHES):
            with tqdm(
                desc=name, unit="B", unit_scale=True, leave=False, disable=None if self.progress else True
            ) as bar:

                def show(count: int, bar=bar) -> None:
                    bar.update(count - bar.n)

                try:
                    request = url + mark
                    return self._cache.get(request, ".hdf5", lambda p: self._transfer.download(url, p, show), finish)
                except RefusedRequest:
                    raise
                except UnsoundDownload:
                    if attempt == _FETCHES - 1:
                        raise
        raise AssertionError("unreachable")

    def _at(self, simulation: str, snapshot: int | str) -> str:
        return f"{self.base}{_quoted(simulation)}/snapshots/{_quoted(str(snapshot))}/"


def _quoted(name: str) -> str:
    if not name or "/" in name or name.startswith("."):
        raise ParameterError(f"{name!r} is not the name of a simulation, snapshot or file.")
    return urllib.parse.quote(name, safe="=")


def _with_fields(url: str, fields: Mapping) -> str:
    for kind in fields:
        check_choice("particle type", kind, _PARTICLES)
    chosen = {kind: own if isinstance(own, str) else ",".join(own) for kind, own in fields.items()}
    return f"{url}?{urllib.parse.urlencode(chosen, safe=',')}"


def _mini(fields: Mapping) -> dict:
    """Those of the fields that mini snapshots have."""
    kept = {}
    for kind, own in fields.items():
        asked = MINI_FIELDS[kind] if isinstance(own, str) and own == "all" else own
        asked = asked.split(",") if isinstance(asked, str) else asked
        kept[kind] = tuple(name for name in asked if name in MINI_FIELDS[kind])
    return {kind: own for kind, own in kept.items() if own}


def _entry(answer, name: str, where: str):
    if not isinstance(answer, dict) or name not in answer:
        raise SimulationError(f"the TNG API's answer to {where} has no {name!r}; its interface may have changed.")
    return answer[name]
