import numpy as np
import pytest

from skazoo.datasets.generate import Galaxy, View, examples
from skazoo.errors import DatasetError, ParameterError
from skazoo.metrics import Oracle
from skazoo.metrics.oracle import conditions_of


@pytest.fixture(scope="module")
def toys():
    view = View(npix=16, fields=("dark_matter", "hi", "gas"), array="")
    return list(examples([Galaxy("toy", number) for number in (3, 4)], 1, view))


def test_redraws_differ_and_repeat_whatever_the_batch(toys):
    oracle = Oracle(target=("hi", "gas"))
    drawn = oracle.sample_examples(toys, num_samples=3, seed=1)
    assert drawn.shape == (3, 2, 16, 16, 2) and np.isfinite(drawn).all()
    np.testing.assert_array_equal(drawn[:, 1], oracle.sample_examples(toys[1:], num_samples=3, seed=1)[:, 0])
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn, oracle.sample_examples(toys, num_samples=3, seed=2))


def test_the_halo_and_the_view_are_those_of_the_example(toys):
    from skazoo.simulations.toy import Galaxy as Toy

    example = dict(toys[0])
    same = Oracle(target=("gas",))
    truth = [Toy.draw(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Toy, "redraw_hidden", lambda self, n, seed: truth)
        drawn = same.sample_examples([example], num_samples=1)
    np.testing.assert_allclose(drawn[0, 0, ..., 0], example["gas"], rtol=1e-3, atol=1e-3 * example["gas"].max())


def test_the_channel_width_is_that_of_the_example():
    view = View(npix=16, fields=("dark_matter", "hi", "brightness_temperature"), array="", channel_width_kms=150.0)
    example = next(iter(examples([Galaxy("toy", 5, snapshot=91)], 1, view)))
    assert conditions_of(example).channel_width.value == pytest.approx(150.0, rel=1e-4)
    drawn = Oracle(target=("hi", "brightness_temperature")).sample_examples([example], num_samples=1)[0, 0]
    ratio = drawn[..., 1].sum(dtype=float) / drawn[..., 0].sum(dtype=float)
    expected = example["brightness_temperature"].sum(dtype=float) / example["hi"].sum(dtype=float)
    assert ratio == pytest.approx(expected, rel=1e-4)


def test_mistakes_are_named(toys):
    with pytest.raises(ParameterError, match="given stars"):
        Oracle(source="stars")
    with pytest.raises(ParameterError, match="cannot redraw ska"):
        Oracle(target=("hi", "ska"))
    with pytest.raises(DatasetError, match="toy universe, but one is of 'tng50'"):
        Oracle().sample_examples([dict(toys[0], simulation=b"tng50")])
