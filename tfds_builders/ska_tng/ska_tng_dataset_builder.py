"""`tfds.load("ska_tng")`: paired maps of simulated galaxies and mock SKA observations of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from skazoo import __version__
from skazoo.datasets.generate import Galaxy, View, examples, mock_observation
from skazoo.datasets.splits import FRACTIONS, split_of
from skazoo.datasets.statistics import FieldStatistics
from skazoo.errors import DatasetError
from skazoo.maps.fields import FIELDS, RENDERED

_FILES = ("*.hdf5", "*.h5")


@dataclasses.dataclass(kw_only=True)
class SkaTngConfig(tfds.core.BuilderConfig):
    """One dataset.

    Attributes:
        run: "toy" (the built-in analytic universe) or "cutouts" (every HDF5 file of `manual_dir`).
        galaxies: how many toy galaxies.
        views: random orientations of each galaxy.
        npix, extent: pixels along each side; proper side of the frame, kpc.
        fields: rendered fields.
        array, observed_redshift, hours, channel_width, taper: the mock observation: telescope, redshift at which
            nearer galaxies are put, total hours, rest-frame km/s, arcsec.
    """

    run: str = "toy"
    galaxies: int = 0
    views: int = 1
    npix: int = 64
    extent: float = 100.0
    fields: tuple[str, ...] = RENDERED
    array: str = "ska-mid-aa4"
    observed_redshift: float = 0.02
    hours: float = 100.0
    channel_width: float = 400.0
    taper: float = 7.0

    @property
    def view(self) -> View:
        """What generation needs to know of the above."""
        return View(
            npix=self.npix,
            extent_kpc=self.extent,
            fields=self.fields,
            array=self.array,
            observed_redshift=self.observed_redshift,
            hours=self.hours,
            channel_width_kms=self.channel_width,
            taper_arcsec=self.taper,
        )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Paired maps, simulation and mock SKA observation."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    DEFAULT_CONFIG_NAME = "toy_64"
    BUILDER_CONFIGS = [
        SkaTngConfig(name="toy_64", description="4,096 galaxies of the analytic universe, 64 x 64.", galaxies=4096),
        SkaTngConfig(name="toy_mini", description="64 galaxies in 2 views each, 64 x 64.", galaxies=64, views=2),
        SkaTngConfig(
            name="cutouts",
            description="Every HDF5 cutout in manual_dir in 4 views, 64 x 64.",
            run="cutouts",
            views=4,
            # a TNG mini snapshot or a thinned cutout has no magnetic field, hence no synchrotron map either
            fields=tuple(f for f in RENDERED if f not in ("magnetic_field", "synchrotron")),
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Put the galaxies' HDF5 files in TNG's layout (web-API cutouts or one-piece snapshots) into one folder and name it:
  skazoo data build cutouts --manual-dir FOLDER
or in Python
  tfds.load("ska_tng/cutouts", download_and_prepare_kwargs={
      "download_config": tfds.download.DownloadConfig(manual_dir="FOLDER")})
The toy configs (ska_tng/toy_64, ska_tng/toy_mini) need no files."""

    def _info(self) -> tfds.core.DatasetInfo:
        config, npix = self.builder_config, self.builder_config.npix
        names = (*config.fields, *(("ska",) if config.array else ()))
        maps = {n: tfds.features.Tensor(shape=(npix, npix), dtype=np.float32, doc=_doc(n)) for n in names}
        scalars = ("redshift", "pixel_kpc", "hi_mass", "halo_mass", "sfr")
        facts = {
            "id": tfds.features.Text(),
            "simulation": tfds.features.Text(),
            **{n: tfds.features.Scalar(np.int64) for n in ("snapshot", "galaxy", "halo", "view")},
            "rotation": tfds.features.Tensor(shape=(3, 3), dtype=np.float32),
            **{n: tfds.features.Scalar(np.float32) for n in scalars},
        }
        if config.array:
            facts |= {n: tfds.features.Scalar(np.float32) for n in ("noise_rms", "pixel_arcsec", "hours")}
            facts["beam"] = tfds.features.Tensor(shape=(3,), dtype=np.float32, doc="bmaj, bmin (arcsec), bpa (deg)")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({**maps, **facts}),
            supervised_keys=("dark_matter", "ska") if config.array else ("dark_matter", "hi"),
            metadata=tfds.core.MetadataDict(self._facts(names)),
        )

    def _facts(self, names) -> dict:
        config = self.builder_config
        units = {n: FIELDS[n].unit.to_string() for n in names}
        units |= {"redshift": "", "pixel_kpc": "kpc", "pixel_arcsec": "arcsec", "beam": "arcsec arcsec deg"}
        units |= {"halo_mass": "Msun", "hi_mass": "Msun", "sfr": "Msun / yr", "noise_rms": "Jy / beam", "hours": "h"}
        return {
            "units": units,
            "fields": list(names),
            "run": config.run,
            "view": dataclasses.asdict(config.view),
            "views": config.views,
            "splits": {"fractions": FRACTIONS, "by": "SHA-256 of simulation and galaxy"},
            "skazoo_version": __version__,
            "license": "CC0-1.0" if config.run == "toy" else "that of the simulation the files come from",
        }

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        galaxies = self._galaxies(dl_manager)
        sources = sorted({g.path for g in galaxies if g.path})
        if sources:
            self.info.metadata["sources"] = {Path(p).name: _sha256(p) for p in sources}
        by_split: dict[str, list[Galaxy]] = {}
        for galaxy in galaxies:
            by_split.setdefault(split_of(galaxy.simulation, galaxy.number), []).append(galaxy)
        if len(galaxies) < 20:
            # a handful of files cannot fill three splits by chance: they are one's own test objects
            by_split = {"test": galaxies}
        return {name: self._generate_examples(name, by_split[name]) for name in FRACTIONS if name in by_split}

    def _galaxies(self, dl_manager) -> list[Galaxy]:
        config = self.builder_config
        if config.run == "toy":
            return [Galaxy("toy", seed) for seed in range(config.galaxies)]
        folder = Path(dl_manager.manual_dir)
        files = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
        if not files:
            raise DatasetError(f"{folder} holds no .hdf5 file; put the galaxies' cutouts there.")
        return [Galaxy(path.stem, number, str(path)) for number, path in enumerate(files)]

    def _generate_examples(self, split: str, galaxies: list[Galaxy]):
        config = self.builder_config
        names = self.info.metadata["fields"]
        statistics = {name: FieldStatistics(name) for name in names}
        for example in examples(galaxies, config.views, config.view):
            for name in names:
                statistics[name].update(example[name])
            yield example["id"], example
        if split == "train" or "statistics" not in self.info.metadata:
            self.info.metadata["statistics"] = {name: one.result() for name, one in statistics.items()}
            self.info.metadata["statistics_split"] = split
        if config.array:
            self.info.metadata["observation"] = mock_observation(config.view, 0.0).metadata


def _doc(name: str) -> str:
    field = FIELDS[name]
    return f"{field.description} Unit: {field.unit.to_string() or 'none'}."


def _sha256(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
