"""Every accepted form of source maps becomes the same batch; everything else is refused by name."""

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import DatasetError, ParameterError
from skazoo.mappers.inputs import as_batch, check_batches
from skazoo.maps.map import Map

ONE, TWO = ("dark_matter",), ("dark_matter", "hi")
DATA = np.random.default_rng(0).lognormal(16.0, 1.0, (2, 8, 8, 2)).astype(np.float32)
SURFACE = u.Msun / u.kpc**2


def a_map(values, field="dark_matter", unit=SURFACE):
    return Map(values, unit, field, 1.5 * u.kpc)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x[0, ..., :1],
        lambda x: x[0, ..., 0],
        lambda x: x[:1, ..., :1],
        lambda x: x[:1, ..., 0],
        lambda x: x[0, ..., 0] * SURFACE,
        lambda x: (x[0, ..., 0].astype(float) * SURFACE).to(u.kg / u.m**2),
        lambda x: a_map(x[0, ..., 0]),
        lambda x: a_map((x[0, ..., 0].astype(float) * SURFACE).to_value(u.g / u.cm**2), unit=u.g / u.cm**2),
        lambda x: [a_map(x[0, ..., 0])],
        lambda x: {"dark_matter": x[0, ..., 0]},
        lambda x: {"dark_matter": a_map(x[0, ..., 0]), "stars": None},
        lambda x: {"dark_matter": x[:1, ..., 0]},
        lambda x: x[0, ..., 0].tolist(),
    ],
)
def test_forms_of_one_field(form):
    batch = as_batch(form(DATA), ONE, "source", stride=4)
    assert batch.shape == (1, 8, 8, 1) and batch.dtype == np.float32
    assert np.allclose(batch[0, ..., 0], DATA[0, ..., 0], rtol=1e-6)


def test_forms_of_two_fields():
    dictionary = {"hi": a_map(DATA[0, ..., 1], "hi"), "dark_matter": a_map(DATA[0, ..., 0])}
    assert np.array_equal(as_batch(dictionary, TWO, "source"), DATA[:1])  # order of the mapper, not of the dict
    assert np.array_equal(as_batch([dictionary, dictionary], TWO, "source"), DATA[[0, 0]])
    assert np.array_equal(as_batch(DATA[0], TWO, "source"), DATA[:1])
    assert np.array_equal(as_batch(DATA, TWO, "source"), DATA)


@pytest.mark.parametrize(
    ("maps", "fields", "message"),
    [
        (DATA, ONE, "2 channels"),
        (DATA[..., :1], TWO, "1 channels"),
        ({"hi": DATA[0, ..., 0]}, ONE, "lacks the field 'dark_matter'"),
        ({"dark_matter": DATA[0, ..., 0], "hi": DATA[0, :4, :4, 0]}, TWO, "differ in shape"),
        (a_map(DATA[0, ..., 0], "hi"), ONE, "holds 'hi'"),
        (a_map(DATA[0, ..., 0]), TWO, "pass a dict"),
        (a_map(DATA[0, ..., 0], unit=u.K), ONE, "unit K"),
        (DATA[:, :6, :, :1], ONE, "height .* 6 pixels"),
        (DATA[:, :, :7, :1], ONE, "multiple of 4"),
        (np.zeros(8), ONE, "shape"),
        (np.zeros((0, 8, 8, 1)), ONE, "shape"),
        ("maps.npy", ONE, "numbers"),
        ([a_map(DATA[0, ..., 0]), a_map(DATA[0, :4, :4, 0])], ONE, "differ in shape"),
    ],
)
def test_refusals(maps, fields, message):
    with pytest.raises(ParameterError, match=message):
        as_batch(maps, fields, "source", stride=4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_pixels_are_named(value):
    spoiled = DATA.copy()
    spoiled[1, 3, 3, 1] = value
    with pytest.raises(DatasetError, match="1 pixels of the source field 'hi'.*row 1"):
        as_batch(spoiled, TWO, "source")


def test_training_data_are_looked_at_before_fit():
    x, y = DATA[..., :1], DATA[..., 1:]
    check_batches(x, y, (ONE, ("hi",)), 4)
    for bad_x, bad_y, message in [
        (DATA, y, "source batches"),
        (x, DATA, "target batches"),
        (x, DATA[..., 0], "target batches"),
        (x[:, :6], y[:, :6], "multiple of 4"),
        (x[:, :4], y, "must agree"),
    ]:
        with pytest.raises(ParameterError, match=message):
            check_batches(bad_x, bad_y, (ONE, ("hi",)), 4)
