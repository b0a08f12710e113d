"""Transforms: exact round trips over twelve decades, log-determinants against finite differences, plain JSON."""

import json

import numpy as np
import pytest
from keras import ops
from scipy.stats import kstest

from skazoo.datasets.transforms import (
    Affine,
    Asinh,
    Chain,
    ChannelTransform,
    Log10,
    Piecewise,
    Power,
    default_transform,
    fit_affine,
    fit_matching,
    fit_transform,
    transform_from_config,
)
from skazoo.errors import ParameterError
from skazoo.maps.fields import FIELDS

DECADES = np.geomspace(1.001, 1e12, 2001).astype(np.float32)  # above a floor or scale of 1


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("floor", [1.0, 1e-12, 1e4])
def test_log10_is_invertible_in_float32_over_twelve_decades(floor):
    transform = Chain([Log10(floor), Affine(3.7, 1.3)])
    x = (DECADES.astype(np.float64) * floor).astype(np.float32)
    back = numpy(transform.inverse(transform.forward(x)))
    assert np.max(np.abs(back - x) / x) < 1e-5


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", [1.0, 1e-5])
def test_asinh_is_invertible_in_float32_on_both_sides(sign, scale):
    transform = Chain([Asinh(scale), Affine(0.5, 1.5)])
    x = (sign * DECADES.astype(np.float64) * scale).astype(np.float32)
    back = numpy(transform.inverse(transform.forward(x)))
    assert np.max(np.abs(back - x) / np.abs(x)) < 1e-5
    assert np.allclose(numpy(Asinh(scale).forward(x)), np.arcsinh(x.astype(float) / scale), rtol=1e-6)


@pytest.mark.parametrize("exponent", [1.0, 0.25, 0.125])
@pytest.mark.parametrize("floor", [1.0, 1e-12, 1e4])
def test_power_is_invertible_in_float32_over_twelve_decades(exponent, floor):
    """float32's 1e-7 of the compressed value is 1e-7 / exponent of the value, and what lies above the floor counts."""
    transform = Power(exponent, floor)
    x = (DECADES.astype(np.float64) * floor).astype(np.float32)
    y = numpy(transform.forward(x))
    assert np.allclose(y, (x.astype(float) + floor) ** exponent, rtol=1e-5)
    assert np.max(np.abs(numpy(transform.inverse(y)) - x) / x) < 3e-5
    dark = numpy(transform.forward(np.array([0.0, -3.0 * floor], np.float32)))
    assert np.array_equal(numpy(transform.inverse(np.append(dark, dark[0] / 2))), np.zeros(3))


def test_power_refuses_what_it_is_not_for():
    for wrong in ({"exponent": 1.5, "floor": 1.0}, {"exponent": 0.0, "floor": 1.0}, {"exponent": 0.5, "floor": 0.0}):
        with pytest.raises(ParameterError):
            Power(**wrong)


@pytest.mark.parametrize("floor", [1e2, 1e-10, 7.3e5])
@pytest.mark.parametrize("affine", [Affine(), Affine(4.2, 1.5), Affine(-6.8, 0.03)])
def test_empty_sky_stays_exactly_empty(floor, affine):
    transform = Chain([Log10(floor), affine])
    empty = np.array([0.0, floor / 3, floor], np.float32)
    y = numpy(transform.forward(empty))
    assert np.all(y == y[0])
    assert np.array_equal(numpy(transform.inverse(y)), np.zeros(3))
    assert np.array_equal(numpy(transform.inverse(y - 1.0)), np.zeros(3))
    assert numpy(transform.inverse(transform.forward(np.float32(1.0001 * floor)))) > 0


@pytest.mark.parametrize(
    "transform",
    [
        Log10(1e-3),
        Power(0.125, 0.1),
        Asinh(0.4),
        Affine(2.0, 0.3),
        Piecewise([0.0, 40.0], [2.0, 5.0]),
        Chain([Log10(1e-3), Affine(0.1, 2.0)]),
        Chain([Asinh(2.0), Affine(-1.0, 0.5), Affine(0.2, 3.0)]),
    ],
)
def test_log_slope_is_the_derivative(transform):
    x = np.geomspace(0.01, 30.0, 50)
    step = 1e-2 * x
    rise = numpy(transform.forward(x + step)).astype(float) - numpy(transform.forward(x - step))
    assert np.allclose(numpy(transform.log_slope(x)), np.log(rise / (2 * step)), atol=3e-3)


def test_log_det_sums_over_pixels_and_channels_and_keeps_densities():
    transform = ChannelTransform([Chain([Log10(1e-3), Affine(0.3, 0.7)]), Asinh(2.0)])
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=(3, 4, 5, 2)).astype(np.float32)
    a, b = x[..., 0].astype(float), x[..., 1].astype(float)
    expected = -np.log(a * np.log(10) * 0.7).sum((1, 2)) - 0.5 * np.log(b**2 + 4.0).sum((1, 2))
    assert np.allclose(numpy(transform.log_det(x)), expected, rtol=1e-5)
    # a lognormal density integrates to 1 through the transform: p(x) = p(y) |dy/dx|
    one = Chain([Log10(1e-6), Affine(0.2, 0.4)])
    grid = np.geomspace(1e-3, 1e4, 4001)
    y = numpy(one.forward(grid)).astype(float)
    density = np.exp(-0.5 * y**2 + numpy(one.log_slope(grid))) / np.sqrt(2 * np.pi)
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_default_transform_of_every_field_survives_json_and_goes_round(field):
    transform = default_transform(field)
    again = transform_from_config(json.loads(json.dumps(transform.get_config())))
    assert again == transform
    shift, scale = FIELDS[field].typical
    typical = numpy(transform.inverse(np.array([-1.0, 0.0, 1.0], np.float32)))
    assert np.allclose(numpy(again.forward(typical)), [-1.0, 0.0, 1.0], atol=1e-4)
    assert numpy(transform.transforms[0].forward(typical[1])) == pytest.approx(shift, abs=1e-3 * max(scale, 1))


def test_fit_affine_standardises():
    values = np.random.default_rng(1).normal(5e3, 20.0, size=(100, 8, 8))
    y = numpy(fit_affine(values).forward(values))
    assert abs(y.mean()) < 1e-3 and y.std() == pytest.approx(1.0, abs=1e-3)
    maps = np.random.default_rng(2).lognormal(10.0, 1.0, size=(50, 8, 8))
    y = numpy(fit_transform("hi", maps).forward(maps))
    assert abs(y.mean()) < 1e-4 and y.std() == pytest.approx(1.0, abs=1e-4)


def test_float32_under_any_policy():
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        y = Chain([Log10(1e2), Affine(4.2, 1.5)]).forward(np.array([1e11]))
        assert keras.backend.standardize_dtype(y.dtype) == "float32"
        assert numpy(y)[0] == pytest.approx((11 - 4.2) / 1.5, rel=1e-6)
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    "config",
    [None, {}, {"name": "sqrt"}, {"name": "log10"}, {"name": "log10", "floor": -1.0}, {"name": "affine", "slope": 2}],
)
def test_what_is_no_transform_is_refused(config):
    with pytest.raises(ParameterError):
        transform_from_config(config)


def test_piecewise_goes_through_its_knots_and_on():
    x, y = [-1.0, 0.5, 2.0, 2.25], [0.0, 0.1, 3.0, 7.0]
    transform = Piecewise(x, y)
    assert np.allclose(numpy(transform.forward(np.array(x))), y, atol=1e-6)
    assert np.allclose(numpy(transform.inverse(np.array(y))), x, atol=1e-6)
    values = np.linspace(-3.0, 4.0, 141).reshape(3, 47)[..., None]
    found = numpy(transform.forward(values))
    inside = (values >= x[0]) & (values <= x[-1])
    assert found.shape == values.shape and np.allclose(found[inside], np.interp(values[inside], x, y), atol=1e-6)
    assert np.allclose(numpy(transform.forward(np.array([-2.5, 3.25]))), [-0.1, 23.0], atol=1e-5)
    assert np.allclose(numpy(transform.inverse(found)), values, atol=1e-5)
    slopes = numpy(transform.log_slope(np.array([-9.0, 0.0, 1.0, 2.1, 9.0])))
    assert np.allclose(slopes, np.log([1 / 15, 1 / 15, 2.9 / 1.5, 16.0, 16.0]), atol=1e-5)
    assert transform_from_config(transform.get_config()) == transform


def test_matching_makes_one_distribution_of_another():
    rng = np.random.default_rng(0)
    x, y = rng.normal(1.0, 2.0, (40, 500)), rng.gamma(2.0, size=30000)
    transform = fit_matching(x, y)
    found = numpy(transform.forward(x)).ravel()
    assert kstest(found, "gamma", (2.0,)).statistic < 0.01
    # of normal values it is a line, as close as their quantiles are known
    line = fit_matching(x, 3.0 * x + 1.0)
    assert np.allclose(numpy(line.forward(x)), 3.0 * x + 1.0, atol=1e-4)
    for wrong in ([], [1.0, np.nan]):
        with pytest.raises(ParameterError, match="distributions"):
            fit_matching(wrong, y)
    with pytest.raises(ParameterError, match="increase"):
        fit_matching(np.ones(50), y)


def test_errors_of_use():
    for make in (lambda: Affine(0.0, 0.0), lambda: Affine(np.nan, 1.0), lambda: Asinh(-1.0), lambda: Log10(0.0)):
        with pytest.raises(ParameterError):
            make()
    for x, y in (([0.0], [1.0]), ([0.0, 1.0], [0.0, 0.0]), ([0.0, 1.0, 2.0], [0.0, 1.0]), ([0.0, np.inf], [0.0, 1.0])):
        with pytest.raises(ParameterError, match="knots"):
            Piecewise(x, y)
    with pytest.raises(ParameterError, match="dark_matter"):
        default_transform("darkmatter")
    for values in ([], [np.nan, 1.0], [2.0, 2.0]):
        with pytest.raises(ParameterError):
            fit_affine(values)
    with pytest.raises(ParameterError, match="3 channels"):
        ChannelTransform([Affine()]).forward(np.zeros((1, 2, 2, 3), np.float32))
