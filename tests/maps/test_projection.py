"""The kernel: mass, linearity, symmetry, and agreement with a finely sampled reference."""

import numba
import numpy as np
import pytest

from skazoo.errors import ParameterError, SimulationError
from skazoo.maps import project

WEIGHT = 4e-6  # weights are float32: the error of one, as a share of its particle


def cloud(count=3000, seed=0, spread=12.0, sizes=(-1.5, 1.0)):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)) * spread, 10 ** rng.uniform(*sizes, count), rng.uniform(1, 2, (count, 2))


def test_mass_is_conserved_for_kernels_inside_the_frame():
    position, support, values = cloud(spread=8.0)
    images, inside = project(position, support, values, 64, 100.0)
    within = (np.abs(position[:, :2]) + support[:, None] < 50).all(axis=1)
    np.testing.assert_allclose(inside[within], 1.0, atol=1e-12)
    np.testing.assert_allclose(images.sum(axis=(1, 2)), inside @ values, rtol=1e-7)
    for size in (0.1, 0.7, 2.0, 5.0, 20.0):  # each way of drawing
        alone = project(np.zeros((1, 2)) + 0.2, [size], [[1.0]], 64, 100.0)[0].sum()
        assert alone == pytest.approx(1.0, abs=1e-6)


def test_edge_losses_are_the_geometric_ones():
    # a kernel centred on an edge loses half, on a corner three quarters, far away everything
    for size in (0.3, 1.5, 4.0, 14.0):
        position = np.array([[-50.0, 0.0, 0.0], [50.0, 50.0, 0.0], [50.0 + size, 0.0, 0.0]])
        _, inside = project(position, np.full(3, size), np.ones((3, 1)), 64, 100.0)
        np.testing.assert_allclose(inside, [0.5, 0.25, 0.0], atol=0.01)


def test_linearity_and_thread_independence():
    position, support, values = cloud()
    both, _ = project(position, support, values, 48, 100.0)
    one, _ = project(position[:1000], support[:1000], values[:1000], 48, 100.0)
    other, _ = project(position[1000:], support[1000:], 3.0 * values[1000:], 48, 100.0)
    np.testing.assert_allclose(one + other / 3.0, both, rtol=1e-9, atol=1e-12)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(project(position, support, values, 48, 100.0)[0], both)
    finally:
        numba.set_num_threads(threads)


def test_quarter_turn_is_rot90():
    position, support, values = cloud()
    image, _ = project(position, support, values, 64, 100.0)
    turned = position.copy()
    turned[:, 0], turned[:, 1] = -position[:, 1], position[:, 0]
    again, _ = project(turned, support, values, 64, 100.0)
    # rows run upwards, so a turn from x to y is clockwise in numpy's picture of the array
    np.testing.assert_allclose(again, np.rot90(image, -1, axes=(1, 2)), rtol=1e-6, atol=WEIGHT * values.max())


@pytest.mark.parametrize("size", [0.02, 0.3, 0.7, 1.2, 1.5, 1.9, 2.3, 3.4, 5.0, 12.0])
def test_against_a_finely_sampled_kernel(size):
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(12):
        position = rng.uniform(-1, 1, (1, 3))
        coarse, _ = project(position, [size], [[1.0]], 32, 32.0)
        fine, _ = project(position, [size], [[1.0]], 32 * 32, 32.0)
        reference = fine[0].reshape(32, 32, 32, 32).sum(axis=(1, 3))
        worst = max(worst, np.abs(coarse[0] - reference).sum())
    assert worst < 2e-3


def test_kernel_is_the_projected_cubic_spline():
    from scipy.integrate import quad

    from skazoo.maps.spline import CORRELATION, marginal_coefficients, projected_kernel

    def density(r):
        return 8 / np.pi * (1 - 6 * r**2 + 6 * r**3 if r < 0.5 else 2 * max(1 - r, 0) ** 3)

    q = np.linspace(0, 1, 21)
    column = [2 * quad(lambda z, b=b: density(np.hypot(b, z)), 0, 1, points=[0.5])[0] for b in q]
    np.testing.assert_allclose(projected_kernel(q**2), column, atol=1e-3 * column[0])
    fine = np.linspace(0, 1, 4001)
    assert np.trapezoid(np.pi * projected_kernel(fine), fine) == pytest.approx(1.0, abs=1e-6)
    assert projected_kernel(1.0) == 0.0 and (np.diff(projected_kernel(fine)) <= 0).all()
    # kernels of up to 4 pixels: the share left of x and below y, by marginal and correlation term
    middles, x = (np.arange(2000) + 0.5) / 1000 - 1, np.linspace(-1, 1, 101)
    corner = np.zeros((2001, 2001))
    corner[1:, 1:] = projected_kernel(middles[:, None] ** 2 + middles**2).cumsum(axis=0).cumsum(axis=1) / 1e6
    corner = corner[::20, ::20]
    share = 0.5 + x * np.polynomial.Polynomial(marginal_coefficients())(x**2)
    term = x * (1 - x**2) ** 4 * np.polynomial.Polynomial(CORRELATION)(x**2)
    np.testing.assert_allclose(share, corner[-1], atol=5e-5)
    np.testing.assert_allclose(np.outer(share, share) - np.outer(term, term), corner, atol=2e-4)
    assert (np.diff(share) >= 0).all() and share[-1] == pytest.approx(1.0, abs=1e-12)


def test_weights_are_never_negative():
    position, support, _ = cloud(20000, sizes=(-2, 1.2))
    images, inside = project(position, support, np.ones((20000, 1)), 64, 100.0)
    assert images.min() >= 0.0 and inside.min() >= 0.0 and inside.max() <= 1.0 + 1e-6


@pytest.mark.parametrize("scale", [0.003, 0.3, 1.0, 3.0, 10.0])
def test_translation_under_periodic_wrap(scale):
    rng = np.random.default_rng(4)
    position, support = rng.uniform(-16, 16, (500, 2)), rng.uniform(0.5, 2, 500) * scale
    values = rng.uniform(1, 2, (500, 1))
    image, inside = project(position, support, values, 32, 32.0, period=32.0)
    # steps of whole pixels move the map, steps of whole boxes change nothing
    moved, _ = project(position + [3.0, 64.0 - 5.0], support, values, 32, 32.0, period=32.0)
    np.testing.assert_allclose(moved, np.roll(image, (-5, 3), axis=(1, 2)), rtol=1e-6, atol=WEIGHT * values.max())
    np.testing.assert_allclose(inside, 1.0, atol=1e-6)
    assert image.sum() == pytest.approx(values.sum(), rel=1e-6)


def test_wrap_draws_every_image_of_a_small_box():
    image, inside = project(np.zeros((1, 2)), [0.3], [[1.0]], 40, 40.0, period=10.0)
    assert image.sum() == pytest.approx(16.0) and inside == pytest.approx(16.0)


def test_single_precision_input_agrees():
    position, support, values = cloud()
    double, _ = project(position, support, values, 64, 100.0)
    single, _ = project(position.astype("f4"), support.astype("f4"), values.astype("f4"), 64, 100.0)
    assert np.abs(single - double).sum() / double.sum() < 1e-5


def test_uniform_lattice_is_flat():
    axis = np.arange(-40, 40) + 0.5
    position = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for size in (0.4, 1.0, 2.5, 5.0, 20.0):
        # pixels of 1.25 lattice steps
        image, _ = project(position, np.full(len(position), size), np.ones((len(position), 1)), 64, 80.0)
        inner = image[0, 20:44, 20:44]
        if size >= 2.5:
            np.testing.assert_allclose(inner, 1.5625, rtol=0.01)
        assert inner.mean() == pytest.approx(1.5625, rel=0.03)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("position", np.nan), "1 of 100 positions are not finite .first at row 7"),
        (("position", np.inf), "positions are not finite"),
        (("support", np.nan), "1 of 100 support radii are not finite"),
        (("support", np.inf), "support radii are not finite"),
        (("support", -1.0), "1 of 100 support radii are negative"),
    ],
)
def test_unusable_particles_are_counted_and_refused(change, words):
    position, support, values = cloud(100)
    (position[:, 0] if change[0] == "position" else support)[7] = change[1]
    with pytest.raises(SimulationError, match=words):
        project(position, support, values, 16, 100.0)


def test_bad_frames_are_named():
    position, support, values = cloud(10)
    for arguments in ((0, 100.0), (2.5, 100.0), (16, 0.0), (16, np.nan), (16, 100.0, -1.0)):
        with pytest.raises(ParameterError, match="npix|extent|period"):
            project(position, support, values, *arguments)


def test_no_particle_is_a_zero_map():
    images, inside = project(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 2)), 8, 10.0)
    assert images.shape == (2, 8, 8) and not images.any() and inside.shape == (0,)
