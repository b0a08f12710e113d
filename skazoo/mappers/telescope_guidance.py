"""Samples that agree with an observation: the telescope's equation guides a mapper of the diffusion type."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from ..datasets.transforms import ChannelTransform
from ..errors import ParameterError, check_choice, check_positive
from .backend import compiled
from .image_noise import ImageNoise, WhiteNoise, conjugate_gradients, filtered, reduced_chi_square

__all__ = ["TelescopeGuidance", "guidance_for", "map_power"]


class TelescopeGuidance:
    """Draws a mapper's samples towards p(target | source, dirty image), for `mapper.sample(..., guide=guidance)`.

    At noise level sigma the mapper knows the denoised map as D with a covariance C(sigma). Taken as a Gaussian, and
    with the sky linear about D (a map y in network space changes the dirty image by B y), the observation
    d = A sky(y) + n, n ~ N(0, N), moves the denoised map to

        D' = D + C B^T (B C B^T + N)^-1 (d - A sky(D)),

    and the sampler integrates D' in place of D. C is the filter sigma^2 P / (P + sigma^2) of the spectrum `power` P
    of the mapper's maps in network space. For a Gaussian field of that spectrum, an affine transform and enough
    `iterations` all of this is exact, and so are the samples, up to the steps of the sampler. Else it is an
    approximation: C is stationary, where galaxies are not, and the logarithm that most fields are seen through is
    followed by Gauss-Newton steps, each from the result of the one before. The network is not differentiated.
    It is the pseudoinverse guidance of Song et al. 2023 (ICLR, "PiGDM") with the covariance of Tweedie's second
    moment (compare arXiv:2310.06721) instead of a number, and with the noise's own metric instead of a step size.

    What the mapper may have seen: the samples are posterior ones only if every datum counts once. Right are a mapper
    that does not know the dirty image (dark_matter -> hi, guided by the image); a mapper of ska -> hi that was trained
    with `source_dropout` and samples with guidance=0, as if it had no source; and one that saw another observation
    than the one that guides. A mapper of ska -> hi guided by the very image it is conditioned on counts it
    1 + `strength` times, and its samples come out too narrow: use a small `strength`, the least that brings
    `reduced_chi_square` of the samples to 1, and do not read uncertainties off them.

    Args:
        operator: linear, sky (n, H, W, 1) -> dirty image without noise (n, H, W, 1), with its `adjoint`, such as
            `Observation.operator()`.
        dirty: (B, H, W) or (H, W), Jy/beam; image i guides the samples of row i (of `rows`, where that is given), and
            a single one all rows.
        noise_rms: of the dirty images, Jy/beam: a number or (B,).
        noise: `ImageNoise` of the observation; white noise by default.
        field: the target that shines; other targets stay as the mapper has them.
        factor: what one unit of it is in the unit that the operator takes.
        power: spectrum P of the maps in network space about their mean: a number (white), or a function of spatial
            frequency (cycles per pixel) whose mean over all frequencies is a pixel's variance; see `map_power`.
        strength: exponent of the likelihood; 1 is Bayes' theorem.
        iterations: of conjugate gradients, at every step of the sampler.
        passes: Gauss-Newton steps at every step of the sampler; 1 is exact for an affine transform. A bright sky that
            the mapper alone does not expect needs 50 or more in all.
    """

    def __init__(
        self,
        operator,
        dirty,
        noise_rms,
        noise=None,
        *,
        field: str = "hi",
        factor: float = 1.0,
        power: float | Callable[[np.ndarray], np.ndarray] = 1.0,
        strength: float = 1.0,
        iterations: int = 30,
        passes: int = 2,
    ):
        for name, value in {"factor": factor, "strength": strength, "iterations": iterations, "passes": passes}.items():
            check_positive(name, value)
        dirty = np.asarray(dirty, np.float32)
        self.dirty = dirty[None] if dirty.ndim == 2 else dirty
        if self.dirty.ndim != 3 or not np.all(np.isfinite(self.dirty)):
            raise ParameterError(f"dirty must be finite images (B, H, W), but has shape {dirty.shape}.")
        self.noise_rms = np.broadcast_to(np.asarray(noise_rms, np.float32), len(self.dirty))
        if not np.all(self.noise_rms > 0):
            raise ParameterError("guidance needs an image with noise: noise_rms must be positive.")
        self.operator, self.noise = operator, WhiteNoise() if noise is None else noise
        self.field, self.factor, self.strength = field, float(factor), float(strength)
        self.iterations, self.passes = int(iterations), int(passes)
        self.power = _on_grid(power, self.dirty.shape[1:])
        self._through = _transfer(lambda x: operator(x[..., None])[..., 0], self.dirty.shape[1:]) ** 2
        self._floor = np.maximum(_transfer(self.noise.covariance, self.dirty.shape[1:]), 1e-2)
        self._graphs = {}

    def wrap(self, denoise: Callable, fields: Sequence[str], transform: ChannelTransform, rows) -> Callable:
        """The guided denoiser: (x (n, H, W, T), sigma) -> (n, H, W, T), network space, of a mapper's denoiser.

        Args:
            fields, transform: target fields of the mapper, and how they come into network space.
            rows: (n,) which dirty image belongs to each image.
        """
        check_choice("field of the guidance", self.field, fields)
        rows = np.zeros(len(rows), int) if len(self.dirty) == 1 else np.asarray(rows, int)
        if rows.max() >= len(self.dirty):
            raise ParameterError(f"row {rows.max()} has no dirty image: the guidance has {len(self.dirty)} of them.")
        channel = list(fields).index(self.field)
        key = channel, json.dumps(transform.transforms[channel].get_config())
        if key not in self._graphs:  # traced once, whatever the number of calls
            self._graphs[key] = compiled(self._correction(transform.transforms[channel]), _NO_WEIGHTS)
        correct = self._graphs[key]
        dirty, rms, last = self.dirty[rows], self.noise_rms[rows], None

        def guided(x, sigma):
            nonlocal last
            denoised = denoise(x, sigma)
            last = denoised[..., channel] if last is None else last
            for _ in range(self.passes):
                last = correct(denoised[..., channel], last, np.float32(sigma), dirty, rms)
            channels = [last if i == channel else denoised[..., i] for i in range(denoised.shape[-1])]
            return ops.stack(channels, axis=-1)

        return guided

    def reduced_chi_square(self, samples, fields: Sequence[str] | None = None) -> np.ndarray:
        """chi^2 per degree of freedom of samples (num_samples, B, H, W, T) when observed again: (num_samples, B).

        Args:
            fields: names of the channels; by default the guidance's one.

        1 within the scatter of `image_noise.reduced_chi_square` where samples are true to the image: far above means
        that they do not fit it; far below that they fit its noise.
        """
        fields = (self.field,) if fields is None else tuple(fields)
        check_choice("field of the guidance", self.field, fields)
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 5 or samples.shape[-1] != len(fields) or samples.shape[2:4] != self.dirty.shape[1:]:
            raise ParameterError(
                f"samples must be (num_samples, B, {self.dirty.shape[1]}, {self.dirty.shape[2]}, {len(fields)}), "
                f"as `sample` gives them, but have shape {samples.shape}."
            )
        sky = samples[..., fields.index(self.field)].reshape(-1, *samples.shape[2:4], 1) * np.float32(self.factor)
        seen = [ops.convert_to_numpy(self.operator(part)) for part in np.split(sky, range(64, len(sky), 64))]
        dirty = np.broadcast_to(self.dirty, samples.shape[1:4])
        rms = np.broadcast_to(self.noise_rms, len(dirty))
        return reduced_chi_square(dirty, np.concatenate(seen).reshape(samples.shape[:4]), rms, self.noise)

    def _correction(self, transform) -> Callable:
        """(D, sky to linearise about, sigma, dirty, rms) -> D', tensors (n, H, W) and (n,), network space."""

        def observe(sky):
            return self.operator(sky[..., None])[..., 0]

        def correct(denoised, now, sigma, dirty, rms):
            rms = ops.reshape(rms, (-1, 1, 1))
            variance = ops.square(sigma)
            spread = variance * self.power / (self.power + variance)
            physical = transform.inverse(now)
            slope = -transform.log_slope(physical)
            gain = self.factor * ops.exp(slope) / rms  # of dsky / dy, in units of the noise

            def forward(y):
                return observe(gain * y)

            def adjoint(image):
                return filtered(gain * self.operator.adjoint(image[..., None])[..., 0], spread)

            def matrix(z):
                return forward(adjoint(z)) + self.noise.covariance(z) / self.strength

            # its inverse, were everything periodic and the sky evenly bright
            level = ops.mean(ops.square(gain), axis=(1, 2), keepdims=True)
            inverse = 1.0 / (level * self._through * spread + self._floor / self.strength)
            residual = (dirty - observe(self.factor * physical)) / rms + forward(now - denoised)
            z = conjugate_gradients(matrix, residual, lambda x: filtered(x, inverse), self.iterations)
            step = denoised + adjoint(z) - now
            # the line was drawn where the slope was this: stop where it has changed by a factor e
            bend = ops.abs(-transform.log_slope(transform.inverse(now + step)) - slope)
            return now + step / ops.maximum(bend, 1.0)

        return correct


_NO_WEIGHTS = keras.layers.Identity()


def map_power(maps) -> Callable[[np.ndarray], np.ndarray]:
    """The isotropic spectrum of maps (n, H, W) about their mean map, for `TelescopeGuidance(power=...)`.

    Args:
        maps: in network space, square: `mapper.encode(targets, "target")[..., 0]` for a mapper without knowledge of
            the target; for a conditional one better its residuals, samples minus their mean.

    Returns: function of frequency (cycles per pixel), interpolated in the logarithm between rings of whole frequency.
    """
    maps = np.asarray(maps, np.float64)
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or len(maps) < 2:
        raise ParameterError(f"maps must be two or more square ones, (n, H, H), but have shape {maps.shape}.")
    side = maps.shape[1]
    power = np.mean(np.abs(np.fft.fft2(maps - maps.mean(0))) ** 2, axis=0) / side**2 * len(maps) / (len(maps) - 1)
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(side)]))
    ring = np.rint(frequency * side).astype(int).ravel()
    count = np.bincount(ring)
    mean = np.bincount(ring, power.ravel()) / count
    centre = np.bincount(ring, frequency.ravel()) / count
    if not np.all(mean > 0):
        raise ParameterError("maps must vary at every scale; these do not.")
    return lambda k: np.exp(np.interp(k, centre, np.log(mean)))


def guidance_for(configuration, examples, field: str = "hi", cosmology=None, jitter: float = 1e-2, **options):
    """The `TelescopeGuidance` of examples of `ska_tng`: their dirty images with the telescope that made them.

    Args:
        configuration: `SkaTngConfig` (`builder.builder_config`), or its `view`.
        examples: one example, or a batch with the same keys; "ska", "noise_rms" and "redshift" are used.
        field: "hi" or "brightness_temperature".
        cosmology: of the simulation, for hi; Planck15 (as TNG and the toy universe have it) by default.
        jitter: see `ImageNoise`.
        options: of `TelescopeGuidance`: power, strength, iterations, passes.

    Raises:
        ParameterError: a configuration without telescope, another field, or examples of several redshifts (each has
            a PSF of its own: guide them apart).
    """
    from ..datasets.generate import mock_observation

    view = getattr(configuration, "view", configuration)
    check_choice("field of the guidance", field, ("hi", "brightness_temperature"))
    if not view.array:
        raise ParameterError("this configuration observes nothing; take one with observation=True.")
    redshifts = np.unique(np.asarray(examples["redshift"], float))
    if len(redshifts) != 1:
        raise ParameterError(f"the examples have {len(redshifts)} redshifts, and as many PSFs; guide them apart.")
    redshift = float(redshifts[0])
    observation = mock_observation(view, redshift)
    return TelescopeGuidance(
        observation.operator(unit="K"),
        examples["ska"],
        examples["noise_rms"],
        ImageNoise(observation, jitter),
        field=field,
        factor=1e-3 if field == "brightness_temperature" else _kelvin(view, redshift, cosmology),
        **options,
    )


def _kelvin(view, redshift: float, cosmology) -> float:
    """K per (proper) Msun/kpc^2 of HI in the channel of a view."""
    from types import SimpleNamespace

    import astropy.units as u
    from astropy.cosmology import Planck15

    from ..maps.fields import FIELDS, Conditions

    header = SimpleNamespace(redshift=redshift, scale_factor=1 / (1 + redshift), cosmology=cosmology or Planck15)
    conditions = Conditions(channel_width=view.channel_width_kms * u.km / u.s)
    return FIELDS["brightness_temperature"].factor(header, conditions).to_value(u.K * u.kpc**2 / u.Msun)


def _transfer(function: Callable, shape) -> np.ndarray:
    """What a symmetric filter of images (n, H, W) does to each Fourier mode, from its answer to a central point."""
    point = np.zeros((1, *shape), np.float32)
    point[0, shape[0] // 2, shape[1] // 2] = 1.0
    answer = ops.convert_to_numpy(function(ops.convert_to_tensor(point)))[0]
    return np.fft.fft2(np.fft.ifftshift(answer)).real.astype(np.float32)


def _on_grid(power, shape) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    found = power(frequency) if callable(power) else np.full(shape, power, np.float64)
    found = np.asarray(found, np.float64)
    if found.shape != tuple(shape) or not np.all(np.isfinite(found) & (found > 0)):
        raise ParameterError("power must be finite and above zero at every spatial frequency.")
    return found.astype(np.float32)
