"""What disturbs a disc: spiral arms, lopsidedness, sheared turbulence and cavities."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft

from .hidden import Hidden
from .streams import generator

__all__ = ["Texture", "arm_phase"]

_SIZE = 96  # pixels of the turbulent field
_BOX = 6.0  # its side / R_HI


@lru_cache(maxsize=1)
def _log_wavenumbers() -> np.ndarray:
    axis = np.fft.fftfreq(_SIZE, 1.0 / _SIZE).astype(np.float32)
    wavenumber = np.hypot(axis[:, None], axis[None, :])
    return np.log(np.maximum(wavenumber, 3.0))  # flat beyond a third of the box, so that no mode moves it all


def arm_phase(radius, angle, hidden: Hidden):
    """psi of a trailing logarithmic spiral, m (phi + spin ln R / tan pitch) - phase; crests at psi = 0."""
    wound = angle + np.float32(hidden.spin / np.tan(hidden.pitch)) * np.log(radius + np.float32(0.02))
    return np.float32(hidden.arms) * wound - np.float32(hidden.arm_phase)


def _log_bessel(strength):
    """ln I0(kappa) for kappa < 2, by its series: the mean of exp(kappa cos psi)."""
    quarter = 0.25 * strength * strength
    return np.log1p(quarter * (1.0 + quarter * (0.25 + quarter * (1.0 / 36.0))))


class Texture:
    """The factor by which a galaxy's gas disc departs from axial symmetry; it averages to about 1.

    `texture(radius, angle)` takes polar coordinates (R / R_HI, radian), float32.
    `contrast` is the standard deviation of its logarithm.
    """

    def __init__(self, hidden: Hidden):
        self._hidden = hidden
        arms = 0.5 * hidden.arm_strength**2
        self.contrast = float(np.sqrt(hidden.turbulence**2 + arms + 0.5 * hidden.lopsidedness**2))
        rng = generator(hidden.seed, "texture")
        noise = rng.standard_normal((_SIZE, _SIZE, 2), dtype=np.float32).view(np.complex64)[..., 0]
        noise *= np.exp(np.float32(-0.5 * hidden.turbulence_slope) * _log_wavenumbers())
        noise[0, 0] = 0.0
        self._field = scipy.fft.ifft2(noise, overwrite_x=True)
        self._field *= 1.0 / np.std(self._field.real)

    def __call__(self, radius, angle) -> np.ndarray:
        hidden = self._hidden
        # differential rotation winds clumps into flocculent arms
        sheared = angle + np.float32(hidden.spin / np.tan(hidden.pitch + 0.2)) * np.log(radius + np.float32(0.15))
        noise = self._lookup(radius * np.cos(sheared), radius * np.sin(sheared))
        sigma = np.float32(hidden.turbulence)
        log_factor = sigma * noise.real - 0.5 * sigma**2
        strength = np.float32(hidden.arm_strength) * radius / (radius + np.float32(0.1))
        psi = arm_phase(radius, angle, hidden) + np.float32(0.7) * noise.imag
        log_factor += strength * np.cos(psi) - _log_bessel(strength)
        lopsided = np.float32(hidden.lopsidedness) * np.minimum(radius, np.float32(1.5))
        factor = np.exp(log_factor) * (1.0 + lopsided * np.cos(angle - np.float32(hidden.lopsided_phase)))
        if len(hidden.cavities):
            x, y = radius * np.cos(angle), radius * np.sin(angle)
            for place_x, place_y, size in hidden.cavities.astype(np.float32):
                square = ((x - place_x) ** 2 + (y - place_y) ** 2) / size**2
                # swept up: empty inside, a bright rim
                factor *= 1.0 - np.float32(0.9) * np.exp(-(square**2)) + np.exp(-((square - 1.7) ** 2) * 2.0) * 0.4
        return factor

    def _lookup(self, x, y) -> np.ndarray:
        """Bilinear interpolation of the periodic field; complex64."""
        scale = np.float32(_SIZE / _BOX)
        x, y = x * scale + _SIZE / 2, y * scale + _SIZE / 2
        left, below = np.floor(x), np.floor(y)
        x, y = x - left, y - below
        column, row = left.astype(np.int32) % _SIZE, below.astype(np.int32) % _SIZE
        right, above = (column + 1) % _SIZE, (row + 1) % _SIZE
        flat, row, above = self._field.ravel(), row * _SIZE, above * _SIZE
        low = flat[row + column] * (1.0 - x) + flat[row + right] * x
        high = flat[above + column] * (1.0 - x) + flat[above + right] * x
        return low * (1.0 - y) + high * y
