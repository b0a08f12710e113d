"""Vectors of a fixed number of lanes within numba functions, which numba itself cannot name.

The compiler does not see that the weights of one particle never overlap the image they are added to, and so leaves
such short loops scalar. Here they are written in LLVM's own vector types; Python's operators keep the formulas
readable, and LLVM cuts the vectors to what the processor has.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .spline import CORRELATION, marginal_coefficients

__all__ = ["LANES", "add_corners", "square_functions", "weigh_corners"]

_F32, _F64, _I32, _I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(32), ir.IntType(64)
# float32 shares within 2e-7 of 0 and 1 become just that, lest rounding give a particle to pixels it does not touch
SATURATION = 1.0 + 4e-7
LANES = 8  # particles that `weigh_corners` and `add_corners` take at once
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

    def __rtruediv__(self, other):
        return self._call("fdiv", self._of(other), self.value)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return self._call("fsub", self._of(other), self.value)

    def at_least(self, other):
        return self._chosen(">", self._of(other))

    def at_most(self, other):
        return self._chosen("<", self._of(other))

    def _chosen(self, comparison, other):
        own = self.builder.fcmp_ordered(comparison, self.value, other)
        return _Vector(self.builder, self.builder.select(own, self.value, other))

    def below(self, high):
        return self.builder.fcmp_ordered("<", self.value, self._of(high))

    def within(self, low, high):
        """Lanes from low to high (None: without end), both included; NaN is not."""
        inside = self.builder.fcmp_ordered(">=", self.value, self._of(low))
        if high is None:
            return inside
        return self.builder.and_(inside, self.builder.fcmp_ordered("<=", self.value, self._of(high)))

    def floor(self):
        kind = self.value.type
        function = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(kind, [kind]), f"llvm.floor.v{kind.count}f64"
        )
        return _Vector(self.builder, self.builder.call(function, [self.value]))

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


def _row(builder, group, row=0, rows=1):
    """Index of row `row` of the `rows` of `LANES` numbers of a group."""
    return builder.mul(builder.add(builder.mul(group, _I64(rows)), _I64(row)), _I64(LANES))


@intrinsic
def weigh_corners(typing, position, support, begin, scale, half, width, pitch, origin, weights, first, group):
    """Weigh `LANES` particles as if each crossed at most one pixel edge each way (h <= 1/2), within the frame.

    position, support: (N, 2 or 3) and (N,) float64, contiguous.
    begin: number of the first of the particles.
    scale, half, width: pixels a length, pixels of half the frame and of all of it, float64.
    pitch, origin: float64, pixels a row of the image, and number of the lower left pixel of the frame.
    weights, first: of which row `group` is set to the shares of 2 x 2 pixels (4, LANES) float32, which sum to 1, and
    the numbers (LANES,) int64 of the first of them; to 0, which nobody reads, where a particle is not as described.

    Returns bit k set where particle begin + k is.
    """

    def generate(context, builder, signature, arguments):
        position, support, begin, scale, half, width, pitch, origin, weights, first, group = arguments
        kinds = signature.args
        wide = ir.VectorType(_F64, LANES)
        every = (_Vector(builder, value).spread(LANES) for value in (scale, half, width, pitch, origin))
        scale, half, width, pitch, origin = every
        columns = builder.extract_value(context.make_array(kinds[0])(context, builder, position).shape, 1)
        axes = []
        for axis in range(2):
            place = ir.Constant(wide, ir.Undefined)
            for lane in range(LANES):
                index = builder.add(builder.mul(builder.add(begin, _I64(lane)), columns), _I64(axis))
                one = builder.load(_pointer(context, builder, kinds[0], position, index, _F64))
                place = builder.insert_element(place, one, _I32(lane))
            axes.append(_Vector(builder, place) * scale + half)
        x, y = axes
        radius = (
            _Vector(builder, builder.load(_pointer(context, builder, kinds[1], support, begin, wide), align=8)) * scale
        )
        h = radius.at_least(1e-6)  # a point is a tiny disc
        right, top = (x + h).floor(), (y + h).floor()
        fits = radius.within(0.0, 0.5)
        for centre in (x, y):
            fits = builder.and_(fits, (centre - h).within(0.0, None))
            fits = builder.and_(fits, (centre + h).below(width))
        inverse = 1.0 / h
        u = ((right - x) * inverse).rounded().lanes(range(2 * LANES), ((top - y) * inverse).rounded()).at_least(-1.0)
        square = u * u
        share = (u * _polynomial(square, SATURATION * marginal_coefficients()) + 0.5).at_least(0.0).at_most(1.0)
        end = (1.0 - square) * (1.0 - square)
        term = u * end * end * _polynomial(square, CORRELATION)
        lower, upper = range(LANES), range(LANES, 2 * LANES)
        left, below = share.lanes(lower), share.lanes(upper)
        both = left * below - term.lanes(lower) * term.lanes(upper)
        # without what the approximation leaves below zero
        shares = [part.at_least(0.0) for part in (both, below - both, left - both, 1.0 - below - left + both)]
        norm = 1.0 / (shares[0] + shares[1] + shares[2] + shares[3])
        for row, part in enumerate(shares):
            place = _pointer(
                context, builder, kinds[8], weights, _row(builder, group, row, 4), ir.VectorType(_F32, LANES)
            )
            builder.store((part * norm).value, place, align=4)
        number = builder.fptosi((top * pitch + right + origin).value, ir.VectorType(_I64, LANES))
        number = builder.select(fits, number, ir.Constant(ir.VectorType(_I64, LANES), [0] * LANES))
        builder.store(number, _pointer(context, builder, kinds[9], first, _row(builder, group), number.type), align=8)
        return builder.zext(builder.bitcast(fits, ir.IntType(LANES)), _I64)

    signature = types.int64(position, support, begin, scale, half, width, pitch, origin, weights, first, group)
    return signature, generate


@intrinsic
def add_corners(typing, image, pitch, first, weights, group, values, begin, fields):
    """Add the 2 x 2 pixels of `LANES` particles, from `weigh_corners`, to a flat float64 image.

    image, pitch: the image and its pixels a row.
    values: flat float64; that of the first particle is number `begin`, that of the next one `fields` further on.
    """

    def generate(context, builder, signature, arguments):
        image, pitch, first, weights, group, values, begin, fields = arguments
        kinds = signature.args
        single, pair = ir.VectorType(_F32, LANES), ir.VectorType(_F64, 2)
        value = ir.Constant(ir.VectorType(_F64, LANES), ir.Undefined)
        for lane in range(LANES):
            index = builder.add(begin, builder.mul(fields, _I64(lane)))
            one = builder.load(_pointer(context, builder, kinds[5], values, index, _F64))
            value = builder.insert_element(value, one, _I32(lane))
        shares = []
        for row in range(4):
            weight = builder.load(
                _pointer(context, builder, kinds[3], weights, _row(builder, group, row, 4), single), align=4
            )
            shares.append(_Vector(builder, weight).doubled() * _Vector(builder, value))
        for lane in range(LANES):
            start = builder.load(
                _pointer(context, builder, kinds[2], first, builder.add(_row(builder, group), _I64(lane)), _I64)
            )
            for row in range(2):
                place = _pointer(
                    context, builder, kinds[0], image, builder.add(start, builder.mul(pitch, _I64(row))), pair
                )
                both = shares[2 * row].lanes([lane, LANES + lane], shares[2 * row + 1])
                old = _Vector(builder, builder.load(place, align=8))
                builder.store((old + both).value, place, align=8)
        return context.get_dummy_value()

    return types.void(image, pitch, first, weights, group, values, begin, fields), generate


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
