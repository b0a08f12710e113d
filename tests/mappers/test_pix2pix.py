"""Paired adversarial training: who moves whom, and the spread of what is drawn."""

import keras
import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import Pix2Pix

EAGER = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {}  # saves compiling for a step or two
PLAIN = {"a": Affine(), "b": Affine()}


def tiny(**arguments):
    arguments = {"transforms": PLAIN, "width": 8, "multipliers": (1,), "stem": 2, **arguments}
    return Pix2Pix("a", "b", 16, **arguments)


def pairs(n=8, seed=0):
    """y = 0.8 x + 0.5 noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 16, 16, 1))
    return x.astype(np.float32), (0.8 * x + 0.5 * rng.normal(size=x.shape)).astype(np.float32)


def values(network):
    return [ops.convert_to_numpy(variable).copy() for variable in network.trainable_variables]


def changed(before, network):
    return [not np.array_equal(a, b) for a, b in zip(before, values(network), strict=True)]


class Exact:
    """Stands where the generator is: draws of N(0.8 source, (0.5 factor)^2)."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def __call__(self, inputs, training=False):
        source, noise = inputs[0], inputs[1]
        return 0.8 * source + 0.5 * self.factor * noise


@pytest.mark.parametrize("rates", [(1e-2, 0.0), (0.0, 1e-2)])
def test_a_step_moves_only_the_player_that_learns(rates):
    mapper = tiny()
    mapper.compile(learning_rate=rates, average=(), **EAGER)
    made, judge = values(mapper.network), values(mapper.discriminator)
    mapper.fit(*pairs(), batch_size=8, verbose=0)
    assert any(changed(made, mapper.network)) == (rates[0] > 0)
    assert any(changed(judge, mapper.discriminator)) == (rates[1] > 0)


def test_each_player_has_its_own_optimizer():
    mapper = tiny()
    mapper.compile(learning_rate=(1e-3, 2e-3), **EAGER)
    mapper.fit(*pairs(), batch_size=8, verbose=0)
    groups = {round(float(ops.convert_to_numpy(each.learning_rate)), 6): each for each in mapper.optimizer.optimizers}
    assert len(groups[0.001]._trainable_variables) == len(mapper.network.trainable_variables)
    assert len(groups[0.002]._trainable_variables) == len(mapper.discriminator.trainable_variables)
    assert {v.path.split("/")[0] for v in groups[0.002]._trainable_variables} == {"discriminator"}


def test_optimizers_survive_the_disk(tmp_path):
    mapper = tiny()
    mapper.compile(learning_rate=(1e-3, keras.optimizers.schedules.CosineDecay(2e-3, 10)), **EAGER)
    mapper.fit(*pairs(), batch_size=4, shuffle=False, verbose=0)
    mapper.save(tmp_path / "mapper.keras")
    loaded = keras.saving.load_model(tmp_path / "mapper.keras")
    for each in (mapper, loaded):
        each.fit(*pairs(), batch_size=4, shuffle=False, verbose=0)
    for ours, theirs in zip(mapper.variables, loaded.variables, strict=True):
        assert np.allclose(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), atol=1e-6), ours.path


def test_what_the_pairs_say_reaches_the_generator_only():
    """The discriminator moves bit by bit the same, whatever the weight of the fidelity."""
    moved = []
    for weight in (0.0, 10.0):
        mapper = tiny(fidelity_weight=weight, fourier_weight=weight, peak_weight=weight, power_weight=weight)
        mapper.compile(keras.optimizers.SGD(0.1), average=(), **EAGER)
        mapper.fit(*pairs(), batch_size=8, shuffle=False, verbose=0)
        moved.append((values(mapper.discriminator), values(mapper.network)))
    assert all(np.array_equal(a, b) for a, b in zip(moved[0][0], moved[1][0], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(moved[0][1], moved[1][1], strict=True))


def test_power_weight_counts_the_logarithm_of_the_power():
    """Maps of twice the amplitude of the true ones have four times the power at each wavenumber."""
    source, losses = ops.array(np.random.default_rng(0).normal(size=(8, 16, 16, 1)).astype(np.float32)), []
    for weight in (0.0, 3.0):
        mapper = tiny(fidelity_weight=0.0, fourier_weight=0.0, power_weight=weight, noise_channels=1)
        mapper.network = lambda inputs, training=False: 2.0 * inputs[0]
        losses.append(float(ops.convert_to_numpy(ops.mean(mapper.network_loss(source, source, training=False)))))
    assert losses[1] - losses[0] == pytest.approx(3 * np.log(4), rel=0.01)


def test_overflow_skips_both_players():
    mapper = tiny(dtype="mixed_float16")
    mapper.compile(average=(), **EAGER)
    assert type(mapper.optimizer).__name__ == "LossScaleOptimizer"
    assert type(mapper.optimizer.inner_optimizer).__name__ == "MultiOptimizer"
    mapper.fit(*pairs(), batch_size=8, verbose=0)
    made, judge = values(mapper.network), values(mapper.discriminator)
    mapper.optimizer.dynamic_scale.assign(1e30)
    mapper.fit(*pairs(), batch_size=8, verbose=0)
    assert float(ops.convert_to_numpy(mapper.optimizer.dynamic_scale)) == pytest.approx(5e29, rel=1e-5)
    assert not any(changed(made, mapper.network)) and not any(changed(judge, mapper.discriminator))
    mapper.optimizer.dynamic_scale.assign(128.0)
    mapper.fit(*pairs(), batch_size=8, verbose=0)
    assert any(changed(made, mapper.network)) and any(changed(judge, mapper.discriminator))


def test_penalised_judge_is_float32_where_float16_would_fail():
    assert tiny(dtype="mixed_float16").discriminator.layers[-2].compute_dtype == "float32"
    assert tiny(dtype="mixed_float16", loss="lsgan").discriminator.layers[-2].compute_dtype == "float16"
    assert tiny(dtype="mixed_bfloat16").discriminator.layers[-2].compute_dtype == "bfloat16"


def test_only_the_generator_is_averaged(tmp_path):
    mapper = tiny()
    mapper.compile(learning_rate=1e-2, **EAGER)
    mapper.fit(*pairs(), batch_size=4, verbose=0)
    assert len(mapper.average.tracks[0]) == len(mapper.network.trainable_variables)
    judge, made = values(mapper.discriminator), values(mapper.network)
    with mapper.averaged_weights():
        assert not any(changed(judge, mapper.discriminator)) and all(changed(made, mapper.network))
        averaged = values(mapper.network)
    published = Pix2Pix.from_pretrained(mapper.save_pretrained(tmp_path / "preset"))
    assert not any(changed(averaged, published.network)) and not any(changed(judge, published.discriminator))


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 1.0), (0.0, 0.0), (0.5, np.sqrt(0.4))])
def test_diversity_of_known_generators(factor, expected):
    """rms(a - b) / rms(a - y) with deviations s and 1: sqrt(2 s^2 / (1 + s^2))."""
    mapper = tiny(noise_channels=1, stem=1)
    mapper.network = Exact(factor)
    x, y = pairs(64)
    mapper.network_loss(ops.array(y), ops.array(x), training=True)
    assert float(mapper.diversity.result()) == pytest.approx(expected, abs=0.01)


def test_the_exact_generator_beats_others_in_every_term_of_the_pairs():
    x, y = map(ops.array, pairs(64))
    losses = {}
    for factor in (0.7, 1.0, 1.3):
        mapper = tiny(noise_channels=1, stem=1, padding="circular", loss="wgan_gp", penalty=0.0)
        for variable in mapper.discriminator.trainable_variables:
            variable.assign(np.zeros(variable.shape, "float32"))
        mapper.network = Exact(factor)
        losses[factor] = float(ops.mean(mapper.network_loss(y, x, training=False)))
    assert losses[1.0] < losses[0.7] and losses[1.0] < losses[1.3]


def test_samples_of_the_exact_generator_have_the_right_distribution():
    mapper = tiny(noise_channels=1, stem=1, transforms={"a": Affine(), "b": Affine(100.0, 10.0)})
    exact = Exact()
    mapper._graph = lambda source, noise: exact([ops.array(source), ops.array(noise)])
    samples = mapper.sample(np.full((2, 16, 16, 1), 2.0, np.float32), num_samples=24)
    assert samples.mean() == pytest.approx(116.0, abs=0.2) and samples.std() == pytest.approx(5.0, rel=0.03)
    assert abs(np.corrcoef(samples[:, 0].ravel(), samples[:, 1].ravel())[0, 1]) < 0.05


def test_validation_always_sees_the_same_noise():
    mapper = tiny()
    mapper.compile(**EAGER)
    data = pairs(4)
    first, again = (mapper.evaluate(*data, verbose=0, return_dict=True) for _ in range(2))
    assert first == again and 0.0 < first["diversity"] < 1.5


@pytest.mark.parametrize("loss", ["minimax", "non_saturating", "lsgan", "hinge", "wgan_gp", "relativistic"])
def test_every_loss_trains(loss):
    mapper = tiny(loss=loss, generator="resnet", fidelity="rcgan")
    mapper.compile(**EAGER)
    assert np.isfinite(mapper.fit(*pairs(4), batch_size=4, verbose=0).history["loss"][0])


def test_arguments_go_round():
    mapper = tiny(loss="wgan_gp", discriminator_width=4, discriminator_multipliers=(1, 1), fidelity="l1")
    again = Pix2Pix.from_config(mapper.get_config())
    assert again.get_config() == mapper.get_config() and again.penalty == 10.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(loss="gan"), "loss"),
        (dict(penalty=-1.0), "penalty"),
        (dict(generator="vit"), "generator"),
        (dict(fidelity="l2"), "fidelity"),
        (dict(fidelity_weight=-1.0), "fidelity_weight"),
        (dict(multipliers=(1, 2, 2, 2), stem=4), "image_size"),
    ],
)
def test_constructor_refusals(arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny(**arguments)
