"""The kernel: mass, linearity, symmetry, and agreement with a finely sampled reference."""

import numba
import numpy as np
import pytest

from skazoo.maps import project


def cloud(count=3000, seed=0, spread=12.0, sizes=(-1.5, 1.0)):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)) * spread, 10 ** rng.uniform(*sizes, count), rng.uniform(1, 2, (count, 2))


def test_mass_is_conserved_for_kernels_inside_the_frame():
    position, support, values = cloud(spread=8.0)
    images, inside = project(position, support, values, 64, 100.0)
    within = (np.abs(position[:, :2]) + support[:, None] < 50).all(axis=1)
    np.testing.assert_allclose(inside[within], 1.0, atol=1e-12)
    np.testing.assert_allclose(images.sum(axis=(1, 2)), inside @ values, rtol=1e-12)


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
    np.testing.assert_allclose(again, np.rot90(image, -1, axes=(1, 2)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [0.02, 0.3, 0.7, 1.5, 1.9, 2.3, 5.0, 12.0])
def test_against_a_finely_sampled_kernel(size):
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(12):
        position = rng.uniform(-1, 1, (1, 3))
        coarse, _ = project(position, [size], [[1.0]], 32, 32.0)
        fine, _ = project(position, [size], [[1.0]], 32 * 32, 32.0)
        reference = fine[0].reshape(32, 32, 32, 32).sum(axis=(1, 3))
        worst = max(worst, np.abs(coarse[0] - reference).sum())
    # kernels are tiled by squares up to 3 pixels and sampled at pixel centres beyond
    assert worst < 0.06


def test_kernel_integrates_to_one_and_has_compact_support():
    from skazoo.maps.projection import _kernel_table

    table = _kernel_table()
    square = np.linspace(0, 1, len(table))
    assert np.trapezoid(np.pi * table, square) == pytest.approx(1.0, abs=1e-5)
    assert table[-1] == 0.0 and (np.diff(table) <= 1e-12).all()
