"""What a user may hand to a mapper, brought to one form: float32 (B, H, W, C) in the fields' units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import DatasetError, ParameterError

__all__ = [
    "as_batch",
    "as_pairs",
    "check_batch",
    "check_batches",
    "check_finite",
    "check_size",
    "field_names",
    "row_numbers",
    "unit_of",
]


def field_names(role: str, fields: str | Sequence[str]) -> tuple[str, ...]:
    """`fields` as a tuple of distinct names; `role` ("source", "target") is for the error."""
    names = (fields,) if isinstance(fields, str) else tuple(fields)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ParameterError(f"{role} must be one or more field names, but is {fields!r}.")
    if len(set(names)) != len(names):
        raise ParameterError(f"{role} names a field twice: {', '.join(names)}.")
    return names


def unit_of(field: str):
    """The astropy unit of a registered field; dimensionless for any other."""
    import astropy.units as u

    from ..maps.fields import FIELDS

    return FIELDS[field].unit if field in FIELDS else u.dimensionless_unscaled


def as_batch(maps, fields: tuple[str, ...], role: str, stride: int = 1) -> np.ndarray:
    """`maps` as (B, H, W, C) float32 in the unit of each field.

    Args:
        maps: a `Map`; a dict of Maps or arrays keyed by field; a list of such (one per row); or an array or Quantity
            (H, W), (B, H, W) for one field, (H, W, C), (B, H, W, C). Bare arrays are in the fields' units.
        fields: names of the channels.
        role: "source" or "target", for the errors.
        stride: height and width must be multiples of it.

    Raises:
        ParameterError: wrong channels, unit, size or shape; DatasetError: NaN or infinity, naming the field.
    """
    batch = _stack(maps, fields, role)
    if batch.shape[-1] != len(fields):
        raise ParameterError(
            f"{role} has {batch.shape[-1]} channels, but this mapper's are {len(fields)}: {', '.join(fields)}."
        )
    check_finite(batch, fields, role)
    check_size(batch.shape, role, stride)
    return np.ascontiguousarray(batch)


def row_numbers(rows, count: int) -> np.ndarray:
    """(count,) numbers of the random streams of rows; None for 0 ... count - 1."""
    rows = np.arange(count) if rows is None else np.asarray(rows, int)
    if rows.shape != (count,):
        raise ParameterError(f"rows must number the {count} rows of source, but has shape {rows.shape}.")
    return rows


def as_pairs(source, target, fields: tuple[tuple[str, ...], tuple[str, ...]], stride: int):
    """Source and target as by `as_batch`, equally many; `fields` are those of both sides."""
    source, target = as_batch(source, fields[0], "source", stride), as_batch(target, fields[1], "target", stride)
    if len(source) != len(target):
        raise ParameterError(f"{len(target)} target maps do not pair with {len(source)} source maps.")
    return source, target


def check_batch(maps, fields: tuple[str, ...], role: str, stride: int) -> None:
    """Raise `ParameterError` where a batch inside `fit` is not (B, H, W, number of fields) of a size that suits."""
    if maps is None or len(maps.shape) != 4 or maps.shape[-1] != len(fields):
        shape = None if maps is None else tuple(maps.shape)
        raise ParameterError(
            f"{role} batches must be (B, H, W, {len(fields)}) with channels {', '.join(fields)}, but are {shape}."
        )
    check_size(maps.shape, role, stride)


def check_batches(x, y, fields: tuple[tuple[str, ...], tuple[str, ...]], stride: int) -> None:
    """Raise `ParameterError` where training data cannot suit, as far as their shapes are known before reading them.

    Args:
        x, y: arrays, or a `tf.data.Dataset` of (source, target) and None; other datasets are not looked into.
        fields: (source names, target names).
        stride: height and width must be multiples of it.
    """
    spec = getattr(x, "element_spec", None)
    pair = (x, y) if y is not None else spec
    if pair is None:
        return
    if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
        raise ParameterError("the dataset must give batches (source, target), as `skazoo.datasets.pairs` does.")
    shapes = []
    for role, names, part in zip(("source", "target"), fields, pair, strict=False):
        shape = getattr(part, "shape", None)
        if shape is None or len(shape) != 4 or shape[-1] != len(names):
            found = None if shape is None else tuple(shape)
            raise ParameterError(
                f"{role} batches must be (B, H, W, {len(names)}) with channels {', '.join(names)}, but are {found}."
            )
        check_size(shape, role, stride)
        shapes.append(tuple(shape[1:3]))
    if None not in shapes[0] + shapes[1] and shapes[0] != shapes[1]:
        raise ParameterError(f"source maps are {shapes[0]} pixels and target maps {shapes[1]}; they must agree.")


def check_finite(batch: np.ndarray, fields: tuple[str, ...], role: str) -> None:
    """Raise `DatasetError` naming the first field of (B, H, W, C) that holds NaN or infinity."""
    for channel, name in enumerate(fields):
        bad = ~np.isfinite(batch[..., channel])
        if bad.any():
            rows = np.flatnonzero(bad.any(axis=(1, 2)))
            raise DatasetError(
                f"{int(bad.sum())} pixels of the {role} field {name!r} are NaN or infinite (first in row {rows[0]}); "
                "mend or leave out these maps."
            )


def check_size(shape, role: str, stride: int) -> None:
    """Raise `ParameterError` unless height and width of (B, H, W, C) are known multiples of `stride`."""
    for side, pixels in zip(("height", "width"), shape[1:3], strict=True):
        if pixels is not None and (pixels % stride or not pixels):
            raise ParameterError(
                f"the {side} of {role} is {pixels} pixels, but this network halves its maps and needs a multiple of "
                f"{stride}; crop or regrid to {max(stride, round(pixels / stride) * stride)}."
            )


def _stack(maps, fields, role) -> np.ndarray:
    if isinstance(maps, Mapping):
        missing = [name for name in fields if name not in maps]
        if missing:
            known = ", ".join(map(str, maps)) or "nothing"
            raise ParameterError(f"{role} lacks the field {missing[0]!r}; it holds {known}.")
        channels = [_values(maps[name], name, role) for name in fields]
        if len({channel.shape for channel in channels}) > 1:
            shapes = ", ".join(f"{name} {c.shape}" for name, c in zip(fields, channels, strict=True))
            raise ParameterError(f"the {role} fields differ in shape: {shapes}.")
        stacked = np.stack(channels, axis=-1)
    elif isinstance(maps, list | tuple) and maps and (hasattr(maps[0], "pixel_scale") or isinstance(maps[0], Mapping)):
        rows = [_stack(each, fields, role) for each in maps]
        if len({row.shape for row in rows}) > 1:
            raise ParameterError(f"the {role} maps differ in shape: {sorted({row.shape[1:3] for row in rows})}.")
        return np.concatenate(rows)
    else:
        if hasattr(maps, "pixel_scale") and len(fields) > 1:
            raise ParameterError(
                f"{role} is one map, but this mapper needs {len(fields)} fields: pass a dict with {', '.join(fields)}."
            )
        stacked = _values(maps, fields[0], role)
        flat = stacked.ndim == 2 or (stacked.ndim == 3 and stacked.shape[-1] != len(fields))
        if flat and len(fields) == 1:
            stacked = stacked[..., None]
    if stacked.ndim == 3:
        stacked = stacked[None]
    if stacked.ndim != 4 or not stacked.size:
        raise ParameterError(f"{role} must be maps (H, W), (B, H, W) or (B, H, W, C), but has shape {stacked.shape}.")
    return stacked


def _values(values, field, role) -> np.ndarray:
    """The numbers of an array, Quantity or Map in the unit of `field`."""
    if hasattr(values, "pixel_scale"):  # a Map
        if values.field != field:
            raise ParameterError(f"{role} should be the field {field!r}, but the map holds {values.field!r}.")
        values = values.quantity
    if hasattr(values, "unit"):
        import astropy.units as u

        try:
            values = values.to_value(unit_of(field))
        except u.UnitConversionError as error:
            raise ParameterError(f"{role} field {field!r} has unit {values.unit}, not {unit_of(field)}.") from error
    try:
        return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{role} is not made of numbers: {error}.") from error
