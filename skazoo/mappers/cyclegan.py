"""Unpaired translation between two kinds of maps, after CycleGAN (Zhu et al. 2017, arXiv:1703.10593)."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice
from .adversarial import duel
from .beam import beam_noise, convolve_beam, log_uniform
from .fidelity import energy_distance, log_powers, window_means
from .gan import GAN, check_weight
from .inputs import as_batch
from .noise import RowNoise
from .replay import ReplayBuffer
from .spread import DIVERSITY_UNITS, lack

__all__ = ["Backwards", "CycleGAN", "Steganography"]

WINDOWS = 1, 4, 16, 64  # pixels a side, of `marginal_weight`
DIRECTIONS = {"a2b": ("source", "target"), "b2a": ("target", "source")}


class Steganography(NamedTuple):
    """Does the way back live on a hidden signal? All arrays (levels,), in units of network space."""

    noise: np.ndarray  # standard deviation of the noise added to the intermediate map
    cycle_error: np.ndarray  # rms of source -> target + noise -> source, against the source
    expected: np.ndarray  # of a pair that hides nothing
    excess: np.ndarray  # cycle_error / expected: near 1 is honest, far above 1 means hiding


@keras.saving.register_keras_serializable(package="skazoo")
class CycleGAN(GAN):
    """Samples p(target | source) and back, from maps of both kinds that need not show the same objects.

    Two generators, a2b from source to target and b2a back, each against a judge of what it makes:

    loss = adversarial + cycle_weight (|b2a(a2b(a)) - a| + |a2b(b2a(b)) - b|)
                       + identity_weight (|a2b(b) - b| + |b2a(a) - a|)
                       + diversity_weight (max(0, d - |a2b(a) - a2b'(a)|) + max(0, d - |b2a(b) - b2a'(b)|))
                       + marginal_weight (distance(means of a2b(a), of b) + distance(means of b2a(b), of a))
                       + power_weight (distance(ln P of a2b(a), of b) + distance(ln P of b2a(b), of a))

    where the dash marks another draw of the noise and d is `diversity` (after arXiv:1901.09024). The distance is that
    of the distributions of a number in the batch's generated and in its true maps (`energy_distance`): of the means
    of windows of 1 to 64 pixels in one place, and of the power spectra, both in physical units and in network space.

    It learns the two sets of maps, not their joint distribution: do not expect calibrated samples. Cycle
    consistency itself punishes spread, and invites to hide the source in faint patterns of the target (Chu et al. 2017,
    arXiv:1712.02950): see `steganography`, and `cycle_noise` against it. No judge asks for different maps of one source
    either, as the sets of maps can be right without: how different they are to be, `diversity`, must come from you.

    Train it on `skazoo.datasets.unpaired`.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        generator, width, multipliers, blocks, stem, padding, dropout, noise_channels, global_noise,
            discriminator_width, discriminator_multipliers, loss, penalty: see `GAN`.
        noise: whether the generators take noise; False is the original, with one target for each source.
        cycle_weight: of the way there and back; a pair for that of sources and that of targets. Where the target holds
            what the source does not know, such as noise, the way from it and back cannot close: a second weight of 0
            leaves it out, else it takes the noise from the generators.
        identity_weight: of leaving maps of its own kind alone, where source and target have as many channels;
            None for half of cycle_weight, of the larger one.
        residual: where source and target have as many channels, the generators add to their input (in network space).
            Both directions may otherwise settle on maps with bright and faint exchanged, to which no judge and no cycle
            objects.
        diversity_weight: of two maps of the same source being different; a pair for that of targets and that of
            sources; 0 for none.
        diversity: how different, as the mean absolute difference of their pixels in network space; more is not asked. A
            list of pairs (window, difference) asks it of the means of windows of as many pixels a side: noise of single
            pixels alone leaves the total of a map as it is.
        diversity_unit: of `diversity`: "network" space, on average over the map; or "scatter", where 1 is the mean
            absolute difference of two true maps of the batch in the same place: then it is the share of the scatter
            that the source does not explain, sqrt(1 - r^2) for Gaussian maps correlated by r with what the source
            tells. It is asked of each scale by itself, the means of a window less those of the next larger one in the
            list, and in each place of 8 pixels a side, averaged over the places that mirroring and turning a square
            map exchange. The set of generated maps is then held to that scatter too, which keeps what the source
            explains to the rest. A batch of one map has no scatter: train on more.
        marginal_weight: of the means of windows, from the single pixel to the whole map, being distributed as those of
            true maps in the same place, which needs no pairs: judges see patches, and single pixels by the way. It
            works against `diversity` of large windows making the set of all maps wider than that of true ones; 1 was
            too little for that (see zoo/README.md).
        power_weight: of the power spectra being distributed as those of true maps, which needs no pairs: judges see
            patches, and let the power of a few bright pixels, or a faint pattern of the network's own, pass; 0 leaves
            it out.
        beam: full width at half maximum, in pixels, of a Gaussian with which generated targets are convolved in
            physical units, as telescope maps hold nothing finer; 0 for none.
        thermal_noise: a pair (least, greatest) of rms in the target's units, between which that of a map is drawn, its
            logarithm uniform: noise added to generated targets in physical units, correlated as in a naturally weighted
            image of that beam (`beam_noise`). What the telescope is known to do, no network need learn. None for none.
        cycle_noise: standard deviation of noise (network space) on the intermediate map of a cycle in training.
        replay: generated maps of earlier steps that the discriminators see again (`ReplayBuffer`); 0 for none.
    """

    beta_1 = 0.5

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        generator="resnet",
        width=32,
        multipliers=(1, 2, 2),
        blocks=4,
        stem=1,
        padding="reflect",
        dropout=0.0,
        noise=True,
        noise_channels=4,
        global_noise=0,
        discriminator_width=None,
        discriminator_multipliers=None,
        loss="lsgan",
        penalty=None,
        cycle_weight=10.0,
        identity_weight=None,
        residual=True,
        diversity_weight=0.0,
        diversity=0.5,
        diversity_unit="network",
        marginal_weight=0.0,
        power_weight=0.0,
        beam=0.0,
        thermal_noise=None,
        cycle_noise=0.0,
        replay=50,
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
            noise_channels if noise else 0,
            global_noise if noise else 0,
            discriminator_width,
            discriminator_multipliers,
            loss,
            penalty,
            transforms,
            seed,
            dtype,
            name,
        )
        self.noise = bool(noise)
        self.cycle_weight = _pair("cycle_weight", cycle_weight)
        half = 0.5 * max(self.cycle_weight)
        self.identity_weight = half if identity_weight is None else check_weight("identity_weight", identity_weight)
        self.diversity_weight = _pair("diversity_weight", diversity_weight)
        scales = diversity if isinstance(diversity, tuple | list) else [(1, diversity)]
        if not scales or not all(isinstance(each, tuple | list) and len(each) == 2 for each in scales):
            raise ParameterError(f"diversity must be a number or a list of pairs (window, number), but is {diversity}.")
        if not all(isinstance(window, int) and window > 0 for window, _ in scales):
            raise ParameterError(f"a window of diversity must be a whole number of pixels, in {diversity}.")
        self.diversity = [(window, check_weight("diversity", value)) for window, value in scales]
        check_choice("diversity_unit", diversity_unit, DIVERSITY_UNITS)
        windows = [window for window, _ in self.diversity]
        if diversity_unit == "scatter" and any(b <= a or b % a for a, b in zip(windows, windows[1:], strict=False)):
            raise ParameterError(f"windows of diversity must each be a multiple of the one before, but are {windows}.")
        self.diversity_unit = diversity_unit
        self.thermal_noise = None if thermal_noise is None else _rms(thermal_noise)
        there, back = self.diversity_weight
        own = noise and (noise_channels or global_noise)
        if (back and not own) or (there and not (own or self.thermal_noise)):
            raise ParameterError("diversity_weight needs noise to tell maps of one source apart: leave noise=True.")
        self.marginal_weight = check_weight("marginal_weight", marginal_weight)
        self.power_weight = check_weight("power_weight", power_weight)
        self.beam = check_weight("beam", beam)
        self.cycle_noise = check_weight("cycle_noise", cycle_noise)
        self.replay = int(check_weight("replay", replay))
        a, b = len(self.source), len(self.target)
        self.residual = bool(residual)
        more = {"residual": self.residual and a == b}
        self.a2b, self.b2a = self.make_generator(b, a, 0, **more), self.make_generator(a, b, 1, **more)
        self.judge_a, self.judge_b = self.make_discriminator(a, number=0), self.make_discriminator(b, number=1)
        self._graphs = {"a2b": self.make_graph(self.a2b), "b2a": self.make_graph(self.b2a)}
        self.pool_a = self.pool_b = None
        self.cycle = keras.metrics.Mean(name="cycle")
        self.identity = keras.metrics.Mean(name="identity")
        self.built = True

    def compile(self, optimizer=None, *, learning_rate=2e-4, average=(0.1,), **keras_arguments):
        """See `Mapper.compile`; `learning_rate` may be a pair (generators', discriminators')."""
        if self.replay and self.pool_a is None:
            self.pool_a, self.pool_b = ReplayBuffer(self.replay), ReplayBuffer(self.replay)
            self.pool_a.follow((self.image_size, self.image_size, len(self.source)))
            self.pool_b.follow((self.image_size, self.image_size, len(self.target)))
        super().compile(optimizer, learning_rate=learning_rate, average=average, **keras_arguments)

    @property
    def training_state(self):
        """The averages, and the pools of earlier maps."""
        pools = [variable for pool in (self.pool_a, self.pool_b) if pool is not None for variable in pool.variables]
        return super().training_state + pools

    def noise_shapes(self, height, width):
        """Those of the generators, then of the pixels and of the rms of the thermal noise."""
        thermal = [(height, width, len(self.target)), (1, 1, 1)] if self.thermal_noise else []
        return [*super().noise_shapes(height, width), *thermal]

    def generate(self, generator, maps, noise, training=False):
        """See `GAN.generate`; targets as the telescope sees them, with its beam and its noise."""
        own, thermal = (noise[:-2], noise[-2:]) if self.thermal_noise else (noise, ())
        made = super().generate(generator, maps, own, training)
        if generator is not self.a2b or not (self.beam or thermal):
            return made
        seen = self.target_transform.inverse(made)
        seen = convolve_beam(seen, self.beam) if self.beam else seen
        if thermal:
            pixels, level = thermal
            seen = seen + log_uniform(level, *self.thermal_noise) * beam_noise(pixels, self.beam)
        return self.target_transform.forward(seen)

    def network_loss(self, target, source, training):
        """Losses of all four networks for each image, each with gradients for its own weights only."""
        a, b = source, target
        seed = self.seed_generator if training else self.seed

        def go(generator, maps, number):
            return self.generate(generator, maps, self.training_noise(maps, training, number), training)

        def blurred(maps, number):
            if not self.cycle_noise:
                return maps
            fixed = self.seed + 50 + number
            grain = keras.random.normal(ops.shape(maps), seed=self.seed_generator if training else fixed)
            return maps + self.cycle_noise * grain

        made_b, made_a = go(self.a2b, a, 0), go(self.b2a, b, 1)
        generator = cycle = 0.0
        ways = (self.b2a, made_b, a), (self.a2b, made_a, b)
        for number, (weight, (back, made, true)) in enumerate(zip(self.cycle_weight, ways, strict=True)):
            if weight:
                closed = _l1(go(back, blurred(made, number), 2 + number), true)
                generator, cycle = generator + weight * closed, cycle + closed
        if self.identity_weight and len(self.source) == len(self.target):
            identity = _l1(go(self.a2b, b, 4), b) + _l1(go(self.b2a, a, 5), a)
            generator = generator + self.identity_weight * identity
            self.identity.update_state(identity)
        ways = (self.a2b, a, made_b, b, 6), (self.b2a, b, made_a, a, 7)
        for weight, (generate, maps, made, true, number) in zip(self.diversity_weight, ways, strict=True):
            if weight:
                apart = go(generate, maps, number) - made
                generator = generator + weight * lack(self.diversity, self.diversity_unit, apart, made, true)
        for made, true, transform in ((made_b, b, self.target_transform), (made_a, a, self.source_transform)):
            if self.marginal_weight:
                for window in WINDOWS:
                    for space in (None, transform) if window > 1 else (None,):
                        means = (window_means(each, window, space) for each in (made, true))
                        generator = generator + self.marginal_weight * ops.mean(energy_distance(*means))
            if self.power_weight:
                for space in (transform, None):
                    powers, unit = log_powers(true, space)
                    apart = ops.mean(energy_distance(log_powers(made, space, unit)[0], powers))
                    generator = generator + self.power_weight * apart
        discriminator = 0.0
        for judge, true, made, pool in (
            (self.judge_a, a, made_a, self.pool_a),
            (self.judge_b, b, made_b, self.pool_b),
        ):
            shown = pool.exchange(made, self.seed_generator) if training and pool is not None else made
            terms = duel(judge, true, made, shown, loss=self.loss_name, penalty=self.penalty, seed=seed)
            generator, discriminator = generator + terms[0], discriminator + terms[1]
        self.cycle.update_state(cycle)
        self.generator_loss.update_state(generator)
        self.discriminator_loss.update_state(discriminator)
        return generator + discriminator

    def roles(self, direction="a2b"):
        """What `sample` is given and what it draws in that direction."""
        check_choice("direction", direction, DIRECTIONS)
        return DIRECTIONS[direction]

    def draw(self, source, noise, *, direction="a2b") -> np.ndarray:
        """One pass of a generator.

        Args:
            direction: "a2b" from source fields to target fields; "b2a" from target fields to source fields.
        """
        return self.pass_through(self._graphs[direction], source, noise)

    @property
    def backwards(self) -> Backwards:
        """This mapper with source and target exchanged, for `skazoo.metrics.evaluate`."""
        return Backwards(self)

    def steganography(self, source, target=None, noise_levels=(0.0, 0.01, 0.03, 0.1, 0.3), seed=0) -> Steganography:
        """Add noise to a2b(source) and see whether b2a still finds its way back.

        A pair that hides nothing spreads the source over the whole range of the target, so that noise n on the
        target costs about n std(source) / std(target), which adds in square to the error without noise. A pair that
        writes the source into faint patterns loses it at once.

        Args:
            source: maps of the source fields, as for `sample`.
            target: true maps of the target fields, whose standard deviation is then used; else the generated ones'.
            noise_levels: standard deviations in network space.
            seed: of the noise.

        Returns: `Steganography`.
        """
        levels = np.asarray(noise_levels, float)
        if levels.ndim != 1 or not len(levels) or np.any(levels < 0) or not np.all(np.isfinite(levels)):
            raise ParameterError(f"noise_levels must be a list of numbers >= 0, but is {noise_levels}.")
        a = ops.convert_to_numpy(self.encode(as_batch(source, self.source, "source", self.stride), "source"))
        rows = np.arange(len(a))
        there, back = (RowNoise(seed, rows, np.full(len(a), way)) for way in (0, 1))
        with self.averaged_weights():
            made = self.draw(a, there, direction="a2b")
            grain = there.normal(made.shape[1:], stream=1000)

            def error(level):
                return np.sqrt(np.mean((self.draw(made + np.float32(level) * grain, back, direction="b2a") - a) ** 2))

            found, least = np.array([error(level) for level in levels]), error(0.0)
        true = made
        if target is not None:
            true = ops.convert_to_numpy(self.encode(as_batch(target, self.target, "target", self.stride), "target"))
        expected = np.hypot(least, levels * a.std() / max(true.std(), 1e-12))
        return Steganography(levels, found, expected, found / np.maximum(expected, 1e-12))

    def get_config(self):
        return {
            **super().get_config(),
            "noise": self.noise,
            "cycle_weight": list(self.cycle_weight),
            "identity_weight": self.identity_weight,
            "residual": self.residual,
            "diversity_weight": list(self.diversity_weight),
            "diversity": [list(each) for each in self.diversity],
            "diversity_unit": self.diversity_unit,
            "marginal_weight": self.marginal_weight,
            "power_weight": self.power_weight,
            "beam": self.beam,
            "thermal_noise": self.thermal_noise and list(self.thermal_noise),
            "cycle_noise": self.cycle_noise,
            "replay": self.replay,
        }

    @classmethod
    def from_config(cls, config):
        """From `get_config`; one without `residual` is of a mapper from before there was the choice."""
        return super().from_config({"residual": False, **config})


class Backwards:
    """A `CycleGAN` read from target to source: enough of a mapper to sample and to be evaluated."""

    likelihood = None

    def __init__(self, mapper: CycleGAN):
        self.mapper, self.source, self.target = mapper, mapper.target, mapper.source

    def sample(self, source, num_samples=8, seed=0, *, rows=None, chunk=64) -> np.ndarray:
        """As `CycleGAN.sample` with direction="b2a"."""
        return self.mapper.sample(source, num_samples, seed, rows=rows, chunk=chunk, direction="b2a")


def _pair(name, value):
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ParameterError(f"{name} must be a number or a pair, but is {value}.")
    return tuple(check_weight(name, each) for each in pair)


def _rms(pair):
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise ParameterError(f"thermal_noise must be a pair of rms, 0 < least <= greatest, but is {pair}.")
    return tuple(float(each) for each in pair)


def _l1(maps, other):
    """Mean absolute difference of each image, (B,)."""
    return ops.mean(ops.abs(maps - other), axis=(1, 2, 3))
