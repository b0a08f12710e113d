"""`tfds.load("ska_tng")`: paired maps of simulated galaxies and mock SKA observations of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import tensorflow_datasets as tfds

from skazoo import __version__
from skazoo.datasets.building import deliver, working_folder, write_shards
from skazoo.datasets.configurations import CONFIGURATIONS, SkaTngConfig
from skazoo.datasets.features import FACT_UNITS, features_of, map_names
from skazoo.datasets.generate import Galaxy, examples, mock_observation
from skazoo.datasets.metadata import CITATIONS, license_of, summary
from skazoo.datasets.plan import code_hash, make_plan
from skazoo.datasets.sources import cutouts, fetched, galaxies_in, has_key, source_files, toy_galaxies
from skazoo.datasets.splits import FRACTIONS, galaxies_of_splits
from skazoo.errors import DatasetError
from skazoo.maps.fields import FIELDS

__all__ = ["Builder", "SkaTngConfig"]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Paired maps, simulation and mock SKA observation.

    Args:
        skip_bad: leave out galaxies whose files cannot be used, and list them in `info.metadata["skipped"]`, instead
            of stopping at the first one.
        workers: processes; default SKAZOO_WORKERS, else the number of cores.
        beam: Apache Beam pipeline options, such as ["--runner=DirectRunner"]; None generates on this machine.

    TFDS gives them with `tfds.load(..., builder_kwargs={"skip_bad": True})`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    DEFAULT_CONFIG_NAME = "toy_64"
    BUILDER_CONFIGS = CONFIGURATIONS
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
This configuration is made from your simulation files: a run's folder (snapdir_NNN, groups_NNN), or a folder of HDF5
cutouts. Name it on the command line
  skazoo data build CONFIG --manual-dir FOLDER
or in Python
  tfds.load("ska_tng/CONFIG", download_and_prepare_kwargs={
      "download_config": tfds.download.DownloadConfig(manual_dir="FOLDER")})
To get TNG cutouts, with a key from https://www.tng-project.org/users/register/
  export TNG_API_KEY=...
  skazoo data fetch --help
The toy configs (ska_tng/toy_64, toy_32, toy_128, toy_mini) need no files."""

    def __init__(self, *, skip_bad: bool = False, workers: int | None = None, beam: list[str] | None = None, **kwargs):
        self._skip_bad, self._workers, self._beam = skip_bad, workers, beam
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        names = map_names(config.view)
        return self.dataset_info_from_configs(
            features=features_of(config.view),
            supervised_keys=("dark_matter", "ska" if "ska" in names else "hi") if "dark_matter" in names else None,
            metadata=tfds.core.MetadataDict(self._facts(names)),
        )

    def _facts(self, names) -> dict:
        config = self.builder_config
        return {
            "units": {n: FIELDS[n].unit.to_string() for n in names} | FACT_UNITS,
            "fields": list(names),
            "run": config.run,
            "view": dataclasses.asdict(config.view),
            "views": config.views,
            "splits": {
                "fractions": FRACTIONS,
                "by": "SHA-256 of simulation and galaxy (merger-tree root, else halo)",
                "ood_mass": config.ood_mass,
                "leave_out": config.leave_out,
            },
            "seed": "SHA-256 of simulation/snapshot/galaxy/view",
            "skazoo_version": __version__,
            "code_sha256": code_hash(),
            "license": license_of(config.run),
            "citation": CITATIONS.get(config.run.split("_")[0], ""),
        }

    def download_and_prepare(self, *, file_format=None, **kwargs) -> None:
        """Prepare the dataset, unless it is there; see `tfds.core.DatasetBuilder.download_and_prepare`.

        Raises:
            DatasetError: a format other than tfrecord or array_record; missing or unusable source files.
            OutputError: the folder cannot be written.
        """
        wanted = getattr(file_format, "value", file_format) or self.info.file_format.value
        make_plan({"test": [Galaxy("toy", 0)]}, self.builder_config.view, 1, wanted)  # refuses before any work
        super().download_and_prepare(file_format=file_format, **kwargs)

    def _download_and_prepare(self, dl_manager, download_config) -> None:
        """Write the shards in a folder that outlives this process, then hand them to TFDS."""
        config = self.builder_config
        splits = galaxies_of_splits(self._galaxies(dl_manager), config.ood_mass, config.leave_out)
        sources = source_files([galaxy for own in splits.values() for galaxy in own])
        plan = make_plan(
            splits,
            config.view,
            config.views,
            self.info.file_format.value,
            download_config.max_examples_per_split,
            download_config.num_shards,
            sources,
        )
        # TFDS has put its own temporary folder in the place of the final one
        final = Path(self._data_dir_root, self.info.full_name)
        with working_folder(str(final), plan.fingerprint, keep=self._data_dir) as folder:
            if self._beam is not None:
                from skazoo.datasets.beam import write_shards_with_beam

                written = write_shards_with_beam(plan, folder, self._skip_bad, self._beam)
            else:
                written = write_shards(plan, folder, self._skip_bad, self._workers)
            lengths = deliver(plan, written, folder, str(self._data_dir))
        sizes = Counter()
        for shard, note in zip(plan.shards, written, strict=True):
            sizes[shard.split] += note.bytes
        infos = [
            tfds.core.SplitInfo(
                name=name,
                shard_lengths=counts,
                num_bytes=sizes[name],
                filename_template=self._get_filename_template(name),
            )
            for name, counts in lengths.items()
        ]
        self.info.set_splits(tfds.core.splits.SplitDict(infos))
        facts = summary(plan, written) | {"sources": sources, "fingerprint": plan.fingerprint}
        if config.view.array:
            facts["observation"] = mock_observation(config.view, 0.0).metadata
        self.info.metadata.update(facts)
        self._write_croissant(plan, written)

    def _write_croissant(self, plan, written) -> None:
        from skazoo.datasets.croissant import croissant_json

        files = {s.file: note.sha256 for s, note in zip(plan.shards, written, strict=True) if note.examples}
        Path(self._data_dir, "croissant.json").write_text(croissant_json(self.info, files))

    def _galaxies(self, dl_manager) -> list[Galaxy]:
        config = self.builder_config
        if config.run == "toy":
            return toy_galaxies(config.galaxies, config.snapshots or (99,))
        try:
            folder = Path(dl_manager.manual_dir)
        except (AssertionError, ValueError) as error:
            if config.fetched and has_key():
                return fetched(config.simulation, config.snapshots, config.selection)
            words = self.MANUAL_DOWNLOAD_INSTRUCTIONS.replace("CONFIG", config.name)
            raise DatasetError(f"ska_tng/{config.name} has no source files.\n{words}") from error
        if config.run == "cutouts":
            return cutouts(folder)
        return galaxies_in(folder, config.snapshots, config.selection, config.simulation)

    def _split_generators(self, dl_manager):
        """The generic way of TFDS, which its own tests use; `_download_and_prepare` does not."""
        config = self.builder_config
        splits = galaxies_of_splits(self._galaxies(dl_manager), config.ood_mass, config.leave_out)
        return {name: self._generate_examples(own) for name, own in splits.items()}

    def _generate_examples(self, galaxies):
        for example in examples(galaxies, self.builder_config.views, self.builder_config.view):
            yield example["id"], example

    def _post_download_and_prepare_hook(self) -> None:
        """The shards are in their place: the working folder can go."""
        import shutil

        folder = Path(self.data_dir).parent / f".building-{Path(self.data_dir).name}"
        shutil.rmtree(folder, ignore_errors=True)
