"""Every layer of the flows against its own Jacobian, at random weights."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.mappers.backend import compiled, gradient
from skazoo.networks import ActNorm, AutoregressiveFlow, Coupling, InvertibleConv, MultiScaleFlow, grid_positions

SMALL = {"width": 8, "bins": 4}


def autoregressive(**arguments):
    return lambda dtype: AutoregressiveFlow(width=8, layers=2, heads=1, seed=3, dtype=dtype, **arguments)


# name: (make, shape of x without the batch, shapes of the conditions)
LAYERS = {
    "actnorm": (lambda dtype: ActNorm(2, dtype=dtype), (4, 4, 2), []),
    "conv": (lambda dtype: InvertibleConv(3, seed=1, dtype=dtype), (2, 2, 3), []),
    "affine": (lambda dtype: Coupling(3, 1, 2, **SMALL, dtype=dtype), (4, 4, 3), [(4, 4, 2)]),
    "spline": (lambda dtype: Coupling(2, 1, 2, "spline", **SMALL, dtype=dtype), (4, 4, 2), [(4, 4, 2)]),
    "prior": (lambda dtype: Coupling(2, 0, 3, **SMALL, dtype=dtype), (4, 4, 2), [(4, 4, 3)]),
    "scales": (
        lambda dtype: MultiScaleFlow(1, 3, levels=2, steps=2, seed=1, dtype=dtype, **SMALL),
        (4, 4, 1),
        [(2, 2, 3), (1, 1, 3)],
    ),
    "spline scales": (
        lambda dtype: MultiScaleFlow(
            2, 3, levels=2, steps=1, transform="spline", padding="circular", dtype=dtype, **SMALL
        ),
        (4, 4, 2),
        [(2, 2, 3), (1, 1, 3)],
    ),
    "forward": (autoregressive(dim=4, features=3), (4, 4), [(4, 3)]),
    "backward": (autoregressive(dim=1, features=3, backward=True, transform="spline", bins=4), (6, 1), [(6, 3)]),
}


@contextlib.contextmanager
def precision(dtype):
    """JAX has float64 on demand only."""
    if keras.backend.backend() == "jax" and dtype == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
        try:
            yield
        finally:
            jax.config.update("jax_enable_x64", False)
    else:
        yield


def disturbed(layer, amount=0.1, seed=0):
    """Random values for every weight, so that nothing is at its silent start."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        change = amount * rng.normal(size=variable.shape)
        value = np.exp(change) if variable.name == "deviation" else ops.convert_to_numpy(variable) + change
        if variable.name != "seed_generator_state":
            variable.assign(value.astype(variable.dtype))
    return layer


def made(name, dtype, batch, seed=0):
    make, shape, conditions = LAYERS[name]
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, *shape)).astype(dtype)
    conditions = [ops.convert_to_tensor(rng.normal(size=(batch, *each)).astype(dtype)) for each in conditions]
    if name in ("forward", "backward"):
        conditions.append(grid_positions(2, shape[0] // 2))
    # many layers at wild weights would blow up rounding errors, as they would blow up maps
    return (
        disturbed(make(dtype), 0.2 if name in ("actnorm", "conv", "affine", "prior", "forward") else 0.1),
        x,
        conditions,
    )


def run(function, layer, x, conditions=()):
    """As one graph: JAX would compile every operation otherwise."""
    return compiled(lambda x: function(x, *conditions), layer)(x)


def test_a_stray_sample_is_not_thrown_further():
    """What is far outside decides as what is at the edge: shifts and scales of a coupling are bounded."""
    layer, features = disturbed(Coupling(2, 1, 2, width=8)), ops.ones((1, 4, 4, 2))
    far, further = (
        ops.convert_to_numpy(
            layer.inverse(ops.concatenate([size * ops.ones((1, 4, 4, 1)), ops.ones((1, 4, 4, 1))], -1), features)
        )
        for size in (1e3, 1e6)
    )
    assert np.allclose(far[..., 1], further[..., 1], rtol=1e-4)
    assert far[0, 0, 0, 0] == 1e3 and further[0, 0, 0, 0] == 1e6


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
def test_inverse_of_forward_is_the_input(name, dtype, tolerance):
    with precision(dtype):
        layer, x, conditions = made(name, dtype, 3)
        y, log_det = run(layer.forward, layer, x, conditions)
        back = ops.convert_to_numpy(run(layer.inverse, layer, y, conditions))
        y = ops.convert_to_numpy(y)
        assert y.dtype == back.dtype == ops.convert_to_numpy(log_det).dtype == dtype
        assert np.abs(y - x).max() > 0.1 and log_det.shape == (3,)
        assert np.abs(back - x).max() < tolerance


@pytest.mark.parametrize("name", LAYERS)
def test_log_determinant_is_that_of_the_jacobian(name):
    with precision("float64"):
        layer, x, conditions = made(name, "float64", 1)
        size = x.size
        # row i of a batch of equal inputs gives row i of the Jacobian
        unit = ops.convert_to_tensor(np.eye(size).reshape(size, *x.shape[1:]))
        many = [each if isinstance(each, np.ndarray) else ops.repeat(each, size, axis=0) for each in conditions]

        def rows(x):
            y, log_det = layer.forward(x, *many)
            return y * unit, log_det

        jacobian, log_det = run(lambda x: gradient(rows, x), layer, np.repeat(x, size, axis=0))
        sign, expected = np.linalg.slogdet(ops.convert_to_numpy(jacobian).reshape(size, size))
        assert sign != 0 and abs(expected) > 0.1
        assert np.allclose(ops.convert_to_numpy(log_det), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["scales", "autoregressive"])
def test_density_integrates_to_one(kind):
    edge = np.linspace(-9, 9, 241)
    points = np.stack(np.meshgrid(edge, edge, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    feature = np.tile(np.array([[0.7, -0.3]], np.float32), (len(points), 1))
    if kind == "scales":
        flow = MultiScaleFlow(2, 2, levels=1, steps=2, pack=1, transform="spline", **SMALL)
        x, conditions = points[:, None, None], [ops.convert_to_tensor(feature[:, None, None])]
    else:
        flow = AutoregressiveFlow(1, 2, width=8, layers=1, heads=1, backward=True)
        x, conditions = points[:, :, None], [ops.convert_to_tensor(feature[:, None].repeat(2, 1)), grid_positions(1, 2)]
    z, log_det = run(disturbed(flow, seed=2).forward, flow, x, conditions)
    z = ops.convert_to_numpy(z).reshape(-1, 2).astype(float)
    log_p = -0.5 * (z**2).sum(1) - np.log(2 * np.pi) + ops.convert_to_numpy(log_det)
    assert np.exp(log_p).sum() * (edge[1] - edge[0]) ** 2 == pytest.approx(1.0, abs=1e-3)


def test_actnorm_measures_its_first_batch_and_keeps_it():
    layer, rng = ActNorm(3), np.random.default_rng(0)
    first, second = (ops.convert_to_tensor(rng.normal(m, s, (8, 4, 4, 3)).astype("f")) for m, s in [(5, 3), (0, 1)])
    assert np.allclose(layer.forward(first)[0], first)  # before any training
    y, log_det = layer.forward(first, training=True)
    y = ops.convert_to_numpy(y)
    assert np.allclose(y.mean((0, 1, 2)), 0, atol=1e-5) and np.allclose(y.std((0, 1, 2)), 1, atol=1e-5)
    spread = ops.convert_to_numpy(first).std((0, 1, 2))
    assert np.allclose(log_det, -16 * np.log(spread).sum(), rtol=1e-5)
    for training in (True, False):
        layer.forward(second, training=training)
        assert np.allclose(layer.forward(first, training=training)[0], y, atol=1e-6)


@pytest.mark.parametrize("name", ["affine", "spline", "prior", "forward"])
def test_starts_near_the_identity(name):
    make, shape, conditions = LAYERS[name]
    rng = np.random.default_rng(0)
    x, *conditions = (rng.normal(size=(2, *each)).astype("f") for each in [shape, *conditions])
    positions = [grid_positions(2, 2)] if name == "forward" else []
    layer = make("float32")
    y, log_det = run(layer.forward, layer, x, [*map(ops.convert_to_tensor, conditions), *positions])
    near = 0.15 if name == "forward" else 1e-5
    assert np.abs(ops.convert_to_numpy(y) - x).max() < near and np.abs(log_det).max() < 5 * near


def test_only_the_networks_are_half_precision():
    flow = disturbed(MultiScaleFlow(1, 2, levels=1, steps=2, dtype="mixed_bfloat16", **SMALL))
    exact = disturbed(MultiScaleFlow(1, 2, levels=1, steps=2, **SMALL))
    assert {variable.dtype for variable in flow.variables} == {"float32"}
    x, features = (
        np.random.default_rng(i).normal(size=s).astype("f") for i, s in enumerate([(4, 4, 4, 1), (4, 2, 2, 2)])
    )
    features = [ops.array(features)]
    (y, log_det), (y_exact, log_det_exact) = (run(f.forward, f, x, features) for f in (flow, exact))
    assert y.dtype == log_det.dtype == y_exact.dtype
    assert 1e-5 < np.abs(ops.convert_to_numpy(y - y_exact)).max() < 0.1
    assert np.abs(ops.convert_to_numpy(log_det - log_det_exact)).max() < 0.2
    # the same half-precision numbers both ways: the inverse loses nothing
    assert np.allclose(run(flow.inverse, flow, y, features), x, atol=1e-4)
