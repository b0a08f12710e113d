"""Encoder and decoder: sizes, and a linear path that is there from the start."""

import numpy as np
import pytest
from keras import ops

from skazoo.errors import ParameterError
from skazoo.networks import map_decoder, map_encoder, unet_stride

PLAIN = {"width": 8, "multipliers": (1, 2), "stem": 2}


def maps(size=32, channels=2):
    return np.random.default_rng(0).normal(size=(2, size, size + 8, channels)).astype(np.float32)


@pytest.mark.parametrize("stem, multipliers", [(1, (1, 1)), (2, (1,)), (2, (1, 2)), (4, (1,))])
def test_sizes(stem, multipliers):
    factor = unet_stride(multipliers, stem)
    shape = {**PLAIN, "stem": stem, "multipliers": multipliers, "dtype": "mixed_bfloat16"}
    features = map_encoder(2, 3, **shape)(maps())
    assert features.shape == (2, 32 // factor, 40 // factor, 3)
    back = map_decoder(3, 2, **shape)(features)
    assert back.shape == (2, 32, 40, 2)
    assert features.dtype == back.dtype and "float32" in str(back.dtype)


@pytest.mark.parametrize("make, channels", [(map_encoder, 2), (map_decoder, 2)])
def test_linear_before_training(make, channels):
    """f(a + b) = f(a) + f(b) - f(0), as the other path starts at zero."""
    network = make(channels, 3, **PLAIN)
    a, b = maps(16), maps(16)[::-1]
    f = lambda x: ops.convert_to_numpy(network(x))  # noqa: E731
    np.testing.assert_allclose(f(a + b), f(a) + f(b) - f(0 * a), atol=1e-5)


def test_a_cell_sees_its_pixels():
    """Moving the map by one cell moves the features by one pixel (away from the frame)."""
    network = map_encoder(2, 3, padding="circular", **PLAIN)
    x = maps(16)
    moved = ops.convert_to_numpy(network(np.roll(x, (4, 8), (1, 2))))
    np.testing.assert_allclose(moved, np.roll(ops.convert_to_numpy(network(x)), (1, 2), (1, 2)), atol=1e-5)


def test_refused():
    with pytest.raises(ParameterError, match="blocks"):
        map_encoder(1, 1, blocks=0)
    with pytest.raises(ParameterError, match="width"):
        map_decoder(1, 1, width=0)
