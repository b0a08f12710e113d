"""The smoothing kernel on the sky: the M4 cubic spline, projected along the line of sight.

The projection of the spline (Monaghan & Lattanzio 1985; compact support of radius 1) has no short closed form.
Written in t = 1 - q^2, a polynomial follows it to 8e-4 of its peak, stays positive, ends smoothly at the edge and
is cheap to evaluate for a whole row of pixels at once. That polynomial *is* skazoo's kernel: everything below (its
integral over rectangles, its marginal) is derived from it, so that all sizes of particle share one shape.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

__all__ = ["CORRELATION", "SPLINE", "marginal_coefficients", "projected_kernel"]

# F(t) = t^3 (a0 + a1 t + a2 t^2 + a3 t^3), fitted to the projected spline with unit integral over the disc
SPLINE = (0.05327985, 1.67260722, -2.33927421, 2.52243259)
# density of the marginal along one axis: (1 - x^2)^4 (c0 + c1 x^2 + c2 x^4 + c3 x^6), to 8e-6 in its integral
_MARGINAL = (1.40008629, -2.36954701, 2.49622003, -0.93985782)
# share below and left of (u, v), less the product of the marginals, to 8e-5: -g(u) g(v),
# g = u (1 - u^2)^4 (g0 + g1 u^2 + g2 u^4 + g3 u^6)
CORRELATION = (0.22574117, -0.37526651, 0.54550191, -0.43318405)


def projected_kernel(square: np.ndarray) -> np.ndarray:
    """Column through the kernel at squared distance q^2 (support radius 1, integral over the plane 1), any shape."""
    t = np.clip(1.0 - np.asarray(square, np.float64), 0.0, None)
    a0, a1, a2, a3 = SPLINE
    return t**3 * (a0 + t * (a1 + t * (a2 + t * a3))) / _INTEGRAL


_INTEGRAL = math.pi * sum(a / (4 + k) for k, a in enumerate(SPLINE))  # 1 but for the digits of the constants


@lru_cache(maxsize=1)
def marginal_coefficients() -> np.ndarray:
    """b of the kernel's share left of x, 1/2 + x (b0 + b1 x^2 + ... + b7 x^14) for |x| <= 1; monotone, (8,)."""
    polynomial = np.polynomial.Polynomial
    even = np.zeros(7)
    even[::2] = _MARGINAL
    share = (polynomial([1.0, 0.0, -1.0]) ** 4 * polynomial(even)).integ()
    return share.coef[1::2] * 0.5 / share(1.0)
