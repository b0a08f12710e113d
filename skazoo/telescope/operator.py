"""The noiseless telescope as a Keras layer: sky to dirty image, differentiable on every backend."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice
from .observation import Observation
from .sky import jansky_per_kelvin

__all__ = ["DirtyImage"]

UNITS = ("Jy/pixel", "K")


@keras.saving.register_keras_serializable(package="skazoo")
class DirtyImage(keras.layers.Layer):
    """Convolves skies with the PSF of an observation: (B, npix, npix, C) to (B, npix, npix, C) Jy/beam.

    Args:
        observation: an `Observation`, or its `config`.
        unit: of the sky, "Jy/pixel" or "K" of brightness temperature.

    Raises:
        ParameterError: another unit, an image of another size, or an observation that needs the w term (it has
            no one PSF; set w_term=False to accept the error).

    It has no weights: PSF and primary beam are made anew from the configuration when a model is loaded.
    """

    def __init__(self, observation: Observation | dict, unit: str = "Jy/pixel", **options):
        options.setdefault("trainable", False)
        super().__init__(**options)
        check_choice("unit", unit, UNITS)
        if not isinstance(observation, Observation):
            observation = Observation.from_config(observation)
        if observation.uses_w:
            raise ParameterError(
                "operator() needs one PSF for the whole field, but w_term="
                f"{observation.w_term!r} takes w along here; set w_term=False or make the field smaller."
            )
        self.observation, self.unit = observation, unit
        npix = observation.npix
        psf = observation.psf.astype(np.float64)
        psf[0], psf[:, 0] = 0, 0  # no two pixels are npix apart; without it the kernel is even, and its FFT real
        self._kernel = np.fft.fft2(np.fft.ifftshift(psf)).real.astype(np.float32)
        factor = 1.0 if unit == "Jy/pixel" else jansky_per_kelvin(observation.frequency, observation.pixel_scale**2)
        self._gain = (factor * observation.attenuation).astype(np.float32).reshape(1, npix, npix, 1)

    def call(self, sky):
        """The dirty image of each sky and channel, Jy/beam."""
        self._check(sky)
        return self._convolve(ops.cast(sky, "float32") * ops.convert_to_tensor(self._gain))

    def adjoint(self, image):
        """A* with <A x, y> = <x, A* y>: from Jy/beam to the unit of the sky times (Jy/beam)^2."""
        self._check(image)
        return self._convolve(ops.cast(image, "float32")) * ops.convert_to_tensor(self._gain)

    def _convolve(self, x):
        npix = self.observation.npix
        x = ops.transpose(x, (0, 3, 1, 2))
        x = ops.pad(x, [[0, 0], [0, 0], [0, npix], [0, npix]])
        real, imaginary = ops.fft2((x, ops.zeros_like(x)))
        kernel = ops.convert_to_tensor(self._kernel)
        real, _ = ops.ifft2((real * kernel, imaginary * kernel))
        return ops.transpose(real[:, :, :npix, :npix], (0, 2, 3, 1))

    def _check(self, x) -> None:
        npix = self.observation.npix
        if len(x.shape) != 4 or x.shape[1] != npix or x.shape[2] != npix:
            raise ParameterError(f"operator() takes (batch, {npix}, {npix}, channels), but was given {tuple(x.shape)}.")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "observation": self.observation.config, "unit": self.unit}
