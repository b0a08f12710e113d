"""Order of convergence on the straight flow of a Gaussian, whose solution is known."""

import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.mappers.ode_solvers import adaptive, heun, midpoint, runge_kutta

SPREAD = 0.4


def width(t):
    return np.sqrt(t**2 * SPREAD**2 + (1 - t) ** 2)


def velocity(x, t):
    """E[x_1 - x_0 | x_t] for x_1 ~ N(0, SPREAD^2), x_0 ~ N(0, 1)."""
    t = np.reshape(t, (-1,) + (1,) * (np.ndim(x) - 1)) if np.ndim(t) else t
    return (t * SPREAD**2 - (1 - t)) / width(t) ** 2 * x


def curved(x, t):
    """The velocity on the path sin(t) x_1 + cos(t) x_0; on straight ones midpoint happens to be of order 3."""
    return -(1 - SPREAD**2) * np.sin(t) * np.cos(t) / (SPREAD**2 * np.sin(t) ** 2 + np.cos(t) ** 2) * x


@pytest.mark.parametrize(("solver", "order"), [(midpoint, 2), (heun, 2), (runge_kutta, 4)])
def test_order_of_convergence(solver, order):
    steps, end = np.array([128, 256, 512]), 1.2
    exact = np.hypot(SPREAD * np.sin(end), np.cos(end))
    errors = [abs(solver(curved, 1.0, np.linspace(0.0, end, n + 1)) - exact) for n in steps]
    assert -np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("solver", [midpoint, heun, runge_kutta])
def test_straight_path(solver):
    assert solver(velocity, 1.0, np.linspace(0.0, 1.0, 33)) == pytest.approx(SPREAD, rel=2e-3)


def test_adaptive_keeps_its_tolerance_and_needs_more_calls_for_less():
    x, before = np.random.default_rng(0).normal(size=(3, 8, 8, 1)), 0
    for tolerance in (1e-3, 1e-5, 1e-7):
        calls = []

        def counted(x, t, calls=calls):
            calls.append(t)
            return velocity(x, t)

        found = adaptive(counted, x, np.array([0.0, 1.0]), tolerance)
        assert np.abs(found - SPREAD * x).max() < 20 * tolerance
        assert len(calls) > before
        before = len(calls)
    backwards = adaptive(velocity, SPREAD * x, np.array([1.0, 0.0]), 1e-6)
    assert np.allclose(backwards, x, atol=1e-4)


def test_adaptive_steps_belong_to_the_image():
    x = np.stack([np.ones((4, 4)), 30 * np.ones((4, 4))])
    together = adaptive(velocity, x, [0.0, 1.0], 1e-2)
    assert np.array_equal(together[:1], adaptive(velocity, x[:1], [0.0, 1.0], 1e-2))


def test_adaptive_gives_up_with_a_reason():
    with pytest.raises(ParameterError, match="tolerance"):
        adaptive(velocity, np.ones((1, 2)), [0.0, 1.0], 1e-9, limit=5)
