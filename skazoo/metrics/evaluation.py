"""One call that measures a mapper on a dataset: `evaluate` streams galaxies and returns a `Report`."""

from __future__ import annotations

import inspect
import sys
import time
import warnings
from collections.abc import Iterator

import numpy as np

from ..errors import DatasetError, ParameterError
from .averages import divided
from .field_scores import FieldScores
from .likelihood_scores import LikelihoodScores
from .memory_scores import training_maps
from .pixel_scores import block_means
from .provenance import provenance_of
from .report import Report
from .scales import Scale, scale_of
from .spectral_scores import greatest

__all__ = ["evaluate"]

SHEETS = 6  # galaxies on the image sheet


def evaluate(
    mapper,
    ds,
    num_samples: int = 32,
    limit: int | None = None,
    seed: int = 0,
    baselines: dict | None = None,
    batch_size: int = 16,
    progress: bool = True,
    *,
    training=None,
    view=None,
    likelihood_maps: int | None = 64,
    scales: dict[str, Scale] | None = None,
    name: str | None = None,
    command: str | None = None,
) -> Report:
    """Compare samples of p(target | source) with the truth, on every target field of a mapper.

    Galaxies are read once and in order; memory holds one batch of samples and a few hundred numbers a galaxy. Several
    views of one galaxy count as cases, and the report says how many galaxies they come from.

    Args:
        mapper: anything with `.source` and `.target` (field names) and
            `.sample(source, num_samples=..., seed=...)` from (B, H, W, C) to (num_samples, B, H, W, D), physical
            units. One that needs more than the source map (an oracle) has `.sample_examples(examples, num_samples=...,
            seed=...)` instead, from the list of the example dicts; its draws must depend on the example, not the batch.
        ds: tf.data.Dataset or iterable of unbatched examples: dicts with (H, W) maps in physical units under the
            field names, `pixel_kpc`, and `id`, `galaxy`, `view` where known.
        num_samples: samples a galaxy. With 1 there is no spread: the metrics of calibration are then undefined (NaN).
        limit: examples to take at most.
        seed: of sampling and of broken ties; the same seed (and, for mappers without `rows`, batch size) gives the
            same report.
        baselines: name -> fitted baseline, oracle or other mapper, measured on the same examples. One with
            `.deterministic` set is drawn once.
        batch_size: examples a call of `sample`.
        progress: show a line on the terminal.
        training: examples that the mapper was trained on, as `ds`, for the test of memory; at most 4000 are read.
        view: how the dataset was observed (`builder.builder_config.view`), for mappers from "ska"; by default as the
            toy configurations are.
        likelihood_maps: maps to take the likelihood of, where the mapper has one; None for all.
        scales: comparison scales of fields that are not in `FIELDS`, or instead of theirs.
        name: what the dataset is called, for the report.
        command: how to make this report again, for its last line.

    Raises:
        ParameterError: a number out of range; baselines for other fields; samples of the wrong shape.
        DatasetError: no example, batched examples, a missing field or pixel scale, a truth that is not finite, maps of
            several sizes.
    """
    counted = {"num_samples": num_samples, "batch_size": batch_size, "limit": limit, "likelihood_maps": likelihood_maps}
    for label, value in counted.items():
        if value is not None and (value != int(value) or value < 1):
            raise ParameterError(f"{label} must be a whole number of at least 1, but is {value}.")
    scales = scales or {}
    mappers = {"": mapper, **(baselines or {})}
    source, target = names(mapper.source), names(mapper.target)
    for label, other in mappers.items():
        if names(other.target) != target:
            raise ParameterError(f"baseline {label!r} predicts {names(other.target)}, not {target}.")
    found = {field: scales.get(field) or scale_of(field) for field in (*source, *target)}
    counts = {label: 1 if getattr(one, "deterministic", False) else num_samples for label, one in mappers.items()}
    train = {} if training is None else training_maps(training, target, found)
    scores = {
        label: {
            field: FieldScores(found[field], counts[label], seed, names(one.source), train.get(field), view)
            for field in target
        }
        for label, one in mappers.items()
    }
    likelihoods = {
        label: LikelihoodScores(one, [found[field] for field in target], likelihood_maps)
        for label, one in mappers.items()
    }
    spent = dict.fromkeys(mappers, 0.0)
    sheets, galaxies, measured, started = [], set(), 0, time.perf_counter()
    for index, batch in enumerate(batches(ds, (*source, *target), batch_size, limit)):
        truths = {field: np.stack([example[field] for example in batch]) for field in target}
        scale = [float(example["pixel_kpc"]) for example in batch]
        coarse = block_means(found[source[0]].apply(np.stack([example[source[0]] for example in batch])))
        for label, one in mappers.items():
            began = time.perf_counter()
            drawn = draw(one, label, batch, target, counts[label], seed, measured)
            spent[label] += time.perf_counter() - began
            likelihoods[label].add(stacked(batch, target), stacked(batch, names(one.source)))
            for channel, field in enumerate(target):
                if index == 0:
                    scores[label][field].prepare(truths[field], scale[0])
                for row, example in enumerate(batch):
                    partners = {other: (example[other], None) for other in source[:1] if other not in target}
                    partners |= {
                        other: (example[other], drawn[:, row, ..., place])
                        for place, other in enumerate(target)
                        if other != field and np.isfinite(drawn[:, row, ..., place]).all()
                    }
                    samples = drawn[:, row, ..., channel]
                    galaxy = galaxy_of(example)
                    scores[label][field].add(truths[field][row], samples, coarse[row], partners, example, galaxy)
            if label == "":
                for row, example in enumerate(batch):
                    if len(sheets) < SHEETS and galaxy_of(example) not in galaxies:
                        sheets.append(sheet(example, drawn[:, row], source, target, found))
                    galaxies.add(galaxy_of(example))
        measured += len(batch)
        if progress:
            elapsed = time.perf_counter() - started
            print(f"\revaluated {measured} maps, {measured / elapsed:.1f} a second", end="", file=sys.stderr)
    if progress:
        print(file=sys.stderr)
    if not measured:
        raise DatasetError("the dataset is empty: evaluate needs at least one example.")
    metrics = {
        label: {
            field: one.metrics() | (likelihoods[label].metrics(len(one.galaxies)) if one.scored else {})
            for field, one in fields.items()
        }
        for label, fields in scores.items()
    }
    if "oracle" in metrics:
        compare_with_oracle(metrics, scores)
    cases = {label: {field: one.cases() for field, one in fields.items()} for label, fields in scores.items()}
    provenance = provenance_of(mapper)
    provenance |= {
        "dataset": name or str(getattr(ds, "name", "") or "unnamed dataset"),
        "maps": measured,
        "galaxies": len(galaxies),
        "num_samples": counts[""],
        "seed": seed,
        "batch_size": batch_size,
        "pixel_kpc": scores[""][target[0]].spectra.pixel_kpc,
        "seconds": round(time.perf_counter() - started, 2),
        "sampling_seconds": round(spent[""], 2),
        "samples_per_second": round(measured * counts[""] / max(spent[""], 1e-9), 2),
        "command": command or default_command(num_samples, limit, seed, batch_size),
    }
    report = Report(
        source=source,
        target=target,
        scales=found,
        metrics=metrics.pop(""),
        cases=cases.pop(""),
        curves={field: one.curves() for field, one in scores[""].items()},
        baselines=metrics,
        baseline_cases=cases,
        provenance=provenance,
        sheets=sheets,
    )
    for line in report.warnings:
        warnings.warn(line, stacklevel=2)
    return report


def compare_with_oracle(metrics: dict, scores: dict) -> None:
    """Put what is found of every mapper over what is found of the exact redraws, in which the truths' chance cancels.

    `diversity_ratio`, and `transfer_oracle`, the largest |T(k) / T(k) of the oracle - 1| to 0.5 Nyquist.
    """
    for label, fields in metrics.items():
        for field, found in fields.items():
            best = metrics["oracle"][field].get("diversity", np.nan)
            if found and best > 0:
                found["diversity_ratio"] = found["diversity"] / best
                exact = scores["oracle"][field].spectra.transfer()
                ratios = divided(scores[label][field].spectra.transfer(), exact)
                found["transfer_oracle"] = greatest(np.abs(ratios - 1))


def batches(ds, fields: tuple[str, ...], size: int, limit: int | None) -> Iterator[list[dict]]:
    """Lists of at most `size` checked examples with numpy values."""
    stream = ds.as_numpy_iterator() if hasattr(ds, "as_numpy_iterator") else iter(ds)
    batch, shape = [], None
    for index, example in enumerate(stream):
        if limit is not None and index >= limit:
            break
        example = checked(example, fields, index)
        shape = shape or example[fields[0]].shape
        if example[fields[0]].shape != shape:
            raise DatasetError(f"example {label_of(example)} has maps of {example[fields[0]].shape}, others {shape}.")
        batch.append(example)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def checked(example, fields: tuple[str, ...], index: int) -> dict:
    """The example with its maps as float32 arrays, or `DatasetError` saying which of them is not usable."""
    if not hasattr(example, "keys"):
        raise DatasetError(
            f"example {index} is a {type(example).__name__}, not a dict of fields; pass the dataset as tfds.load gives "
            "it, not pairs."
        )
    example = dict(example)
    example.setdefault("id", str(index))
    for field in (*fields, "pixel_kpc"):
        if field not in example:
            raise DatasetError(f"example {label_of(example)} lacks {field!r}; it has {', '.join(sorted(example))}.")
    if np.ndim(example["pixel_kpc"]) or np.ndim(example[fields[0]]) == 3:
        raise DatasetError("the dataset is batched; evaluate takes unbatched examples (ds.unbatch()).")
    if not (np.isfinite(example["pixel_kpc"]) and example["pixel_kpc"] > 0):
        raise DatasetError(f"example {label_of(example)} has pixel_kpc = {example['pixel_kpc']}; it must be positive.")
    for field in fields:
        values = np.asarray(example[field], np.float32)
        if values.ndim != 2 or values.shape != np.shape(example[fields[0]]):
            raise DatasetError(f"field {field!r} of example {label_of(example)} has shape {values.shape}.")
        if not np.isfinite(values).all():
            raise DatasetError(f"field {field!r} of example {label_of(example)} holds values that are not finite.")
        example[field] = values
    return example


def draw(mapper, label: str, batch: list[dict], target, num_samples: int, seed: int, first: int) -> np.ndarray:
    """Samples (num_samples, B, H, W, D) of one batch, whose first example is number `first`; their shape checked."""
    if hasattr(mapper, "sample_examples"):
        drawn = mapper.sample_examples(batch, num_samples=num_samples, seed=seed)
    else:
        maps = stacked(batch, names(mapper.source))
        if "rows" in inspect.signature(mapper.sample).parameters:  # streams of noise by row: the batches do not matter
            drawn = mapper.sample(maps, num_samples=num_samples, seed=seed, rows=range(first, first + len(batch)))
        else:
            drawn = mapper.sample(maps, num_samples=num_samples, seed=batch_seed(seed, first))
    drawn = np.asarray(drawn)
    wanted = (num_samples, len(batch), *batch[0][target[0]].shape, len(target))
    if drawn.shape != wanted:
        who = f"baseline {label!r}" if label else type(mapper).__name__
        raise ParameterError(f"{who} gave samples of shape {drawn.shape} where {wanted} was asked for.")
    return drawn


def stacked(batch: list[dict], fields: tuple[str, ...]) -> np.ndarray:
    """The maps of some fields as one array (B, H, W, fields)."""
    return np.stack([np.stack([example[field] for field in fields], axis=-1) for example in batch])


def sheet(example: dict, drawn: np.ndarray, source, target, scales: dict[str, Scale]) -> dict:
    """What the image sheet shows of one galaxy: source, truth, mean, four samples, and the spread on its own scale."""
    shown = {"id": label_of(example), "pixel_kpc": float(example["pixel_kpc"]), "source": example[source[0]]}
    for channel, field in enumerate(target):
        samples = drawn[..., channel].astype(np.float64)
        shown[field] = {
            "truth": example[field],
            "mean": samples.mean(axis=0),
            "std": scales[field].apply(samples).std(axis=0, ddof=1) if len(samples) > 1 else None,
            "samples": samples[:4],
        }
    return shown


def batch_seed(seed: int, first: int) -> int:
    """A seed for one batch that differs from all others and fits any backend."""
    return int(np.random.SeedSequence([seed, first]).generate_state(1)[0] >> 1)


def label_of(example: dict) -> str:
    """The example's id as text."""
    value = example["id"]
    value = value.item() if isinstance(value, np.ndarray) else value
    return value.decode() if isinstance(value, bytes) else str(value)


def galaxy_of(example: dict):
    """What tells galaxies apart: simulation and galaxy number where known, else the id."""
    if "galaxy" not in example:
        return label_of(example)
    return str(example.get("simulation", "")), str(example.get("snapshot", "")), str(example["galaxy"])


def names(fields) -> tuple[str, ...]:
    """Field names as a tuple, also of one name."""
    return (fields,) if isinstance(fields, str) else tuple(fields)


def default_command(num_samples: int, limit: int | None, seed: int, batch_size: int) -> str:
    """The call that was made."""
    part = "" if limit is None else f", limit={limit}"
    return f"skazoo.metrics.evaluate(mapper, ds, num_samples={num_samples}{part}, seed={seed}, batch_size={batch_size})"
