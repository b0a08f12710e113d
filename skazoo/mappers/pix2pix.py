"""Paired translation by adversarial training, after pix2pix (Isola et al. 2017, arXiv:1611.07004)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..errors import check_choice
from .adversarial import duel
from .fidelity import FIDELITIES, Diversity, fourier_modes, log_powers, peak_heights
from .gan import GAN, check_weight

__all__ = ["Pix2Pix"]


@keras.saving.register_keras_serializable(package="skazoo")
class Pix2Pix(GAN):
    """Samples p(target | source) in one pass: a generator of source and noise, against a judge of (source, target).

    loss = adversarial + fidelity_weight x fidelity(pixels) + fourier_weight x fidelity(Fourier modes)
                       + peak_weight x fidelity(heights of peaks) + power_weight x fidelity(ln P(k))

    where the fidelity compares two generated maps of each source with the true one; see `fidelity`. The original is
    "l1" with fidelity_weight 100, no other weight and loss "minimax", and has next to no spread. `fit` logs
    `diversity`, which is 1 for samples of the true distribution and falls to 0 when the modes collapse.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        generator, width, multipliers, blocks, stem, padding, dropout, noise_channels, global_noise,
            discriminator_width, discriminator_multipliers, loss, penalty: see `GAN`.
        fidelity: "crps" (right spread for any distribution), "rcgan" (for Gaussian ones) or "l1" (none).
        fidelity_weight: of the pixels; 0 leaves only the judge.
        fourier_weight: of the Fourier modes, all scales alike; 0 leaves them out.
        peak_weight: of the heights of peaks (`peak_heights`), for maps with compact sources whose places the source
            does not tell; 0 leaves them out.
        power_weight: of the power spectrum of each physical map (`log_powers`), for maps whose power is that of a few
            bright pixels; 0 leaves it out.
    """

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        generator="unet",
        width=32,
        multipliers=(1, 2, 2),
        blocks=1,
        stem=1,
        padding="zero",
        dropout=0.0,
        noise_channels=4,
        global_noise=0,
        discriminator_width=None,
        discriminator_multipliers=None,
        loss="relativistic",
        penalty=None,
        fidelity="crps",
        fidelity_weight=10.0,
        fourier_weight=10.0,
        peak_weight=0.0,
        power_weight=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(
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
        )
        check_choice("fidelity", fidelity, FIDELITIES)
        self.fidelity_name = fidelity
        self.fidelity_weight = check_weight("fidelity_weight", fidelity_weight)
        self.fourier_weight = check_weight("fourier_weight", fourier_weight)
        self.peak_weight = check_weight("peak_weight", peak_weight)
        self.power_weight = check_weight("power_weight", power_weight)
        self.network = self.make_generator(len(self.target), len(self.source))
        self.discriminator = self.make_discriminator(len(self.target), len(self.source))
        self._graph = self.make_graph(self.network)
        self.fidelity = keras.metrics.Mean(name="fidelity")
        self.diversity = Diversity()
        self.built = True

    def network_loss(self, target, source, training):
        """Generator's and discriminator's loss of each image, each with gradients for its own weights only."""
        noise = [self.training_noise(source, training, number) for number in range(2)]
        a, b = (self.network([source, *drawn], training=training) for drawn in noise)
        generator, discriminator = duel(
            self.discriminator,
            target,
            a,
            a,
            (source,),
            loss=self.loss_name,
            penalty=self.penalty,
            seed=self.seed_generator if training else self.seed,
        )
        compare = FIDELITIES[self.fidelity_name]
        fidelity = ops.mean(compare(a, b, target), axis=(1, 2, 3))
        generator = generator + self.fidelity_weight * fidelity
        if self.fourier_weight:
            modes, scale = fourier_modes(target)
            of_a, of_b = fourier_modes(a, scale)[0], fourier_modes(b, scale)[0]
            generator = generator + self.fourier_weight * ops.mean(compare(of_a, of_b, modes), axis=(1, 2, 3, 4))
        if self.peak_weight:
            heights = ops.mean(compare(*(peak_heights(each) for each in (a, b, target))), axis=1)
            generator = generator + self.peak_weight * heights
        if self.power_weight:
            powers, unit = log_powers(target, self.target_transform)
            of_a, of_b = (log_powers(each, self.target_transform, unit)[0] for each in (a, b))
            generator = generator + self.power_weight * ops.mean(compare(of_a, of_b, powers), axis=(1, 2))
        self.generator_loss.update_state(generator)
        self.discriminator_loss.update_state(discriminator)
        self.fidelity.update_state(fidelity)
        self.diversity.update_state(a, b, target)
        return generator + discriminator

    def draw(self, source, noise) -> np.ndarray:
        """One pass of the generator; there is nothing to choose."""
        return self.pass_through(self._graph, source, noise)

    def get_config(self):
        return {
            **super().get_config(),
            "fidelity": self.fidelity_name,
            "fidelity_weight": self.fidelity_weight,
            "fourier_weight": self.fourier_weight,
            "peak_weight": self.peak_weight,
            "power_weight": self.power_weight,
        }
