"""The same shards made by Apache Beam: on many machines (Dataflow, Flink, Spark), or in several processes here."""

from __future__ import annotations

from functools import partial

from ..errors import DatasetError
from .generate import View
from .plan import Plan, Shard
from .shards import Written, write_shard

__all__ = ["write_shards_with_beam"]


def write_shards_with_beam(plan: Plan, folder: str, skip_bad: bool, options: list[str]) -> list[Written]:
    """Write what is missing of a plan, one shard a work item, and say what every shard holds.

    Args:
        plan, skip_bad: as for `building.write_shards`.
        folder: path or URL that every worker sees (gs://... on Dataflow).
        options: of the pipeline, such as ["--runner=DirectRunner", "--direct_num_workers=4",
            "--direct_running_mode=multi_processing"]. Workers need skazoo installed.

    Raises:
        DatasetError: Beam is not installed, or a shard failed (Beam's message names the galaxy).
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise DatasetError("Apache Beam is not installed: pip install 'skazoo[beam]'.") from error
    write = partial(write_one, folder=folder, view=plan.view, views=plan.views, skip_bad=skip_bad)
    try:
        with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
            shards = pipeline | "shards" >> beam.Create(list(plan.shards)) | beam.Reshuffle()
            shards | "write" >> beam.Map(write)
    except Exception as error:  # a runner wraps what a worker raised in exceptions of its own
        raise DatasetError(f"the Beam pipeline failed: {str(error).strip().splitlines()[-1]}") from error
    # all are there: this reads their notes
    return [write_shard(shard, folder, plan.view, plan.views) for shard in plan.shards]


def write_one(shard: Shard, folder: str, view: View, views: int, skip_bad: bool) -> str:
    """Work item of the pipeline: one shard in this worker; returns the file's name."""
    write_shard(shard, folder, view, views, skip_bad=skip_bad)
    return shard.file
