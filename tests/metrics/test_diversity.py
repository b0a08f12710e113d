import numpy as np
import pytest

from skazoo.errors import ParameterError
from skazoo.metrics import conditional_diversity, memorisation, nearest_neighbours
from skazoo.metrics.diversity import dihedral


def test_diversity_is_the_mean_distance_of_two_draws():
    draws = np.random.default_rng(0).normal(size=(20, 3, 32, 32))
    assert conditional_diversity(draws) == pytest.approx(np.sqrt(2), rel=0.01)
    assert conditional_diversity(0.5 * draws[:10], draws) == pytest.approx(0.5, rel=0.01)
    assert conditional_diversity(np.repeat(draws[:1], 4, axis=0), draws) == 0


def test_the_eight_images_are_all_there():
    images = dihedral(np.arange(9.0).reshape(1, 3, 3))
    assert len({image.tobytes() for image in images}) == 8
    np.testing.assert_array_equal(images[0, 0], np.arange(9.0).reshape(3, 3))


def test_a_turned_and_mirrored_copy_is_found():
    rng = np.random.default_rng(1)
    train = rng.normal(size=(50, 16, 16))
    copy = np.rot90(train[37], 3)[::-1] + 0.01 * rng.normal(size=(16, 16))
    distance, index = nearest_neighbours(np.stack([copy, rng.normal(size=(16, 16))]), train, block=16)
    assert index[0] == 37 and distance[0] == pytest.approx(0.01, rel=0.2) and distance[1] > 1


def test_a_memorising_impostor_is_caught_and_an_honest_sampler_is_not():
    rng = np.random.default_rng(2)

    def draw(count):
        latent = rng.normal(size=(count, 3, 1, 1))
        x, y = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 16))
        return latent[:, 0] * x + latent[:, 1] * y + latent[:, 2] * x * y + 0.1 * rng.normal(size=(count, 16, 16))

    train, unseen, honest = draw(150), draw(150), draw(150)
    fair = memorisation(honest, train, unseen)
    assert fair.copied <= 0.05 and abs(fair.z) < 3
    copies = np.rot90(train[rng.integers(0, 150, 100)], 1, axes=(1, 2)) + 0.01 * rng.normal(size=(100, 16, 16))
    caught = memorisation(copies, train, unseen)
    assert caught.copied > 0.9 and caught.z < -5


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match="at least 2 samples"):
        conditional_diversity(np.zeros((1, 8, 8)))
    with pytest.raises(ParameterError, match="no diversity"):
        conditional_diversity(np.ones((4, 8, 8)), np.ones((4, 8, 8)))
    with pytest.raises(ParameterError, match="square"):
        nearest_neighbours(np.zeros((2, 8, 9)), np.zeros((2, 8, 9)))
    with pytest.raises(ParameterError, match="quantile"):
        memorisation(np.zeros((2, 8, 8)), np.zeros((2, 8, 8)), np.zeros((2, 8, 8)), quantile=2)
