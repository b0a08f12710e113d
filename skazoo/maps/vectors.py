"""Vectors of a fixed number of lanes within numba functions, which numba itself cannot name.

The compiler does not see that the weights of one particle never overlap the image they are added to, and so leaves
such short loops scalar. Here they are written in LLVM's own vector types; Python's operators keep the formulas
readable, and LLVM cuts the vectors to what the processor has.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .spline import CORRELATION, marginal_coefficients

__all__ = ["CORNERS", "SATURATION", "add_corners", "square_functions"]

_F32, _F64, _I32, _I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(32), ir.IntType(64)
# float32 shares within 2e-7 of 0 and 1 become just that, lest rounding give a particle to pixels it does not touch
SATURATION = 1.0 + 4e-7
CORNERS = 8  # particles that `add_corners` adds at once
_FLAGS = ("reassoc", "contract", "nsz")


class _Vector:
    """A value of LLVM with operators; numbers beside it become constants of its type."""

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    def _of(self, other):
        if isinstance(other, _Vector):
            return other.value
        kind = self.value.type
        return ir.Constant(kind, [other] * kind.count if isinstance(kind, ir.VectorType) else other)

    def _call(self, name, *operands):
        return _Vector(self.builder, getattr(self.builder, name)(*operands, flags=_FLAGS))

    def __add__(self, other):
        return self._call("fadd", self.value, self._of(other))

    def __sub__(self, other):
        return self._call("fsub", self.value, self._of(other))

    def __mul__(self, other):
        return self._call("fmul", self.value, self._of(other))

    def __truediv__(self, other):
        return self._call("fdiv", self.value, self._of(other))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return self._call("fsub", self._of(other), self.value)

    def at_least(self, other):
        low = self._of(other)
        return _Vector(
            self.builder, self.builder.select(self.builder.fcmp_ordered(">", self.value, low), self.value, low)
        )

    def at_most(self, other):
        high = self._of(other)
        return _Vector(
            self.builder, self.builder.select(self.builder.fcmp_ordered("<", self.value, high), self.value, high)
        )

    def lanes(self, order, other=None):
        """A vector of these lanes; those from the own number of lanes on are the lanes of `other`."""
        second = ir.Constant(self.value.type, ir.Undefined) if other is None else other.value
        mask = ir.Constant(ir.VectorType(_I32, len(order)), list(order))
        return _Vector(self.builder, self.builder.shuffle_vector(self.value, second, mask))

    def spread(self, lanes):
        """A scalar in every lane."""
        empty = ir.Constant(ir.VectorType(self.value.type, lanes), ir.Undefined)
        one = _Vector(self.builder, self.builder.insert_element(empty, self.value, _I32(0)))
        return one.lanes([0] * lanes)

    def rounded(self):
        return _Vector(self.builder, self.builder.fptrunc(self.value, ir.VectorType(_F32, self.value.type.count)))

    def doubled(self):
        return _Vector(self.builder, self.builder.fpext(self.value, ir.VectorType(_F64, self.value.type.count)))

    def total(self):
        """The sum of the lanes, a power of two of them."""
        part, count = self, self.value.type.count
        while count > 1:
            count //= 2
            part = part.lanes(range(count)) + part.lanes(range(count, 2 * count))
        return self.builder.extract_element(part.value, _I32(0))


def _polynomial(square, coefficients):
    value = square * float(coefficients[-1]) + float(coefficients[-2])
    for coefficient in coefficients[-3::-1]:
        value = value * square + float(coefficient)
    return value


def _shares(first, second, step, side):
    """Share and correlation term of each of `side` strips along two axes, one in the lower half of the lanes.

    The strips of an axis end at first + lane * step (second + lane * step), in support radii from the centre.
    """
    builder = first.builder
    lanes = ir.Constant(ir.VectorType(_F64, side), [float(k) for k in range(side)])
    offset = _Vector(builder, lanes) * step.spread(side)
    # as float64 until here: a support radius may be many times smaller than the distance of the first strip
    x, y = ((end.spread(side) + offset).rounded() for end in (first, second))
    u = x.lanes(range(2 * side), y).at_least(-1.0).at_most(1.0)
    square = u * u
    below = (u * _polynomial(square, SATURATION * marginal_coefficients()) + 0.5).at_least(0.0).at_most(1.0)
    end = (1.0 - square) * (1.0 - square)
    term = u * end * end * _polynomial(square, CORRELATION)
    zero = _Vector(builder, ir.Constant(u.value.type, [0.0] * (2 * side)))
    # lane k takes lane k - 1, the first of each axis 0
    before = [2 * side if k % side == 0 else k - 1 for k in range(2 * side)]
    return below - below.lanes(before, zero), term - term.lanes(before, zero)


def _pointer(context, builder, array_type, array, index, kind):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


@intrinsic
def add_corners(typing, image, pitch, first, begin, weights, values, field, fields):
    """Add 2 x 2 pixels of each of eight particles to a flat float64 image.

    image, pitch: the image and its pixels a row.
    first: (n,) int64, number of the first of the four pixels.
    begin: number of the first of the eight particles.
    weights: (4, n) float32, two rows of two pixels; rows of `BLOCK`... see tiles.
    values: (n * fields,) float64, of which number `field` of each particle is used.
    """

    def generate(context, builder, signature, arguments):
        image, pitch, first, begin, weights, values, field, fields = arguments
        kinds = signature.args
        stride = context.make_array(kinds[4])(context, builder, weights).strides
        row_bytes = builder.extract_value(stride, 0)
        row_floats = builder.sdiv(row_bytes, _I64(4))
        single, pair = ir.VectorType(_F32, CORNERS), ir.VectorType(_F64, 2)
        value = ir.Constant(ir.VectorType(_F64, CORNERS), ir.Undefined)
        starts = []
        for lane in range(CORNERS):
            k = builder.add(begin, _I64(lane))
            index = builder.add(builder.mul(k, fields), field)
            one = builder.load(_pointer(context, builder, kinds[5], values, index, _F64))
            value = builder.insert_element(value, one, _I32(lane))
            starts.append(builder.load(_pointer(context, builder, kinds[2], first, k, _I64)))
        shares = []
        for row in range(4):
            index = builder.add(begin, builder.mul(row_floats, _I64(row)))
            weight = builder.load(_pointer(context, builder, kinds[4], weights, index, single), align=4)
            shares.append(_Vector(builder, weight).doubled() * _Vector(builder, value))
        for lane in range(CORNERS):
            for row in range(2):
                index = builder.add(starts[lane], builder.mul(pitch, _I64(row)))
                place = _pointer(context, builder, kinds[0], image, index, pair)
                both = shares[2 * row].lanes([lane, CORNERS + lane], shares[2 * row + 1])
                old = _Vector(builder, builder.load(place, align=8))
                builder.store((old + both).value, place, align=8)
        return context.get_dummy_value()

    return types.void(image, pitch, first, begin, weights, values, field, fields), generate


def square_functions(side):
    """Two functions for kernels that touch at most side x side pixels, side a power of two.

    weigh(x, y, right, top, inverse, patch): shares of the pixels whose last column and row are `right` and `top`, all
    that lie left of or below those included, into patch (side^2,) float32; returns their sum. x, y: centre, pixels;
    inverse: one over the support radius.

    add(image, first, pitch, patch, value): adds value * patch to a flat float64 image of `pitch` pixels a row, from
    pixel number `first` on.
    """
    single, double = ir.VectorType(_F32, side), ir.VectorType(_F64, side)

    @intrinsic
    def weigh(typing, x, y, right, top, inverse, patch):
        def generate(context, builder, signature, arguments):
            x, y, right, top, inverse = (_Vector(builder, value) for value in arguments[:5])
            ends = [(line - (side - 2.0) - centre) * inverse for line, centre in ((right, x), (top, y))]
            share, term = _shares(*ends, inverse, side)
            across, bend = share.lanes(range(side)), term.lanes(range(side))
            total = None
            for row in range(side, 2 * side):
                # the approximation may leave a far pixel with -1e-5: cut that off, and `add` shares the rest alike
                weight = (share.lanes([row] * side) * across - term.lanes([row] * side) * bend).at_least(0.0)
                place = _pointer(context, builder, signature.args[5], arguments[5], _I64((row - side) * side), single)
                builder.store(weight.value, place, align=4)
                total = weight if total is None else total + weight
            return builder.fpext(total.total(), _F64)

        return types.float64(x, y, right, top, inverse, patch), generate

    @intrinsic
    def add(typing, image, first, pitch, patch, value):
        def generate(context, builder, signature, arguments):
            image, first, pitch, patch, value = arguments
            value = _Vector(builder, value).spread(side)
            for row in range(side):
                index = builder.add(first, builder.mul(pitch, _I64(row)))
                place = _pointer(context, builder, signature.args[0], image, index, double)
                source = _pointer(context, builder, signature.args[3], patch, _I64(row * side), single)
                weight = _Vector(builder, builder.load(source, align=4)).doubled()
                old = _Vector(builder, builder.load(place, align=8))
                builder.store((old + weight * value).value, place, align=8)
            return context.get_dummy_value()

        return types.void(image, first, pitch, patch, value), generate

    return weigh, add
