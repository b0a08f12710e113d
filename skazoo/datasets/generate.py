"""One galaxy and one view make one example; a list of them makes many, on as many processes as wanted."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from ..errors import DatasetError, SkazooError

if TYPE_CHECKING:
    from ..simulations.particles import ParticleSet

__all__ = ["MAPS", "TOY_MASSES", "Galaxy", "View", "examples", "make_example", "mock_observation", "pool_of", "workers"]

# the maps of an example, unless other fields are asked for
MAPS = (
    "dark_matter", "gas", "stars", "hi", "temperature", "metallicity", "magnetic_field", "velocity",
    "brightness_temperature", "synchrotron",
)  # fmt: skip
TOY_MASSES = (10.5, 12.7)  # log10 Msun, as toy.Galaxy.draw has it
_POOL_FROM = 512  # examples: below, starting processes costs more than it saves
_FACTS = ("halo_mass", "sfr")


@dataclass(frozen=True)
class Galaxy:
    """Where one galaxy comes from, and what must be known of it before it is read.

    Attributes:
        simulation: run name, such as "TNG50-1"; "toy" for the built-in universe; the file's name for a cutout.
        number: subhalo; of the toy universe: its seed.
        path: of a cutout, or of a run's folder where `run` is set; "" for the toy universe.
        snapshot: snapshot number, or -1 where it is not known before reading.
        root: what the galaxy's views and snapshots share (merger-tree root, else halo), for splits; "" means `number`.
        run: whether `path` is a run with a group catalogue.
        halo_mass, sfr: Msun and Msun/yr, NaN where not known before reading.
    """

    simulation: str
    number: int
    path: str = ""
    snapshot: int = -1
    root: str = ""
    run: bool = False
    halo_mass: float = math.nan
    sfr: float = math.nan

    @property
    def name(self) -> str:
        """Identity: simulation/snapshot/number, or simulation/number where the snapshot is not known."""
        return "/".join([self.simulation, *([str(self.snapshot)] if self.snapshot >= 0 else []), str(self.number)])

    @property
    def group(self) -> tuple[str, str]:
        """What never crosses splits: simulation and root."""
        return self.simulation, self.root or str(self.number)

    def seed(self, view: int) -> int:
        """63-bit seed of everything that is random about view `view`; depends on the name alone."""
        digest = hashlib.sha256(f"{self.name}/{view}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def particles(self, extent: u.Quantity | None = None) -> ParticleSet:
        """Read or draw it; of a run, only what a frame of side `extent` can show."""
        if self.simulation == "toy":
            from ..simulations import toy
            from ..simulations.toy.cosmology import SNAPSHOTS

            redshift = SNAPSHOTS[self.snapshot] if self.snapshot >= 0 else 0.0
            return toy.Galaxy.draw(self.number, TOY_MASSES, redshift).particles()
        if self.run:
            return _opened(self.path, self.snapshot).load(self.number, extent=extent, scope="halo")
        from ..simulations import open_cutout

        return open_cutout(self.path)


@lru_cache(maxsize=4)
def _opened(path: str, snapshot: int):
    from ..simulations import open_run

    return open_run(path, None if snapshot < 0 else snapshot)


@dataclass(frozen=True)
class View:
    """How each galaxy is looked at: everything that an example depends on besides the galaxy.

    Attributes:
        npix, extent_kpc: the pixel grid.
        fields: rendered fields; "ska" is added where there is an array.
        array: telescope, a key of `skazoo.telescope.Array.load`, or "" for none.
        observed_redshift: where a galaxy of a nearer snapshot is put for the observation.
        hours: observing time, or (least, most): then each example draws its own, uniform in the logarithm.
        channel_width_kms, taper_arcsec, robust: of the observation.
    """

    npix: int = 64
    extent_kpc: float = 100.0
    fields: tuple[str, ...] = MAPS
    array: str = "ska-mid-aa4"
    observed_redshift: float = 0.05
    hours: float | tuple[float, float] = (10.0, 1000.0)
    channel_width_kms: float = 400.0
    taper_arcsec: float = 5.0
    robust: float = -0.5

    def hours_for(self, seed: int) -> float:
        """Observing time of the example with this seed."""
        if not isinstance(self.hours, tuple):
            return float(self.hours)
        low, high = self.hours
        if not 0.0 < low <= high < math.inf:
            raise DatasetError(f"hours must be a positive number or (least, most), but is {self.hours}.")
        # a stream of its own: rotation and noise use the seed itself
        share = np.random.default_rng((seed, 1)).random()
        return float(low * (high / low) ** share)


@lru_cache(maxsize=8)
def mock_observation(view: View, redshift: float):
    """The `Observation` of a view: the galaxy at max(redshift, view.observed_redshift), the beam >= 3 pixels.

    Where the view has a range of hours it is for their geometric mean; `with_hours` makes the others.
    """
    from ..physics.cosmology import arcsec_per_kpc
    from ..telescope import Observation

    distance_redshift = max(redshift, view.observed_redshift)
    pixel = view.extent_kpc / view.npix * arcsec_per_kpc(distance_redshift)
    hours = math.sqrt(view.hours[0] * view.hours[1]) if isinstance(view.hours, tuple) else view.hours
    # pixels that the taper must span for a beam of 3 of them, which depends on the weighting
    least = 1.9 if view.robust >= 0.5 else 3.25
    return Observation(
        array=view.array,
        redshift=distance_redshift,
        npix=view.npix,
        pixel_scale=pixel * u.arcsec,
        hours=hours,
        channel_width=view.channel_width_kms * u.km / u.s,
        taper=max(view.taper_arcsec, least * pixel) * u.arcsec,
        robust=view.robust,
    )


def make_example(particles: ParticleSet, galaxy: Galaxy, number: int, view: View) -> dict[str, Any]:
    """The example of view `number` of a galaxy: maps (npix, npix) float32 and the facts of design.md."""
    from ..maps.fields import Conditions
    from ..maps.rendering import render
    from ..maps.rotation import rotation_matrix

    seed = galaxy.seed(number)
    matrix = rotation_matrix(seed)
    conditions = Conditions(channel_width=view.channel_width_kms * u.km / u.s)
    needed = tuple(dict.fromkeys((*view.fields, *(("brightness_temperature",) if view.array else ()), "hi")))
    maps = render(particles, needed, view.npix, view.extent_kpc * u.kpc, matrix, conditions=conditions)
    header = particles.header
    example: dict[str, Any] = {name: maps[name].data for name in view.fields}
    example |= {
        "id": f"{galaxy.name}/{number}",
        "simulation": galaxy.simulation,
        "snapshot": header.snapshot,
        "galaxy": galaxy.number,
        "halo": int(particles.metadata.get("halo", galaxy.number)),
        "view": number,
        "rotation": matrix.astype(np.float32),
        "redshift": np.float32(header.redshift),
        "pixel_kpc": np.float32(view.extent_kpc / view.npix),
        "hi_mass": np.float32(maps["hi"].metadata["inside"]),
    }
    for fact in _FACTS:
        known = getattr(galaxy, fact)
        example[fact] = np.float32(particles.metadata.get(fact, np.nan) if math.isnan(known) else known)
    if view.array:
        hours = view.hours_for(seed)
        observation = mock_observation(view, float(header.redshift)).with_hours(hours)
        seen = observation.observe(maps["brightness_temperature"], seed=seed)
        example |= {
            "ska": np.asarray(seen.dirty.data, np.float32),
            "noise_rms": np.float32(seen.noise_rms.to_value(u.Jy / u.beam)),
            "beam": np.array(seen.dirty.metadata["beam"], np.float32),
            "pixel_arcsec": np.float32(seen.dirty.metadata["pixel_arcsec"]),
            "hours": np.float32(hours),
        }
    return example


def workers() -> int:
    """Processes to generate with: SKAZOO_WORKERS, else the number of cores."""
    value = os.environ.get("SKAZOO_WORKERS", "")
    if value and not (value.isdigit() and int(value) > 0):
        raise DatasetError(f"SKAZOO_WORKERS must be a whole number of processes, but is {value!r}.")
    return int(value) if value else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


@contextmanager
def pool_of(number: int) -> Iterator[Any]:
    """A joblib pool of `number` processes that gives results in order as they come; None for one process."""
    if number == 1:
        yield None
        return
    import joblib

    # loky starts fresh interpreters, which neither inherit TensorFlow's threads nor run the user's script
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        with joblib.Parallel(n_jobs=number, return_as="generator", batch_size=4, pre_dispatch=16 * number) as pool:
            yield pool


def examples(
    galaxies: Iterable[Galaxy], views: int, view: View, pool=None, bad: dict[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """All views of all galaxies, in order; the content does not depend on the number of processes.

    Args:
        galaxies, views, view: what to make.
        pool: of `pool_of`; None makes them here.
        bad: where given, galaxies that cannot be used are left out, and entered here with the reason.

    Raises:
        DatasetError: a galaxy cannot be read or rendered; the message names it. Or a process of the pool was killed.
    """
    if pool is None:
        made = (_views_of(galaxy, views, view) for galaxy in galaxies)
    else:
        import joblib

        made = pool(joblib.delayed(_views_of)(galaxy, views, view) for galaxy in galaxies)
    try:
        for name, found in made:
            if isinstance(found, list):
                yield from found
            elif bad is None:
                raise DatasetError(f"{name}: {found}")
            else:
                bad[name] = found
    except RuntimeError as error:  # loky's own, which is not public
        if type(error).__name__ != "TerminatedWorkerError" and type(error).__name__ != "BrokenProcessPool":
            raise
        raise DatasetError(
            "a worker process was killed, most likely for want of memory; run again with fewer workers "
            "(--workers or SKAZOO_WORKERS): finished shards are kept."
        ) from error


def _views_of(galaxy: Galaxy, views: int, view: View) -> tuple[str, list[dict[str, Any]] | str]:
    """The galaxy's name with its examples, or with the reason why there are none."""
    name = Path(galaxy.path).name if galaxy.path and not galaxy.run else galaxy.name
    try:
        particles = galaxy.particles(view.extent_kpc * u.kpc)
        return name, [make_example(particles, galaxy, number, view) for number in range(views)]
    except SkazooError as error:
        return name, str(error)
