"""Between physical units and the numbers that a network likes: compression, then shift and scale.

A transform y = f(x) acts on every pixel alike. It is written in `keras.ops`, always computes in float32 whatever
the dtype policy, and is plain JSON at rest (a name and its numbers), so that it travels with the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice, check_positive

__all__ = [
    "Affine",
    "Asinh",
    "Chain",
    "ChannelTransform",
    "Log10",
    "Power",
    "Transform",
    "chosen_transforms",
    "compression",
    "default_transform",
    "fit_affine",
    "fit_transform",
    "transform_from_config",
]

LN10 = math.log(10.0)
LN2 = math.log(2.0)


class Transform:
    """A smooth, increasing, pixel-wise map y = f(x) with its inverse and the logarithm of its derivative."""

    def forward(self, x):
        """y = f(x): physical unit to network space; same shape, float32."""
        raise NotImplementedError

    def inverse(self, y):
        """x = f^-1(y): network space to physical unit; same shape, float32."""
        raise NotImplementedError

    def log_slope(self, x):
        """ln |dy/dx| of every pixel at the physical values `x`; same shape, float32."""
        raise NotImplementedError

    def log_det(self, x):
        """Sum over the pixels (and channels) of ln |dy/dx|: (B, ...) -> (B,). It turns a density of y into one of x."""
        return ops.sum(self.log_slope(x), axis=tuple(range(1, len(x.shape))))

    def get_config(self) -> dict:
        """The numbers of this transform with its `name`, as plain JSON; see `transform_from_config`."""
        raise NotImplementedError

    def __eq__(self, other) -> bool:
        return isinstance(other, Transform) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items() if k != "name")
        return f"{type(self).__name__}({numbers})"


class Log10(Transform):
    """y = log10(max(x, floor)), for quantities that are positive or zero.

    Everything at or below `floor` counts as empty: it goes to log10(floor), and what comes back from there (or from
    lower, or from within float32 rounding above it: about 1e-5 of the floor) is exactly 0, so that empty sky stays
    empty. Below the floor f is flat and has no density; `log_slope` is there that of the floor itself.

    Args:
        floor: smallest value that is told from zero, in the unit of x.
    """

    def __init__(self, floor: float):
        check_positive("floor", floor)
        self.floor = float(floor)
        self.lowest = math.log10(self.floor)
        self._empty = self.lowest + max(4e-6, 4.0 * float(np.spacing(np.float32(abs(self.lowest)))))

    def forward(self, x):
        return ops.log10(ops.maximum(_float32(x), self.floor))

    def inverse(self, y):
        y = _float32(y)
        return ops.where(y <= self._empty, 0.0, ops.exp(y * LN10))

    def log_slope(self, x):
        return -ops.log(ops.maximum(_float32(x), self.floor)) - math.log(LN10)

    def get_config(self) -> dict:
        return {"name": "log10", "floor": self.floor}


class Power(Transform):
    """y = (x + floor)^exponent, for quantities that are positive or zero: between the logarithm and x itself.

    A logarithm makes the same error in dex everywhere. Under a power an error at the bright end is smaller, as 1 / y:
    for maps whose few brightest pixels hold the total and the power spectrum (Box & Cox 1964). Anything below 0 counts
    as empty, and what comes back from floor^exponent or lower is exactly 0.

    Args:
        exponent: between 0 and 1; 1/8 brings twelve decades to one and a half.
        floor: where faint values begin to be squeezed together, in the unit of x; it bounds the slope at 0.
    """

    def __init__(self, exponent: float, floor: float):
        check_positive("exponent", exponent)
        check_positive("floor", floor)
        if exponent > 1:
            raise ParameterError(f"exponent lies between 0 and 1, but is {exponent}.")
        self.exponent, self.floor = float(exponent), float(floor)

    def forward(self, x):
        return ops.exp(self.exponent * ops.log(ops.maximum(_float32(x), 0.0) + self.floor))

    def inverse(self, y):
        lowest = self.floor**self.exponent
        y = _float32(y)
        raised = ops.exp(ops.log(ops.maximum(y, lowest)) / self.exponent) - self.floor
        empty = y <= lowest * (1 + 4e-7)  # as for Log10: within float32 rounding of it
        return ops.where(empty, 0.0, ops.maximum(raised, 0.0))

    def log_slope(self, x):
        logarithm = ops.log(ops.maximum(_float32(x), 0.0) + self.floor)
        return (self.exponent - 1.0) * logarithm + math.log(self.exponent)

    def get_config(self) -> dict:
        return {"name": "power", "exponent": self.exponent, "floor": self.floor}


class Asinh(Transform):
    """y = asinh(x / scale): linear well below `scale`, logarithmic well above it, for quantities of either sign.

    Args:
        scale: where the two regimes meet, in the unit of x (about the noise, or the faintest signal of interest).
    """

    def __init__(self, scale: float):
        check_positive("scale", scale)
        self.scale = float(scale)

    def forward(self, x):
        x = _float32(x) / self.scale
        size = ops.abs(x)
        far = size > 1e4  # x^2 would overflow float32 further out; the two forms agree to 3e-9 here
        near = ops.arcsinh(ops.where(far, 1.0, size))
        return ops.sign(x) * ops.where(far, ops.log(ops.where(far, size, 1.0)) + LN2, near)

    def inverse(self, y):
        return ops.sinh(_float32(y)) * self.scale

    def log_slope(self, x):
        x = _float32(x) / self.scale
        size = ops.abs(x)
        far = size > 1e4
        near = -0.5 * ops.log1p(ops.square(ops.where(far, 1.0, size)))
        return ops.where(far, -ops.log(ops.where(far, size, 1.0)), near) - math.log(self.scale)

    def get_config(self) -> dict:
        return {"name": "asinh", "scale": self.scale}


class Affine(Transform):
    """y = (x - shift) / scale.

    Args:
        shift, scale: usually mean and standard deviation of x over the training split; `scale` above zero.
    """

    def __init__(self, shift: float = 0.0, scale: float = 1.0):
        check_positive("scale", scale)
        if not math.isfinite(shift):
            raise ParameterError(f"shift must be finite, but is {shift}.")
        self.shift, self.scale = float(shift), float(scale)

    def forward(self, x):
        return (_float32(x) - self.shift) / self.scale

    def inverse(self, y):
        return _float32(y) * self.scale + self.shift

    def log_slope(self, x):
        return ops.zeros_like(_float32(x)) - math.log(self.scale)

    def get_config(self) -> dict:
        return {"name": "affine", "shift": self.shift, "scale": self.scale}


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
        total = ops.zeros_like(_float32(x))
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


def _float32(x):
    return ops.cast(ops.convert_to_tensor(x), "float32")
