"""Between physical units and the numbers that a network likes: compression, then shift and scale.

A transform y = f(x) acts on every pixel alike. It is written in `keras.ops`, always computes in float32 whatever
the dtype policy, and is plain JSON at rest (a name and its numbers), so that it travels with the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice
from .pixel_transforms import Affine, Asinh, Log10, Piecewise, Power, Transform

__all__ = [
    "Affine",
    "Asinh",
    "Chain",
    "ChannelTransform",
    "Log10",
    "Piecewise",
    "Power",
    "Transform",
    "chosen_transforms",
    "compression",
    "default_transform",
    "fit_affine",
    "fit_matching",
    "fit_transform",
    "transform_from_config",
]


class Chain(Transform):
    """One transform after the other; the first one sees the physical values."""

    def __init__(self, transforms: Sequence[Transform]):
        self.transforms = tuple(transforms)

    def forward(self, x):
        for transform in self.transforms:
            x = transform.forward(x)
        return x

    def inverse(self, y):
        for transform in reversed(self.transforms):
            y = transform.inverse(y)
        return y

    def log_slope(self, x):
        total = ops.zeros_like(ops.cast(ops.convert_to_tensor(x), "float32"))
        for transform in self.transforms:
            total = total + transform.log_slope(x)
            x = transform.forward(x)
        return total

    def get_config(self) -> dict:
        return {"name": "chain", "transforms": [transform.get_config() for transform in self.transforms]}


class ChannelTransform(Transform):
    """One transform per channel of images (B, H, W, C)."""

    def __init__(self, transforms: Sequence[Transform]):
        self.transforms = tuple(transforms)

    def forward(self, x):
        return self._apply("forward", x)

    def inverse(self, y):
        return self._apply("inverse", y)

    def log_slope(self, x):
        return self._apply("log_slope", x)

    def get_config(self) -> dict:
        return {"name": "channels", "transforms": [transform.get_config() for transform in self.transforms]}

    def _apply(self, method: str, x):
        if x.shape[-1] != len(self.transforms):
            raise ParameterError(f"{x.shape[-1]} channels came where {len(self.transforms)} were expected.")
        channels = [getattr(t, method)(x[..., i : i + 1]) for i, t in enumerate(self.transforms)]
        return ops.concatenate(channels, axis=-1) if len(channels) > 1 else channels[0]


def fit_affine(values) -> Affine:
    """The `Affine` that brings `values` (any shape, finite, summed in float64) to zero mean and unit deviation."""
    values = np.asarray(values, np.float64)
    if not values.size or not np.all(np.isfinite(values)):
        raise ParameterError("cannot fit a shift and a scale: the values are empty or not all finite.")
    spread = float(values.std())
    if spread == 0.0:
        raise ParameterError(f"cannot fit a scale: all values are {values.flat[0]}.")
    return Affine(float(values.mean()), spread)


def fit_matching(x, y, knots: int = 33) -> Piecewise:
    """The `Piecewise` that brings the distribution of the values `x` to that of `y` (histogram matching).

    Args:
        x, y: values of any shape and number, finite; unpaired.
        knots: quantiles at equal steps of a normal deviate from the 1e-4th to the last, so that the tails are kept.
    """
    x, y = (np.asarray(values, np.float64).ravel() for values in (x, y))
    if not (x.size and y.size and np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ParameterError("cannot match distributions: the values are empty or not all finite.")
    ranks = [NormalDist().cdf(deviate) for deviate in np.linspace(-3.72, 3.72, knots)]
    return Piecewise(np.quantile(x, ranks), np.quantile(y, ranks))


def compression(field: str) -> Transform:
    """The compression of a registered field alone (log10, asinh or none), without shift and scale."""
    registered = _registered(field)
    check_choice(f"transform of field {field!r}", registered.transform, ("log10", "asinh", "linear"))
    if registered.transform == "log10":
        return Log10(registered.floor)
    return Asinh(registered.scale) if registered.transform == "asinh" else Affine()


def default_transform(field: str) -> Chain:
    """Compression of a field of `skazoo.maps.FIELDS`, then its typical mean and deviation to 0 and 1."""
    shift, scale = _registered(field).typical
    return Chain([compression(field), Affine(shift, scale)])


def fit_transform(field: str, values) -> Chain:
    """As `default_transform`, but with mean and deviation measured on `values` (train split only)."""
    squeeze = compression(field)
    return Chain([squeeze, fit_affine(ops.convert_to_numpy(squeeze.forward(np.asarray(values, np.float32))))])


def transform_from_config(config: dict) -> Transform:
    """The transform that `get_config` described; `ParameterError` for anything else."""
    if not isinstance(config, dict) or "name" not in config:
        raise ParameterError(f"a transform is described by a dict with a name, not by {config!r}.")
    numbers = dict(config)
    name = numbers.pop("name")
    check_choice("transform", name, KINDS)
    try:
        if "transforms" in numbers:
            numbers["transforms"] = [transform_from_config(inner) for inner in numbers["transforms"]]
        return KINDS[name](**numbers)
    except TypeError as error:
        raise ParameterError(f"the transform {name!r} cannot be made from {numbers}: {error}.") from error


KINDS = {
    "log10": Log10,
    "power": Power,
    "piecewise": Piecewise,
    "asinh": Asinh,
    "affine": Affine,
    "chain": Chain,
    "channels": ChannelTransform,
}


def chosen_transforms(fields: Sequence[str], given: Mapping[str, Transform | dict]) -> dict[str, Transform]:
    """{field: transform} of `fields`: the given one, itself or as plain JSON, else the default of the field."""
    for name in given:
        check_choice("field in transforms", name, fields)
    chosen = {}
    for name in fields:
        if name in given:
            each = given[name]
            chosen[name] = each if isinstance(each, Transform) else transform_from_config(each)
        else:
            chosen[name] = default_transform(name)
    return chosen


def _registered(field: str):
    from ..maps.fields import FIELDS

    check_choice("field", field, FIELDS)
    return FIELDS[field]
