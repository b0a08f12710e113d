"""What the adversarial mappers share: their networks, their two optimizers, their noise."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from ..errors import ParameterError, check_choice, check_positive
from ..networks.discriminator import patch_discriminator
from ..networks.generator import GENERATORS, noise_shapes
from ..networks.unet import unet_stride
from .adversarial import LOSSES, PENALTIES
from .backend import compiled
from .inputs import check_size
from .mapper import Mapper

__all__ = ["GAN"]


class GAN(Mapper):
    """A mapper whose generators are trained against discriminators; the base of `Pix2Pix` and `CycleGAN`.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        generator: "unet" or "resnet"; see `skazoo.networks.unet_generator`.
        width, multipliers, blocks, stem, padding, dropout, noise_channels, global_noise: of the generator.
        discriminator_width, discriminator_multipliers: see `skazoo.networks.patch_discriminator`; those of the
            generator if None. `stem` and `padding` are shared.
        loss: name in `adversarial.LOSSES`.
        penalty: weight of the gradient penalty; None for the loss's own. With one, the discriminator is float32 under
            mixed_float16, where second derivatives would underflow or overflow.
    """

    beta_1 = 0.0  # of Adam: no memory of the direction, as the other player changes it

    def __init__(
        self,
        source,
        target,
        image_size,
        generator,
        width,
        multipliers,
        blocks,
        stem,
        padding,
        dropout,
        noise_channels,
        global_noise,
        discriminator_width,
        discriminator_multipliers,
        loss,
        penalty,
        transforms,
        seed,
        dtype,
        name,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_choice("generator", generator, GENERATORS)
        check_choice("loss", loss, LOSSES)
        self.generator_arguments = dict(
            width=width,
            multipliers=tuple(multipliers),
            blocks=blocks,
            noise_channels=int(check_weight("noise_channels", noise_channels)),
            global_noise=int(check_weight("global_noise", global_noise)),
            stem=stem,
            padding=padding,
            dropout=dropout,
        )
        self.discriminator_arguments = dict(
            width=discriminator_width or width,
            multipliers=tuple(discriminator_multipliers or multipliers),
            stem=stem,
            padding=padding,
        )
        self.kind, self.loss_name = generator, loss
        self.penalty = float(PENALTIES.get(loss, 0.0) if penalty is None else penalty)
        if self.penalty < 0:
            raise ParameterError(f"penalty must not be negative, but is {penalty}.")
        self.stride = unet_stride(multipliers, stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.generator_loss = keras.metrics.Mean(name="generator")
        self.discriminator_loss = keras.metrics.Mean(name="discriminator")

    # the names of scope lead the paths of the weights, by which the optimizers tell them apart

    def make_generator(self, outputs: int, inputs: int, number: int = 0, **more) -> keras.Model:
        """A generator with weights of its own for each `number`."""
        own = {**self.generator_arguments, **more, "seed": 4 * self.seed + number, "dtype": self.dtype_policy}
        with keras.name_scope("generator"):
            return GENERATORS[self.kind](outputs, inputs, **own)

    def make_discriminator(self, judged: int, beside: int = 0, number: int = 0) -> keras.Model:
        """A discriminator of maps with `judged` channels, given maps with `beside`."""
        half = self.dtype_policy.compute_dtype == "float16"
        with keras.name_scope("discriminator"):
            return patch_discriminator(
                judged,
                beside,
                **self.discriminator_arguments,
                bias=self.loss_name not in ("relativistic", "wgan_gp"),
                seed=4 * self.seed + 2 + number,
                dtype="float32" if half and self.penalty else self.dtype_policy,
            )

    def make_graph(self, generator: keras.Model) -> Callable:
        """The compiled call (source, *noise) -> maps of `generate`."""
        return compiled(lambda maps, *noise: self.generate(generator, maps, noise), generator)

    def generate(self, generator: keras.Model, maps, noise, training: bool = False):
        """What `generator` makes of `maps` (B, H, W, C) and noise of each of `noise_shapes`, in network space."""
        return generator([maps, *noise], training=training)

    @property
    def averaged_variables(self):
        """The weights of the generators: the discriminators are needed as they are, and only in training."""
        return [variable for variable in self.trainable_variables if variable.path.startswith("generator/")]

    def default_optimizer(self, learning_rate):
        """Adam (beta_1 of the family, beta_2 = 0.99) for each player.

        Args:
            learning_rate: number or schedule for both, or a pair (generator's, discriminator's).
        """
        pair = learning_rate if isinstance(learning_rate, tuple | list) else (learning_rate, learning_rate)
        made, judge = (keras.optimizers.Adam(rate, beta_1=self.beta_1, beta_2=0.99) for rate in pair)
        return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(made, {"discriminator/.*": judge}))

    def training_noise(self, source, training: bool, number: int = 0) -> list:
        """Noise of each level for `source` (B, H, W, C); validation always sees the same, another for each `number`."""
        rows, height, width, _ = ops.shape(source)
        shapes = self.noise_shapes(height, width)
        fixed = self.seed + 100 * number
        return [
            keras.random.normal((rows, *shape), seed=self.seed_generator if training else fixed + level)
            for level, shape in enumerate(shapes)
        ]

    def noise_shapes(self, height, width) -> list[tuple]:
        """See `skazoo.networks.noise_shapes`."""
        names = "noise_channels", "multipliers", "stem", "global_noise"
        return noise_shapes(height, width, *(self.generator_arguments[name] for name in names))

    def pass_through(self, graph: Callable, source, noise):
        """One pass of the compiled `graph` (n, H, W, C), with noise of each image's own stream; NumPy in and out."""
        drawn = [noise.normal(shape, stream=level) for level, shape in enumerate(self.noise_shapes(*source.shape[1:3]))]
        return ops.convert_to_numpy(graph(source, *drawn))

    def get_config(self):
        return {
            **super().get_config(),
            "generator": self.kind,
            **self.generator_arguments,
            "discriminator_width": self.discriminator_arguments["width"],
            "discriminator_multipliers": self.discriminator_arguments["multipliers"],
            "loss": self.loss_name,
            "penalty": self.penalty,
        }


def check_weight(name: str, value) -> float:
    """`value` as a weight of a loss: zero or more."""
    if value != 0:
        check_positive(name, value)
    return float(value)
