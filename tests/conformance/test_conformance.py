"""What every mapper must do, on the backend of KERAS_BACKEND.

Time goes into compiling. So checks share what is trained and the shapes of what is sampled, and on TensorFlow, where
running eagerly is cheap, only those that are about graphs compile.
"""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from skazoo.errors import DatasetError, ParameterError
from skazoo.presets import from_pretrained

from .data import log, maps
from .mappers import MAPPERS, SAMPLER, SIZE

TENSORFLOW = keras.backend.backend() == "tensorflow"
QUICK = {"run_eagerly": True} if TENSORFLOW else {}  # of compile(), where the check is not about graphs
EPOCHS, KILLED = 15, 8  # batches of 8 throughout: JAX then compiles one training step for most checks


@pytest.fixture(scope="module", autouse=True)
def quick_graphs():
    """As for XLA in conftest.py: graphs that run for a few steps are not worth rewriting."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


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


class CopyBackup(keras.callbacks.Callback):
    """Keeps a copy of the backup that a signal in the middle of training would leave."""

    def __init__(self, backup, copy):
        super().__init__()
        self.backup, self.copy = backup, copy

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == KILLED:
            shutil.copytree(self.backup, self.copy)


def run(make, *callbacks):
    mapper = make()
    mapper.compile(learning_rate=3e-3)
    history = mapper.fit(*maps(), batch_size=8, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=list(callbacks))
    mapper.losses_of_epochs = history.history["loss"]
    return mapper


@pytest.fixture(scope="module")
def trained(make, tmp_path_factory):
    """One mapper that has seen the data, the history of its losses, and a backup of the middle of its training."""
    folder = tmp_path_factory.mktemp("training")
    backup = keras.callbacks.BackupAndRestore(str(folder / "backup"))
    mapper = run(make, backup, CopyBackup(folder / "backup", folder / "killed"))
    mapper.killed = folder / "killed"
    return mapper


def weights(mapper):
    return [np.array(ops.convert_to_numpy(variable)) for variable in mapper.variables]


# ----------------------------------------------------------------------------------------------------- training


def test_loss_is_finite_and_falls(trained):
    losses = np.array(trained.losses_of_epochs)
    assert np.all(np.isfinite(losses))
    assert losses[-3:].mean() < losses[:3].mean() - 0.05


def test_resuming_equals_not_stopping(make, trained, sampler, tmp_path):
    for a, b in zip(weights(make()), weights(make()), strict=True):
        assert np.array_equal(a, b)
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / "last.keras"), save_freq=2 * EPOCHS - 2 * KILLED)
    resumed = run(make, keras.callbacks.BackupAndRestore(str(trained.killed)), checkpoint)
    assert len(resumed.losses_of_epochs) == EPOCHS - KILLED
    assert float(ops.convert_to_numpy(resumed.average.count)) == 2 * EPOCHS
    for a, b in zip(weights(trained), weights(resumed), strict=True):
        assert np.allclose(a, b, atol=1e-5)
    # the checkpoint of its last step is the whole state of training
    loaded = keras.saving.load_model(tmp_path / "last.keras")
    source, _ = maps(1)
    assert np.array_equal(loaded.sample(source, 2, **sampler), resumed.sample(source, 2, **sampler))
    assert len(loaded.optimizer.variables) == len(resumed.optimizer.variables)
    for ours, theirs in zip(loaded.optimizer.variables, resumed.optimizer.variables, strict=True):
        assert np.array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def test_every_trained_weight_gets_a_gradient(make):
    mapper = make()
    rng = np.random.default_rng(0)
    for variable in mapper.trainable_variables:  # zero-initialised layers would hide those before them
        variable.assign(ops.convert_to_numpy(variable) + 0.1 * rng.normal(size=variable.shape).astype(np.float32))
    mapper.compile(keras.optimizers.SGD(1.0), average=(), **QUICK)
    before = [ops.convert_to_numpy(variable).copy() for variable in mapper.trainable_variables]
    mapper.fit(*maps(8), batch_size=8, epochs=1, verbose=0)
    for variable, old in zip(mapper.trainable_variables, before, strict=True):
        assert not np.array_equal(ops.convert_to_numpy(variable), old), variable.path


def test_compiled_by_xla(make, trained):
    if not TENSORFLOW:
        assert trained.jit_compile == (keras.backend.backend() == "jax")  # there the default: `trained` was compiled
        return
    mapper = make()
    mapper.compile(learning_rate=3e-3, jit_compile=True)
    loss = mapper.fit(*maps(), batch_size=8, epochs=1, shuffle=False, verbose=0).history["loss"][0]
    # TensorFlow draws other random numbers inside XLA, so only the size of the loss can agree
    assert loss == pytest.approx(trained.losses_of_epochs[0], rel=0.1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_and_stays_close(trained, sampler, policy, tmp_path):
    half = from_pretrained(trained.save_pretrained(tmp_path / "preset"), dtype=policy)
    source, target = maps(8)
    samples = half.sample(source[:2], 1, **sampler)
    assert samples.dtype == np.float32 and np.all(np.isfinite(samples))
    assert np.abs(log(samples) - log(trained.sample(source[:2], 1, **sampler))).mean() < 0.05
    half.compile(**QUICK)
    assert (type(half.optimizer).__name__ == "LossScaleOptimizer") == (policy == "mixed_float16")
    assert np.isfinite(half.fit(source, target, batch_size=8, epochs=1, verbose=0).history["loss"][0])
    assert {variable.dtype for variable in half.trainable_variables} == {"float32"}


def test_several_channels_and_datasets(make, sampler):
    mapper = make(source=("dark_matter", "stars"), target=("hi", "temperature"))
    source, target = maps(7 if TENSORFLOW else 8, fields=2)
    target = np.concatenate([target, 1e5 * np.ones_like(target)], -1)
    data = tf.data.Dataset.from_tensor_slices((source, target)).batch(4)  # 7: the last batch is smaller
    mapper.compile(**QUICK)
    history = mapper.fit(data, validation_data=data, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"][0]) and np.isfinite(history["val_loss"][0])
    assert mapper.sample(source[:2], 1, **sampler).shape == (1, 2, SIZE, SIZE, 2)


@pytest.mark.parametrize("role", ["source", "target"])
def test_nan_in_the_data_is_named(make, role):
    source, target = maps()
    (source if role == "source" else target)[12, 3, 3] = np.nan
    field = {"source": "dark_matter", "target": "hi"}[role]
    mapper = make()
    mapper.compile(**QUICK)
    if role == "source":
        with pytest.raises(DatasetError, match=f"1 pixels of the source field '{field}'"):
            mapper.fit(source, target, batch_size=8, verbose=0)
    else:
        data = tf.data.Dataset.from_tensor_slices((source, target)).batch(8)
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
    samples = trained.sample(source, 4, **sampler)
    assert samples.shape == (4, 4, SIZE, SIZE, 1) and samples.dtype == np.float32
    assert np.all(np.isfinite(samples)) and np.all(samples >= 0)
    assert log(samples).std(0).mean() > 0.01
    # learned something: closer to its own target than to another galaxy's
    error = np.abs(log(samples).mean(0) - log(target)).mean()
    assert error < np.abs(log(samples).mean(0) - log(target[::-1])).mean()


def test_seed_decides_the_samples(trained, sampler):
    source, _ = maps(2)
    first, again, other = (trained.sample(source, 4, seed=seed, **sampler) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(log(first), log(other), atol=1e-2)


def test_a_sample_does_not_depend_on_its_company(trained, sampler):
    source, _ = maps(4)
    together = log(trained.sample(source, 2, **sampler))
    alone = log(trained.sample(source[[3]], 2, rows=[3], **sampler))
    chunked = log(trained.sample(source, 2, chunk=2, **sampler))
    uneven = log(trained.sample(source[:3], 2, chunk=8, **sampler))
    more = log(trained.sample(source, 4, **sampler))
    assert np.abs(together[:, 3] - alone[:, 0]).max() < 1e-3
    assert np.abs(together - chunked).max() < 1e-3
    assert np.abs(together[:, :3] - uneven).max() < 1e-3
    assert np.abs(together - more[:2]).max() < 1e-3
    assert np.abs(together[:, 3] - together[:, 2]).max() > 1e-2


def test_posterior_summarises_the_samples(trained, sampler):
    source, _ = maps(2)
    samples = trained.sample(source, 8, **sampler).astype(float)
    mean, std, quantiles = trained.posterior(source, 8, quantiles=(0.25, 0.5), **sampler)
    assert np.allclose(mean, samples.mean(0), rtol=1e-3)
    assert np.allclose(std, samples.std(0, ddof=1), rtol=2e-2, atol=1e-3 * std.mean())
    assert quantiles.shape == (2, 2, SIZE, SIZE, 1) and np.all(quantiles[0] <= quantiles[1])


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
    loaded.compile(**QUICK)  # and can be trained on
    assert np.isfinite(loaded.fit(*maps(8), batch_size=8, epochs=1, verbose=0).history["loss"][0])


def test_weights_are_back_after_sampling(trained, sampler):
    before = [value.copy() for value in weights(trained)]
    trained.sample(maps(1)[0], 1, **sampler)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(trained), strict=True))
