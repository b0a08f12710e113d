"""Pixel-wise maps between physical units and numbers of order one, with their slopes: logarithm, power, asinh, lines.

They are written in `keras.ops` and always compute in float32, whatever the dtype policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive

__all__ = ["Affine", "Asinh", "Log10", "Piecewise", "Power", "Transform"]

LN10 = math.log(10.0)
LN2 = math.log(2.0)


class Transform:
    """An increasing, pixel-wise map y = f(x) with its inverse and the logarithm of its derivative."""

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


class Piecewise(Transform):
    """y = f(x): straight lines from knot to knot, the first and the last one going on beyond the ends.

    Between the quantiles of two sets of values it brings the one's distribution to the other's; see `fit_matching`.

    Args:
        x, y: of the knots, two at least, both strictly increasing.
    """

    def __init__(self, x: Sequence[float], y: Sequence[float]):
        knots = [np.asarray(values, np.float64) for values in (x, y)]
        if any(each.ndim != 1 or len(each) < 2 for each in knots) or len(knots[0]) != len(knots[1]):
            raise ParameterError("the knots need as many x as y, two at least.")
        for name, each in zip("xy", knots, strict=True):
            if not np.all(np.isfinite(each)) or np.any(np.diff(each.astype(np.float32)) <= 0):
                raise ParameterError(f"the knots' {name} must be finite and increase, but are {each.tolist()}.")
        self.x, self.y = knots

    def forward(self, x):
        return _along(x, self.x, self.y)

    def inverse(self, y):
        return _along(y, self.y, self.x)

    def log_slope(self, x):
        return ops.log(_slope(_line(_float32(x), self.x), self.x, self.y))

    def get_config(self) -> dict:
        return {"name": "piecewise", "x": self.x.tolist(), "y": self.y.tolist()}


def _along(values, x, y):
    """The lines through the knots (x, y) at `values`."""
    values = _float32(values)
    line = _line(values, x)
    start = [ops.take(ops.convert_to_tensor(each.astype(np.float32)), line) for each in (x, y)]
    return start[1] + _slope(line, x, y) * (values - start[0])


def _line(values, x):
    """Which line `values` lie on: 0 to len(x) - 2."""
    inner = ops.convert_to_tensor(x[1:-1].astype(np.float32))
    return ops.reshape(ops.searchsorted(inner, ops.reshape(values, (-1,))), ops.shape(values))


def _slope(line, x, y):
    return ops.take(ops.convert_to_tensor((np.diff(y) / np.diff(x)).astype(np.float32)), line)


def _float32(x):
    return ops.cast(ops.convert_to_tensor(x), "float32")
