"""The configurations of `ska_tng`: what each is made of, and how its galaxies are looked at."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from .generate import MAPS, View
from .sources import Selection

__all__ = ["CONFIGURATIONS", "SkaTngConfig"]

# beginning of the run's own name, snapshots, side of the frame (kpc), halo mass (Msun) from which on "ood_mass" begins,
# and whether the public files have magnetic fields
_RUNS = {
    "tng50_1": ("TNG50-1", (99,), 100.0, 1e13, True),
    "tng100_1": ("TNG100-1", (99,), 100.0, 10**13.5, True),
    "tng300_1": ("TNG300-1", (99,), 200.0, 10**14.0, True),
    "camels": ("", (), 200.0, 10**13.0, False),
    "eagle": ("", (), 100.0, 10**13.5, False),
    "simba": ("", (), 200.0, 10**13.5, False),
    "fire": ("", (), 100.0, None, False),
}
_UNMAGNETISED = tuple(f for f in MAPS if f not in ("magnetic_field", "synchrotron"))
_TOY_OOD = 10**12.59  # the upper 5 % of the toy universe's masses


@dataclasses.dataclass(kw_only=True)
class SkaTngConfig(tfds.core.BuilderConfig):
    """One dataset.

    Attributes:
        run: "toy" (the built-in analytic universe), "cutouts" (every HDF5 file of `manual_dir`), or any word for a
            simulation run, of which `manual_dir` is the folder (or holds a folder for each of several runs).
        simulation: beginning of the name that the run must have; "" for any.
        snapshots: numbers; () takes the only one there is.
        galaxies: how many toy galaxies; of a run, how many at most (0: all).
        min_gas_cells, min_stars: fewest particles of a galaxy of a run.
        views: random orientations of each galaxy.
        npix, extent: pixels along each side; proper side of the frame, kpc.
        fields: rendered fields.
        observation: False leaves out the telescope, as array="" does.
        array, observed_redshift, hours, channel_width, taper, robust: the mock observation: telescope, redshift at
            which nearer galaxies are put, total hours (a number, or least and most: then each example draws its own),
            rest-frame km/s, arcsec, Briggs' parameter.
        ood_mass: halo mass in Msun from which on galaxies make the split "ood_mass"; None for no such split.
        leave_out: simulation that makes the split "ood_simulation".
    """

    run: str = "toy"
    simulation: str = ""
    snapshots: tuple[int, ...] = ()
    galaxies: int = 0
    min_gas_cells: int = 1000
    min_stars: int = 0
    views: int = 1
    npix: int = 64
    extent: float = 100.0
    fields: tuple[str, ...] = MAPS
    observation: bool = True
    array: str = "ska-mid-aa4"
    observed_redshift: float = 0.05
    hours: float | tuple[float, float] = (10.0, 1000.0)
    channel_width: float = 400.0
    taper: float = 5.0
    robust: float = -0.5
    ood_mass: float | None = None
    leave_out: str = ""

    @property
    def view(self) -> View:
        """What generation needs to know of the above."""
        hours = tuple(map(float, self.hours)) if isinstance(self.hours, (tuple, list)) else float(self.hours)
        return View(
            npix=self.npix,
            extent_kpc=self.extent,
            fields=tuple(self.fields),
            array=self.array if self.observation else "",
            observed_redshift=self.observed_redshift,
            hours=hours,
            channel_width_kms=self.channel_width,
            taper_arcsec=self.taper,
            robust=self.robust,
        )

    @property
    def fetched(self) -> bool:
        """Whether the galaxies can come from the TNG web API."""
        return self.simulation.startswith("TNG")

    @property
    def selection(self) -> Selection:
        """Which galaxies of a run."""
        return Selection(self.min_gas_cells, self.min_stars, self.galaxies or None)


def _toy(name: str, description: str, **arguments) -> SkaTngConfig:
    return SkaTngConfig(name=name, description=description, snapshots=(99,), ood_mass=_TOY_OOD, **arguments)


def _real(run: str, npix: int) -> SkaTngConfig:
    simulation, snapshots, extent, ood_mass, magnetised = _RUNS[run]
    return SkaTngConfig(
        name=f"{run}_{npix}",
        description=f"Galaxies of {simulation or run} in 3 views each, {npix} x {npix} pixels of {extent:g} kpc.",
        run=run,
        simulation=simulation,
        snapshots=snapshots,
        views=3,
        npix=npix,
        extent=extent,
        fields=MAPS if magnetised else _UNMAGNETISED,
        ood_mass=ood_mass,
    )


CONFIGURATIONS = [
    _toy("toy_64", "4,096 galaxies of the analytic universe, 64 x 64.", galaxies=4096),
    _toy("toy_32", "4,096 galaxies of the analytic universe, 32 x 32.", galaxies=4096, npix=32),
    _toy("toy_128", "4,096 galaxies of the analytic universe, 128 x 128.", galaxies=4096, npix=128),
    _toy("toy_mini", "64 galaxies in 2 views each, 64 x 64.", galaxies=64, views=2),
    *(_real(run, npix) for run in _RUNS for npix in (64, 128, 256, 512)),
    SkaTngConfig(
        name="tng50_1_10k",
        description="The 10,000 galaxies of TNG50-1 with most gas cells, in one view, 256 x 256 pixels of 100 kpc.",
        run="tng50_1",
        simulation="TNG50-1",
        snapshots=(99,),
        galaxies=10_000,
        npix=256,
        ood_mass=1e13,
    ),
    SkaTngConfig(
        name="cutouts",
        description="Every HDF5 cutout in manual_dir in 4 views, 64 x 64.",
        run="cutouts",
        views=4,
        # a TNG mini snapshot or a thinned cutout has no magnetic field, hence no synchrotron map either
        fields=_UNMAGNETISED,
    ),
]
