"""The base of every mapper: p(target | source) with physical units outside and a network inside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops
from keras.src.losses.loss import scale_loss_for_distribution

from ..datasets.transforms import ChannelTransform, chosen_transforms
from ..errors import ParameterError, check_positive
from ..training.callbacks import StopOnNaN
from ..training.ema import WeightAverage
from .backend import ReplicaSeeds, load_random_states, save_random_states
from .inputs import as_batch, as_pairs, check_batch, check_batches, field_names, row_numbers
from .noise import RowNoise
from .posterior import draw_in_passes, pixelwise_summary

__all__ = ["Mapper"]


class Mapper(keras.Model):
    """A learned conditional distribution of maps, p(target | source).

    A family writes `network_loss` and `draw` (and `network_log_prob` where it has a likelihood), both in network
    space and with arrays (B, H, W, C); everything else is here. Training is `compile`, then `fit` on batches
    (source, target) in physical units.

    Args:
        source, target: names of the fields, one per channel.
        image_size: pixels per side of the training maps; other sizes work where the network's stride divides them.
        transforms: {field: Transform} where the default of `FIELDS` does not suit; needed for fields not in it.
        seed: integer; fixes the initial weights and the noise of training.
        dtype: dtype policy: "float32", "mixed_bfloat16", "mixed_float16". In and outputs are float32 in any case.
    """

    likelihood: str | None = None  # "exact", "bound", or None where `log_prob` is not offered
    stride: int = 1  # height and width of maps must be multiples of it
    paired: bool = True  # False: learns from sources and targets of different galaxies

    def __init__(self, source, target, image_size=64, transforms=None, seed=0, dtype=None, name=None):
        super().__init__(dtype=dtype, autocast=False, name=name)
        self.source, self.target = field_names("source", source), field_names("target", target)
        check_positive("image_size", image_size)
        self.image_size, self.seed = int(image_size), int(seed)
        chosen = chosen_transforms(self.source + self.target, transforms or {})
        self.source_transform = ChannelTransform([chosen[name] for name in self.source])
        self.target_transform = ChannelTransform([chosen[name] for name in self.target])
        self.seed_generator = ReplicaSeeds(self.seed)
        self.average = None

    # ------------------------------------------------------------------ what a family writes

    def network_loss(self, target, source, training: bool):
        """Loss of each image (B,), float32, from network-space target and source (B, H, W, C)."""
        raise NotImplementedError

    def draw(self, source, noise: RowNoise, **sampler) -> np.ndarray:
        """One network-space sample (n, H, W, C) for each row of `source` (n, H, W, S), random through `noise` only."""
        raise NotImplementedError

    def network_log_prob(self, target, source, **options):
        """ln p(target | source) of each image (B,), or its lower bound, in network space (nats)."""
        raise NotImplementedError

    def default_optimizer(self, learning_rate) -> keras.optimizers.Optimizer:
        """AdamW (beta_2 = 0.99, weight decay 1e-4) with the gradient clipped at norm 1."""
        return keras.optimizers.AdamW(learning_rate, beta_2=0.99, weight_decay=1e-4, global_clipnorm=1.0)

    @property
    def averaged_variables(self) -> list:
        """The weights that are averaged in training and used so by `sample`: all trained ones, unless a family says."""
        return self.trainable_variables

    @property
    def training_state(self) -> list:
        """Variables that only training needs, and that presets leave out: the averages, and what a family adds."""
        return self.average.variables if self.average is not None else []

    # ------------------------------------------------------------------ training

    def compile(self, optimizer=None, *, learning_rate=1e-3, average=(0.1,), **keras_arguments):
        """Make ready for `fit`.

        Args:
            optimizer: a Keras optimizer; None for the family's own with `learning_rate`.
            learning_rate: number or schedule, such as `skazoo.training.warmup_cosine(2e-3, steps)`.
            average: lengths of the weight averages (`WeightAverage`), as fractions of the training so far; the
                first is used by `sample` and published. () turns them off.
            keras_arguments: of `keras.Model.compile`: jit_compile, steps_per_execution, run_eagerly, ...
        """
        if keras_arguments.get("loss") is not None:
            raise ParameterError(f"{type(self).__name__} brings its own loss: leave `loss` out of compile().")
        if self.average is None or self.average.lengths != tuple(average):
            self.average = WeightAverage(average) if len(tuple(average)) else None
            if self.average is not None:
                self.average.follow([variable.shape for variable in self.averaged_variables])
        super().compile(optimizer=optimizer or self.default_optimizer(learning_rate), **keras_arguments)
        if not self.optimizer.built:  # variables made inside the first step would have TensorFlow trace it twice
            self.optimizer.build(self.trainable_variables)

    def get_compile_config(self):
        if not self.compiled:
            return None
        return {**super().get_compile_config(), "average": list(self.average.lengths) if self.average else []}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, x=None, y=None, *arguments, callbacks=None, **keras_arguments):
        """`keras.Model.fit` on (source, target) in physical units; stops with the field's name where data are NaN.

        Args:
            x, y: arrays (N, H, W, S) and (N, H, W, T), or as `x` alone a dataset of batches (source, target).
        """
        if not self.compiled:
            raise ParameterError("call compile() before fit(); without arguments it takes the family's own optimizer.")
        validation = keras_arguments.get("validation_data")
        check_batches(x, y, (self.source, self.target), self.stride)
        if hasattr(x, "element_spec"):
            keras_arguments.setdefault("shuffle", False)  # a tf.data.Dataset shuffles itself
        guard = StopOnNaN(self.source, self.target, {"training": (x, y), "validation": validation})
        callbacks = [*keras.tree.flatten(callbacks or []), guard]
        return super().fit(x, y, *arguments, callbacks=callbacks, **keras_arguments)

    def evaluate(self, *arguments, **keras_arguments):
        """`keras.Model.evaluate` with the averaged weights."""
        with self.averaged_weights():
            return super().evaluate(*arguments, **keras_arguments)

    def call(self, source, training=None):
        """The source maps in network space."""
        return self.encode(source, "source")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean over the batch of `network_loss`; under `tf.distribute` divided by the replicas, whose gradients add."""
        target = self.encode(y, "target")
        if training and self.average is not None:
            self.average.update(self.averaged_variables)
        loss = self.network_loss(target, ops.stop_gradient(y_pred), training)
        if sample_weight is not None:
            loss = loss * ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        return scale_loss_for_distribution(ops.mean(loss))

    # ------------------------------------------------------------------ use

    def sample(self, source, num_samples=8, seed=0, *, rows=None, chunk=64, **sampler) -> np.ndarray:
        """Draw maps from p(target | source).

        Sample i of row j depends on (seed, i, j) and on its source alone, not on what else is in the batch: row
        number `rows[j]` sampled alone gives the same up to rounding, and `num_samples` may be raised later.

        Args:
            source: array (B, H, W, S), (B, H, W) or (H, W), `Map`, dict of Maps by field, or list of such.
            num_samples: samples per row.
            seed: integer >= 0.
            rows: (B,) row numbers for the random streams; 0 ... B-1 by default.
            chunk: images per pass through the network, which bounds the memory.
            sampler: arguments of the family's sampler (see its `draw`).

        Returns: (num_samples, B, H, W, T) float32 in the units of the target fields.
        """
        check_positive("num_samples", num_samples)
        check_positive("chunk", chunk)
        given, made = self.roles(**sampler)
        transform = self.side(made)[1]
        batch = as_batch(source, self.side(given)[0], given, self.stride)
        encoded = ops.convert_to_numpy(self.encode(batch, given))
        rows = row_numbers(rows, len(batch))
        with self.averaged_weights():
            return draw_in_passes(
                lambda one, noise: ops.convert_to_numpy(transform.inverse(self.draw(one, noise, **sampler))),
                encoded,
                int(num_samples),
                seed,
                rows,
                int(chunk),
            )

    def posterior(self, source, num_samples=64, quantiles=(0.16, 0.5, 0.84), seed=0, *, rows=None, **sampler):
        """Pixel-wise mean, standard deviation and quantiles of `num_samples` samples; see `sample` for the rest.

        Works through the rows one by one, so that memory holds the samples of a single row.

        Returns: `Posterior` (mean, std, quantiles).
        """
        if num_samples < 2:
            raise ParameterError(f"a posterior needs two samples or more, not {num_samples}.")
        if not all(0.0 <= q <= 1.0 for q in quantiles):
            raise ParameterError(f"quantiles lie between 0 and 1, but are {tuple(quantiles)}.")
        given, _ = self.roles(**sampler)
        batch = as_batch(source, self.side(given)[0], given, self.stride)
        samples = (
            self.sample(one[None], num_samples, seed, rows=[row], **sampler)[:, 0]
            for row, one in zip(row_numbers(rows, len(batch)), batch, strict=True)
        )
        return pixelwise_summary(samples, quantiles)

    def log_prob(self, target, source, **options) -> np.ndarray:
        """ln p(target | source) per image (B,), in nats, of a density in the physical units of `target`.

        The transform's log-determinant is included. `likelihood` tells whether it is exact or a lower bound.
        `options` are those of the family's `network_log_prob`.
        """
        if self.likelihood is None:
            raise ParameterError(
                f"{type(self).__name__} offers no log_prob; families whose `likelihood` is not None do."
            )
        return self.physical_density(lambda y, c: self.network_log_prob(y, c, **options), target, source)

    def physical_density(self, log_density: Callable, target, source) -> np.ndarray:
        """A log-density of network-space (target, source), with the averaged weights, in physical units."""
        source, target = as_pairs(source, target, (self.source, self.target), self.stride)
        with self.averaged_weights():
            inner = log_density(self.encode(target, "target"), self.encode(source, "source"))
        return ops.convert_to_numpy(inner) + ops.convert_to_numpy(self.target_transform.log_det(target))

    @contextlib.contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Inside, the weights are their average (where there is one yet); afterwards they are back."""
        ready = self.average is not None and self.average.started
        with self.average.in_use(self.averaged_variables) if ready else contextlib.nullcontext():
            yield

    def roles(self, **sampler) -> tuple[str, str]:
        """What `sample` is given and what it draws: "source" and "target", unless `sampler` can turn a family round."""
        return "source", "target"

    def side(self, role: str) -> tuple[tuple[str, ...], ChannelTransform]:
        """(fields, transform) of "source" or "target"."""
        return (self.source, self.source_transform) if role == "source" else (self.target, self.target_transform)

    def encode(self, maps, role: str):
        """Physical (B, H, W, C) to network space, float32; `role` is "source" or "target"."""
        fields, transform = self.side(role)
        check_batch(maps, fields, role, self.stride)
        return transform.forward(maps)

    # ------------------------------------------------------------------ on disk

    def get_config(self):
        return {
            "name": self.name,
            "dtype": self.dtype_policy.name,
            "source": list(self.source),
            "target": list(self.target),
            "image_size": self.image_size,
            "transforms": self.transforms_config(),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

    def transforms_config(self) -> dict:
        """{field: transform as plain JSON} of source and target."""
        fields = self.source + self.target
        transforms = self.source_transform.transforms + self.target_transform.transforms
        return {name: transform.get_config() for name, transform in zip(fields, transforms, strict=True)}

    def save_own_variables(self, store):
        """Also the state of the random generators, which Keras leaves out: a resumed run draws on where it stopped."""
        super().save_own_variables(store)
        save_random_states(self.variables, store)

    def load_own_variables(self, store):
        super().load_own_variables(load_random_states(self.variables, store))

    def save_pretrained(self, folder: str | os.PathLike, metrics=None, metadata=None, half=False, dtype=None):
        """Write the averaged weights and everything needed to use them into `folder`; see `skazoo.presets.save`."""
        from ..presets.folder import save

        return save(self, folder, metrics, metadata, half, dtype)

    def push_to_hub(self, repository: str, private=False, tag=None, message=None, **saving) -> str:
        """Save, and publish as hf://org/name with the token of HF_TOKEN or `hf auth login`; returns the commit's hash.

        Args:
            repository, private, tag, message: see `skazoo.hub.publish_preset`.
            saving: as for `save_pretrained`: metrics, metadata, half, dtype.
        """
        from ..hub import publish_mapper

        return publish_mapper(self, repository, private, tag, message, **saving)

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike, revision=None, dtype=None, load_weights=True):
        """As `skazoo.presets.from_pretrained`, but `ParameterError` where the preset is of another family."""
        from ..presets.names import from_pretrained

        mapper = from_pretrained(name, revision=revision, dtype=dtype, load_weights=load_weights)
        if not isinstance(mapper, cls):
            raise ParameterError(f"{name} is a {type(mapper).__name__}, not a {cls.__name__}.")
        return mapper
