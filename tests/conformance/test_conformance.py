"""What every mapper must do, on the backend of KERAS_BACKEND."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from skazoo.errors import DatasetError, ParameterError
from skazoo.presets import from_pretrained

from .mappers import MAPPERS, SAMPLER, SIZE


def maps(n=16, fields=1, seed=0):
    """Pairs that a mapper can learn: smooth lognormal sources, targets a power of them with scatter."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(n, 4, 4, fields)).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    source = 10 ** (7.2 + 0.6 * coarse)
    target = 10 ** (4.2 + 1.2 * coarse[..., :1] + 0.3 * rng.normal(size=(n, SIZE, SIZE, 1)))
    return source.astype(np.float32), target.astype(np.float32)


def log(samples):
    return np.log10(np.maximum(samples, 1e2))


@pytest.fixture(scope="module", params=list(MAPPERS))
def family(request):
    return request.param


@pytest.fixture(scope="module")
def make(family):
    """A new mapper; the same weights each time."""
    return lambda **more: MAPPERS[family](**{"source": "dark_matter", "target": "hi", **more})


@pytest.fixture(scope="module")
def sampler(family):
    return SAMPLER.get(family, {})


@pytest.fixture(scope="module")
def trained(make):
    """One mapper that has seen the data, and the history of its losses."""
    mapper = make()
    mapper.compile(learning_rate=3e-3)
    mapper.history_of_losses = mapper.fit(*maps(), batch_size=8, epochs=15, shuffle=False, verbose=0).history["loss"]
    return mapper


def weights(mapper):
    return [ops.convert_to_numpy(variable) for variable in mapper.variables]


# ----------------------------------------------------------------------------------------------------- training


def test_loss_is_finite_and_falls(trained):
    losses = np.array(trained.history_of_losses)
    assert np.all(np.isfinite(losses))
    assert losses[-3:].mean() < losses[:3].mean() - 0.05


def test_same_seed_trains_to_the_same_weights(make, trained):
    again = make()
    again.compile(learning_rate=3e-3)
    again.fit(*maps(), batch_size=8, epochs=15, shuffle=False, verbose=0)
    for a, b in zip(weights(trained), weights(again), strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_interrupted_and_resumed_equals_uninterrupted(make, tmp_path):
    class Killed(Exception):
        pass

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Killed

    def run(*callbacks):
        mapper = make()
        mapper.compile(learning_rate=1e-3)
        mapper.fit(*maps(8), batch_size=4, epochs=4, shuffle=False, verbose=0, callbacks=list(callbacks))
        return mapper

    through = run()
    with pytest.raises(Killed):
        run(keras.callbacks.BackupAndRestore(str(tmp_path / "backup")), Kill())
    resumed = run(keras.callbacks.BackupAndRestore(str(tmp_path / "backup")))
    assert float(ops.convert_to_numpy(resumed.average.count)) == 8
    for a, b in zip(weights(through), weights(resumed), strict=True):
        assert np.allclose(a, b, atol=1e-6)


def test_every_trained_weight_gets_a_gradient(make):
    mapper = make()
    rng = np.random.default_rng(0)
    for variable in mapper.trainable_variables:  # zero-initialised layers would hide those before them
        variable.assign(ops.convert_to_numpy(variable) + 0.1 * rng.normal(size=variable.shape).astype(np.float32))
    mapper.compile(keras.optimizers.SGD(1.0), average=())
    before = [ops.convert_to_numpy(variable).copy() for variable in mapper.trainable_variables]
    mapper.fit(*maps(8), batch_size=8, epochs=1, verbose=0)
    for variable, old in zip(mapper.trainable_variables, before, strict=True):
        assert not np.array_equal(ops.convert_to_numpy(variable), old), variable.path


def test_compiled_by_xla_or_not(make):
    losses = []
    for jit in (True, False):
        mapper = make()
        mapper.compile(jit_compile=jit)
        losses.append(mapper.fit(*maps(8), batch_size=8, epochs=1, shuffle=False, verbose=0).history["loss"][0])
    # TensorFlow draws other random numbers inside XLA, so there only the size of the loss can agree
    assert losses[0] == pytest.approx(losses[1], rel=0.1 if keras.backend.backend() == "tensorflow" else 1e-3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_and_stays_close(make, trained, sampler, policy):
    half = make(dtype=policy)
    with trained.averaged_weights():
        for variable, value in zip(half.trainable_variables, trained.trainable_variables, strict=True):
            variable.assign(ops.convert_to_numpy(value))
    source, target = maps(8)
    samples = half.sample(source[:2], 2, **sampler)
    assert samples.dtype == np.float32 and np.all(np.isfinite(samples))
    assert np.abs(log(samples) - log(trained.sample(source[:2], 2, **sampler))).mean() < 0.05
    half.compile()
    assert (type(half.optimizer).__name__ == "LossScaleOptimizer") == (policy == "mixed_float16")
    assert np.isfinite(half.fit(source, target, batch_size=8, epochs=1, verbose=0).history["loss"][0])
    assert {variable.dtype for variable in half.trainable_variables} == {"float32"}


def test_several_channels_and_datasets(make, sampler):
    mapper = make(source=("dark_matter", "stars"), target=("hi", "temperature"))
    source, target = maps(8, fields=2)
    target = np.concatenate([target, 1e5 * np.ones_like(target)], -1)
    data = tf.data.Dataset.from_tensor_slices((source, target)).batch(3)  # the last batch is smaller
    mapper.compile()
    history = mapper.fit(data, validation_data=data, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0]) and np.isfinite(history["val_loss"][0])
    assert mapper.sample(source[:3], 2, **sampler).shape == (2, 3, SIZE, SIZE, 2)


@pytest.mark.parametrize("role", ["source", "target"])
def test_nan_in_the_data_is_named(make, role):
    source, target = maps(8)
    (source if role == "source" else target)[5, 3, 3] = np.nan
    field = {"source": "dark_matter", "target": "hi"}[role]
    eager = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {}  # saves compiling
    mapper = make()
    mapper.compile(**eager)
    if role == "source":
        with pytest.raises(DatasetError, match=f"1 pixels of the source field '{field}'"):
            mapper.fit(source, target, batch_size=8, verbose=0)
    else:
        data = tf.data.Dataset.from_tensor_slices((source, target)).batch(4)
        with pytest.raises(DatasetError, match=f"1 pixels of the target field '{field}' .* .batch 2."):
            mapper.fit(data, verbose=0)


def test_wrong_shapes_are_refused_before_training(make):
    mapper = make()
    mapper.compile()
    source, target = maps(8)
    for bad in [(source[..., [0, 0]], target), (source[:, :-1], target[:, :-1]), (source[..., 0], target)]:
        with pytest.raises(ParameterError):
            mapper.fit(*bad, verbose=0)


# ----------------------------------------------------------------------------------------------------- sampling


def test_samples_have_their_shape_and_vary(trained, sampler):
    source, target = maps(4, seed=1)
    samples = trained.sample(source, 5, **sampler)
    assert samples.shape == (5, 4, SIZE, SIZE, 1) and samples.dtype == np.float32
    assert np.all(np.isfinite(samples)) and np.all(samples >= 0)
    assert log(samples).std(0).mean() > 0.01
    # learned something: closer to its own target than to another galaxy's
    error = np.abs(log(samples).mean(0) - log(target)).mean()
    assert error < np.abs(log(samples).mean(0) - log(target[::-1])).mean()


def test_seed_decides_the_samples(trained, sampler):
    source, _ = maps(2)
    first, again, other = (trained.sample(source, 2, seed=seed, **sampler) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(log(first), log(other), atol=1e-2)


def test_a_sample_does_not_depend_on_its_company(trained, sampler):
    source, _ = maps(5)
    together = log(trained.sample(source, 3, **sampler))
    alone = log(trained.sample(source[[3]], 3, rows=[3], **sampler))
    chunked = log(trained.sample(source, 3, chunk=4, **sampler))
    more = log(trained.sample(source, 4, **sampler))
    assert np.abs(together[:, 3] - alone[:, 0]).max() < 1e-3
    assert np.abs(together - chunked).max() < 1e-3
    assert np.abs(together - more[:3]).max() < 1e-3
    assert np.abs(together[:, 3] - together[:, 2]).max() > 1e-2


def test_posterior_summarises_the_samples(trained, sampler):
    source, _ = maps(3)
    samples = trained.sample(source, 8, **sampler).astype(float)
    mean, std, quantiles = trained.posterior(source, 8, quantiles=(0.25, 0.5), **sampler)
    assert np.allclose(mean, samples.mean(0), rtol=1e-3)
    assert np.allclose(std, samples.std(0, ddof=1), rtol=2e-2, atol=1e-3 * std.mean())
    assert quantiles.shape == (2, 3, SIZE, SIZE, 1) and np.all(quantiles[0] <= quantiles[1])


def test_other_sizes_than_trained(trained, sampler):
    larger = np.tile(maps(1)[0], (1, 2, 2, 1))[:, : SIZE + 8]
    assert trained.sample(larger, 1, **sampler).shape == (1, 1, SIZE + 8, 2 * SIZE, 1)


def test_units_go_round(trained, sampler):
    import astropy.units as u

    from skazoo.maps.map import Map

    source, target = maps(1)
    back = trained.target_transform.inverse(trained.encode(ops.array(target), "target"))
    above = target > 1e2  # the floor of the field
    assert above.mean() > 0.8 and np.allclose(ops.convert_to_numpy(back)[above], target[above], rtol=1e-5)
    surface = u.Msun / u.kpc**2
    quantity = (source[0, ..., 0].astype(float) * surface).to(u.kg / u.m**2)
    si = Map(quantity.value, quantity.unit, "dark_matter", 1 * u.kpc)
    expected = trained.sample(source, 2, **sampler)
    for form in (si, {"dark_matter": si}, quantity):
        assert np.abs(log(trained.sample(form, 2, **sampler)) - log(expected)).max() < 1e-3


def test_log_prob_is_offered_or_refused_with_a_reason(trained):
    source, target = maps(2)
    if trained.likelihood is None:
        with pytest.raises(ParameterError, match="log_prob"):
            trained.log_prob(target, source)
    else:
        assert trained.likelihood in ("exact", "bound")
        found = trained.log_prob(target, source)
        assert found.shape == (2,) and np.all(np.isfinite(found))


# ----------------------------------------------------------------------------------------------------- on disk


def test_saved_and_loaded_is_the_same_mapper(trained, sampler, tmp_path):
    source, _ = maps(2)
    loaded = from_pretrained(trained.save_pretrained(tmp_path / "preset"))
    assert type(loaded) is type(trained) and loaded.get_config() == trained.get_config()
    expected = trained.sample(source, 2, **sampler)
    assert np.array_equal(loaded.sample(source, 2, **sampler), expected)
    loaded.compile()  # and can be trained on
    assert np.isfinite(loaded.fit(*maps(8), batch_size=8, epochs=1, verbose=0).history["loss"][0])


def test_keras_saves_and_loads_the_whole_training_state(trained, sampler, tmp_path):
    trained.save(tmp_path / "mapper.keras")
    loaded = keras.saving.load_model(tmp_path / "mapper.keras")
    source, _ = maps(2)
    assert np.array_equal(loaded.sample(source, 2, **sampler), trained.sample(source, 2, **sampler))
    for ours, theirs in zip(loaded.optimizer.variables, trained.optimizer.variables, strict=True):
        assert np.array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def test_weights_are_back_after_sampling(trained, sampler):
    before = [value.copy() for value in weights(trained)]
    trained.sample(maps(1)[0], 1, **sampler)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(trained), strict=True))
