"""One galaxy and one view make one example; a list of them makes a dataset, on as many processes as wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np

from ..errors import DatasetError, SkazooError
from ..maps.fields import RENDERED
from ..maps.rendering import render
from ..maps.rotation import rotation_matrix
from ..simulations.particles import ParticleSet

__all__ = ["Galaxy", "View", "examples", "make_example", "mock_observation", "workers"]

_POOL_FROM = 512  # examples: below, starting processes costs more than it saves
_FACTS = ("halo_mass", "sfr")


@dataclass(frozen=True)
class Galaxy:
    """Where one galaxy comes from: `path` of a cutout, or "toy" and a seed."""

    simulation: str
    number: int
    path: str = ""

    def particles(self) -> ParticleSet:
        """Read or draw it."""
        if self.simulation == "toy":
            from ..simulations import toy

            return toy.Galaxy.draw(self.number).particles()
        from ..simulations import open_cutout

        return open_cutout(self.path)


@dataclass(frozen=True)
class View:
    """How each galaxy is looked at: everything that an example depends on besides the galaxy.

    Attributes:
        npix, extent_kpc: the pixel grid.
        fields: rendered fields; "ska" is added where there is an array.
        array: telescope, a key of `skazoo.telescope.Array.load`, or "" for none.
        observed_redshift: where a galaxy of a nearer snapshot is put for the observation.
        hours, channel_width_kms, taper_arcsec: of the observation.
    """

    npix: int = 64
    extent_kpc: float = 100.0
    fields: tuple[str, ...] = RENDERED
    array: str = "ska-mid-aa4"
    observed_redshift: float = 0.02
    hours: float = 100.0
    channel_width_kms: float = 400.0
    taper_arcsec: float = 7.0


@lru_cache(maxsize=8)
def mock_observation(view: View, redshift: float):
    """The `Observation` of a view: the galaxy at max(redshift, view.observed_redshift), the beam >= 3 pixels."""
    from ..physics.cosmology import arcsec_per_kpc
    from ..telescope import Observation

    distance_redshift = max(redshift, view.observed_redshift)
    pixel = view.extent_kpc / view.npix * arcsec_per_kpc(distance_redshift)
    return Observation(
        array=view.array,
        redshift=distance_redshift,
        npix=view.npix,
        pixel_scale=pixel * u.arcsec,
        hours=view.hours,
        channel_width=view.channel_width_kms * u.km / u.s,
        taper=max(view.taper_arcsec, 1.9 * pixel) * u.arcsec,
    )


def make_example(particles: ParticleSet, galaxy: Galaxy, number: int, view: View) -> dict[str, Any]:
    """The example of view `number` of a galaxy: maps (npix, npix) float32 and the facts of design.md."""
    from ..maps.fields import Conditions

    seed = int(np.random.SeedSequence((galaxy.number, number)).generate_state(1, np.uint64)[0] >> 1)
    matrix = rotation_matrix(seed)
    conditions = Conditions(channel_width=view.channel_width_kms * u.km / u.s)
    needed = tuple(dict.fromkeys((*view.fields, *(("brightness_temperature",) if view.array else ()), "hi")))
    maps = render(particles, needed, view.npix, view.extent_kpc * u.kpc, matrix, conditions=conditions)
    header = particles.header
    example: dict[str, Any] = {name: maps[name].data for name in view.fields}
    example |= {
        "id": f"{galaxy.simulation}/{galaxy.number}/{number}",
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
        example[fact] = np.float32(particles.metadata.get(fact, np.nan))
    if view.array:
        observation = mock_observation(view, header.redshift)
        seen = observation.observe(maps["brightness_temperature"], seed=seed)
        example |= {
            "ska": np.asarray(seen.dirty.data, np.float32),
            "noise_rms": np.float32(seen.noise_rms.to_value(u.Jy / u.beam)),
            "beam": np.array(seen.dirty.metadata["beam"], np.float32),
            "pixel_arcsec": np.float32(seen.dirty.metadata["pixel_arcsec"]),
            "hours": np.float32(view.hours),
        }
    return example


def workers() -> int:
    """Processes to generate with: SKAZOO_WORKERS, else the number of cores."""
    value = os.environ.get("SKAZOO_WORKERS", "")
    if value and not (value.isdigit() and int(value) > 0):
        raise DatasetError(f"SKAZOO_WORKERS must be a whole number of processes, but is {value!r}.")
    return int(value) if value else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


def examples(galaxies: Iterable[Galaxy], views: int, view: View) -> Iterator[dict[str, Any]]:
    """All views of all galaxies, in order; the content does not depend on the number of processes.

    Raises:
        DatasetError: a galaxy cannot be read or rendered; the message names it.
    """
    galaxies = list(galaxies)
    number = min(workers(), len(galaxies))
    if number == 1 or len(galaxies) * views < _POOL_FROM:
        batches = (_views_of(galaxy, views, view) for galaxy in galaxies)
    else:
        import joblib

        # loky starts fresh interpreters, which neither inherit TensorFlow's threads nor run the user's script
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            pool = joblib.Parallel(n_jobs=number, return_as="generator", batch_size=8, pre_dispatch=16 * number)
            batches = pool(joblib.delayed(_views_of)(galaxy, views, view) for galaxy in galaxies)
    for batch in batches:
        yield from batch


def _views_of(galaxy: Galaxy, views: int, view: View) -> list[dict[str, Any]]:
    try:
        particles = galaxy.particles()
        return [make_example(particles, galaxy, number, view) for number in range(views)]
    except SkazooError as error:
        name = Path(galaxy.path).name if galaxy.path else f"{galaxy.simulation} galaxy {galaxy.number}"
        raise DatasetError(f"{name}: {error}") from error
