"""TarFlow where the answer is known."""

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import TarFlow
from skazoo.mappers.backend import compiled, gradient

PLAIN = {"a": Affine(), "b": Affine()}


def tiny(size=4, **arguments):
    inner = {"passes": 2, "width": 8, "layers": 1, "heads": 1, "features": 4, "blocks": 1, "patch": 2}
    return TarFlow("a", "b", size, **{"transforms": PLAIN, **inner, **arguments})


def disturbed(mapper, amount=0.15, seed=0):
    rng = np.random.default_rng(seed)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + amount * rng.normal(size=variable.shape).astype(np.float32))
    return mapper


def maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (4, 12)])
def test_cached_inverse_undoes_the_full_pass(rows, columns):
    mapper = disturbed(tiny(8, noise=0.0))
    target, source = maps(2, rows, columns, 1), maps(2, rows, columns, 1, seed=1)
    z = mapper.to_latent(target, source)
    assert np.abs(z - target).max() > 0.1
    assert np.allclose(mapper.from_latent(z, source), target, atol=1e-5)


def test_log_determinant_is_that_of_the_jacobian():
    mapper = disturbed(tiny())
    x, source = maps(1, 4, 4, 1).repeat(16, 0), maps(1, 4, 4, 1, seed=1).repeat(16, 0)
    unit = np.eye(16, dtype=np.float32).reshape(16, 4, 4, 1)

    def rows(x):
        z, log_det = mapper.forward(x, source)
        return z * unit, log_det

    jacobian, log_det = compiled(lambda x: gradient(rows, x), mapper)(x)
    expected = np.linalg.slogdet(ops.convert_to_numpy(jacobian).reshape(16, 16).astype(float))[1]
    assert abs(expected) > 0.1 and np.allclose(ops.convert_to_numpy(log_det), expected, atol=1e-4)


def test_every_pixel_depends_on_every_other():
    """Two passes in opposite order: the Jacobian of the map from noise to image has no zero block."""
    mapper = disturbed(tiny(noise=0.0), amount=0.4)
    source, z = maps(1, 4, 4, 1), maps(1, 4, 4, 1, seed=1)
    patch = (slice(0, 1), slice(0, 2), slice(0, 2)), (slice(0, 1), slice(2, 4), slice(2, 4))
    for moved, seen in (patch, patch[::-1]):
        other = z.copy()
        other[moved] += 1.0
        change = mapper.from_latent(other, source) - mapper.from_latent(z, source)
        assert np.abs(change[seen]).max() > 1e-4


def test_one_step_of_denoising_gives_the_posterior_mean():
    """For y ~ N(0, 1 + noise^2) the expected clean map is y / (1 + noise^2)."""
    mapper = tiny(noise=0.5)
    wide = float(np.sqrt(1 + 0.5**2))

    def density(target, source, training=False):
        return ops.sum(-0.5 * ops.square(target / wide), axis=(1, 2, 3))

    mapper.density = density
    y = maps(3, 4, 4, 1)
    cleaned = compiled(mapper.cleaned, mapper)(y, y)
    assert np.allclose(ops.convert_to_numpy(cleaned), y / wide**2, atol=1e-5)


def test_noise_is_learned_and_taken_out():
    mapper = tiny(noise=0.3)
    y = maps(64, 4, 4, 1)
    quiet = tiny(noise=0.0)
    difference = [
        float(ops.mean(m.network_loss(ops.array(0 * y), ops.array(y), training=True))) for m in (mapper, quiet)
    ]
    assert difference[0] - difference[1] == pytest.approx(0.5 * 0.3**2, rel=0.25)  # of the standard normal it starts as
    noisy, clean = (mapper.sample(y[:2], 2, denoise=on) for on in (False, True))
    assert 0.8 < np.std(clean) / np.std(noisy) < 0.95  # 1 - 0.3^2


def test_one_channel_of_two_pixels_will_do():
    mapper = disturbed(tiny(1, patch=1, passes=2, attention=False, noise=0.0))
    x = maps(5, 1, 2, 1)
    assert np.allclose(mapper.from_latent(mapper.to_latent(x, x), x), x, atol=1e-5)
    assert mapper.log_prob(x, x).shape == (5,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(noise=-1.0), "noise"),
        (dict(patch=3), "image_size"),
        (dict(width=10), "multiple"),
        (dict(passes=0), "passes"),
    ],
)
def test_constructor_refusals(arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny(**arguments)


def test_nothing_as_source_is_no_singular_point():
    """A source of zeros: were the first token's input zero too, its norm's gradient would have no bound."""
    mapper = tiny(2, patch=1, width=16, noise=0.0)
    target, source = maps(3, 2, 2, 1), np.zeros((3, 2, 2, 1), np.float32)
    for flow in mapper.flows:
        flow.kernel.assign(0.3 * maps(*flow.kernel.shape, seed=1))
    before = mapper.to_latent(target, source)
    for flow in mapper.flows:
        flow.start.assign(ops.convert_to_numpy(flow.start) + 1e-3 * maps(*flow.start.shape, seed=2))
    assert 0 < np.abs(mapper.to_latent(target, source) - before).max() < 0.1
