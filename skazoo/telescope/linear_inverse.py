"""The linear answer to the inverse problem: a Wiener filter with the telescope's own PSF and noise."""

from __future__ import annotations

from collections.abc import Callable

import astropy.units as u
import numpy as np
import scipy.fft
from scipy.optimize import least_squares
from scipy.sparse.linalg import LinearOperator, cg

from ..errors import ObservationError, ParameterError
from ..maps.map import Map
from .seen import Seen

__all__ = ["fitted_prior", "wiener"]

JITTER = 1e-2  # white noise added to the telescope's, as a part of its variance: bounds the condition number
STEEPNESS = 2.0  # b of the prior where few rings are seen


def wiener(
    seen: Seen, prior: Callable[[np.ndarray], np.ndarray] | None = None, tolerance: float = 1e-2, iterations: int = 5000
) -> Map:
    """The linear estimate of the sky with the least mean square error, under a stationary prior: Jy/pixel.

    x = S A* (A S A* + N)^-1 d, with A the PSF (within the image, nothing periodic), N the covariance of the
    noise and S that of the sky; solved by conjugate gradients.

    Args:
        seen: an observed sky with noise.
        prior: power spectrum of the sky: spatial frequency in cycles per pixel -> (Jy/pixel)^2, such that its
            mean over all frequencies is the variance of a pixel; by default `fitted_prior(seen)`.
        tolerance: of the residual, relative to the image.
        iterations: at most so many.

    Raises:
        ParameterError: no noise; a prior that is negative or not finite.
        ObservationError: the solution did not converge; or, without a prior, no signal above the noise.
    """
    if seen.seed is None:
        raise ParameterError("wiener() needs an image with noise; observe with a seed, or use clean().")
    observation, response = seen.observation, seen.observation.response
    npix = observation.npix
    prior = fitted_prior(seen) if prior is None else prior
    sky_power = np.asarray(prior(_frequencies(2 * npix)), np.float64)
    if sky_power.shape != (2 * npix, npix + 1) or not (np.isfinite(sky_power) & (sky_power >= 0)).all():
        raise ParameterError("prior must give a finite power, zero or above, for every spatial frequency.")
    kernel, noise_power = _kernel(response), _noise_power(seen)
    jitter = JITTER * np.mean(_full(noise_power))
    dim = observation.attenuation  # the telescope sees the sky through its primary beam

    def covariance(flat: np.ndarray) -> np.ndarray:
        z = flat.reshape(npix, npix)
        signal = _filter(dim * _filter(dim * _filter(z, kernel), sky_power), kernel)
        return (signal + _filter(z, noise_power) + jitter * z).ravel()

    data = seen.dirty.data.astype(np.float64).ravel()
    operator = LinearOperator((data.size, data.size), matvec=covariance, dtype=np.float64)
    # what the inverse would be if the image were periodic: a good guess of it, and positive
    near = 1 / (kernel**2 * sky_power + noise_power.clip(0) + jitter)
    guess = LinearOperator(
        operator.shape, matvec=lambda flat: _filter(flat.reshape(npix, npix), near).ravel(), dtype=np.float64
    )
    solution, failed = cg(operator, data, rtol=tolerance, maxiter=iterations, M=guess)
    if failed:
        raise ObservationError(
            f"wiener() did not converge to tolerance {tolerance:g} in {iterations} iterations; raise either, "
            "or give a prior of less power: the brighter the sky is above the noise, the more iterations it takes."
        )
    estimate = _filter(dim * _filter(solution.reshape(npix, npix), kernel), sky_power)
    return Map(estimate.astype(np.float32), u.Jy / u.pix, "ska", seen.dirty.pixel_scale, dict(seen.dirty.metadata))


def fitted_prior(seen: Seen) -> Callable[[np.ndarray], np.ndarray]:
    """A / (1 + (k / k0)^2)^b fitted to the image's own power above the noise, the PSF taken out.

    The power is measured in rings of spatial frequency where the PSF passes more than 1 % of its largest power.
    Its shape is that under a Hann window, which keeps what runs over the edges from leaking into other rings; its
    level is that of the whole frame, of which a window would see the bright middle only. With fewer than four
    rings b is 2.

    Raises:
        ObservationError: fewer than two rings stand above the noise.
    """
    npix = seen.observation.npix
    hann = np.hanning(npix)[:, None] * np.hanning(npix)
    excess, noise, through, count = _rings(seen, hann)
    number = np.arange(len(count))
    # the mean of a ring of noise scatters by 1 / sqrt(modes); half of them are conjugates, and the window
    # ties neighbours together: 5 / sqrt(count) is about two of its standard deviations
    good = (number > 0) & (through > 0.01 * through.max()) & (excess > 5 * noise / np.sqrt(count))
    if good.sum() < 2:
        raise ObservationError("nothing in the image stands above the noise; give wiener() a prior.")
    whole = _rings(seen, np.ones((npix, npix)))[0]
    level = np.sum((count * whole)[good]) / np.sum((count * excess)[good])
    if level <= 0:
        raise ObservationError("nothing in the image stands above the noise; give wiener() a prior.")
    frequency, power = number[good] / npix, np.log(level * excess[good] / through[good])
    fixed = [] if good.sum() >= 4 else [STEEPNESS]

    def misfit(x):
        return np.sqrt(count[good]) * (_log_power(frequency, *x, *fixed) - power)

    start, low, high = zip(
        *((power.max(), -np.inf, np.inf), (np.log(4 / npix), np.log(0.25 / npix), 0.0), (STEEPNESS, 0.1, 8.0)),
        strict=True,
    )
    free = 3 - len(fixed)
    found = least_squares(misfit, start[:free], bounds=(low[:free], high[:free])).x
    return lambda k: np.exp(_log_power(k, *found, *fixed))


def _log_power(frequency, level: float, log_k0: float, steepness: float) -> np.ndarray:
    return level - steepness * np.log1p((frequency / np.exp(log_k0)) ** 2)


def _rings(seen: Seen, window: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means over rings of whole spatial frequency under a window: (power above the noise, noise, PSF^2, modes)."""
    response, npix = seen.observation.response, len(window)
    norm = np.sum(window**2)
    power = np.abs(scipy.fft.fft2(seen.dirty.data * window)) ** 2 / norm
    covariance = scipy.fft.irfft2(_noise_power(seen), s=response.psf.shape)
    overlap = scipy.fft.ifft2(np.abs(scipy.fft.fft2(window, s=response.psf.shape)) ** 2).real
    noise = scipy.fft.fft2(covariance * overlap).real[::2, ::2] / norm
    passed = _full(_kernel(response))[::2, ::2] ** 2
    ring = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(npix) * npix] * 2))).astype(int).ravel()
    count = np.bincount(ring)
    excess, level, through = (np.bincount(ring, weights=x.ravel()) / count for x in (power - noise, noise, passed))
    return excess, level, through, count


def _kernel(response) -> np.ndarray:
    """Transform of the PSF on the doubled grid, real: (2 npix, npix + 1)."""
    psf = response.psf.astype(np.float64)
    psf[0], psf[:, 0] = 0, 0  # no two pixels are npix apart; without it the PSF is even
    return scipy.fft.rfft2(scipy.fft.ifftshift(psf)).real


def _noise_power(seen: Seen) -> np.ndarray:
    """Power of the noise of this observation on the doubled grid; its mean is the variance of a pixel."""
    response = seen.observation.response
    return response.noise_power.astype(np.float64) * response.psf.size * seen.observation.noise_scale**2


def _filter(image: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Multiply by `power` in the Fourier space of the doubled grid: (npix, npix) to (npix, npix)."""
    npix = len(image)
    return scipy.fft.irfft2(scipy.fft.rfft2(image, s=(2 * npix, 2 * npix)) * power)[:npix, :npix]


def _frequencies(side: int) -> np.ndarray:
    """Spatial frequency of the half plane, cycles per pixel: (side, side // 2 + 1)."""
    return np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])


def _full(half: np.ndarray) -> np.ndarray:
    """The full plane of a real and even half plane: (side, side)."""
    side = len(half)
    return scipy.fft.fft2(scipy.fft.irfft2(half, s=(side, side))).real
