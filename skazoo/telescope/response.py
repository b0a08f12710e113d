"""What a configuration does to every sky, computed once: the PSF, and the power of the noise on the image.

For fixed coverage and weights the dirty image is the sky convolved with the PSF, plus noise whose covariance
depends on the offset of two pixels only. Both are applied on the doubled grid by FFT: exactly for the sky (all
offsets between two pixels of the image are on that grid), and for the noise with exact variance.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
import scipy.fft
from astropy.constants import c

from ..errors import OutputError
from ..files import replacing
from .beam import Beam, fit_beam, lobe
from .imaging import image, point_spread_function, w_turns
from .samples import Samples

__all__ = ["Response", "cached", "compute"]

VERSION = 2  # raise when the meaning of a cached entry changes
_MEMORY: dict[str, Response] = {}
MEMORY_ENTRIES = 16
FEW_PIXELS = 200


@dataclass(frozen=True, eq=False)
class Response:
    """The PSF and the noise of one configuration; images have rows to north, columns to west.

    Attributes:
        psf: (2 npix, 2 npix) float32, peak at [npix, npix]: 1, or over several subbands the mean flux of a
            source of 1 Jy at the observation's frequency.
        noise_power: (2 npix, npix + 1) float32: variance of the image in each Fourier cell of the doubled
            grid (half plane), for one hour and one hertz, (Jy/beam)^2; the full plane sums to the square
            of `noise_rms`.
        noise_rms: of the image for one hour and one hertz, Jy/beam.
        beam: the Gaussian fit to the main lobe.
        facts: visibilities, longest baseline used (m), integrations, largest w phase (turns).
    """

    psf: np.ndarray
    noise_power: np.ndarray
    noise_rms: float
    beam: Beam
    facts: dict

    def __post_init__(self):
        kernel = scipy.fft.rfft2(scipy.fft.ifftshift(self.psf.astype(np.float64)))
        object.__setattr__(self, "kernel", kernel.astype(np.complex64))
        object.__setattr__(self, "colour", np.sqrt(self.noise_power * self.psf.size).astype(np.float32))

    @property
    def npix(self) -> int:
        """Side of the image."""
        return len(self.psf) // 2

    def convolve(self, sky: np.ndarray) -> np.ndarray:
        """Dirty image of a sky without noise: (npix, npix) Jy/pixel -> float32 Jy/beam."""
        return self._to_image(self.kernel * self._padded(sky))

    def noise(self, generator: np.random.Generator) -> np.ndarray:
        """One draw of the noise of one hour and one hertz: (npix, npix) float32 Jy/beam."""
        return self._to_image(self.colour * self._white(generator))

    def observe(self, sky: np.ndarray, generator: np.random.Generator, scale: float) -> np.ndarray:
        """`convolve(sky) + scale * noise(generator)` with one inverse FFT less."""
        spectrum = self.kernel * self._padded(sky)
        spectrum += (np.float32(scale) * self.colour) * self._white(generator)
        return self._to_image(spectrum)

    def _padded(self, sky: np.ndarray) -> np.ndarray:
        return scipy.fft.rfft2(np.asarray(sky, np.float32), s=self.psf.shape)

    def _white(self, generator: np.random.Generator) -> np.ndarray:
        return scipy.fft.rfft2(generator.standard_normal(self.psf.shape, np.float32), overwrite_x=True)

    def _to_image(self, spectrum: np.ndarray) -> np.ndarray:
        full = scipy.fft.irfft2(spectrum, s=self.psf.shape, overwrite_x=True)
        return np.ascontiguousarray(full[: self.npix, : self.npix])


def compute(
    samples: Samples, frequency: u.Quantity, npix: int, pixel_scale: u.Quantity, spectral_index: float = 0.0
) -> Response:
    """The response of these visibilities.

    Over several subbands the PSF is the image of a point of 1 Jy at `frequency` with this spectral index.

    Raises:
        ObservationError: the beam has fewer than three pixels, or no main lobe.
    """
    # columns run to the west and l to the east: u changes its sign
    mirrored = samples.uvw * np.array([-1.0, 1.0, 1.0])
    flux = samples.flux(spectral_index)
    psf = _psf(mirrored, samples, flux, frequency, npix, pixel_scale)
    beam = _beam(psf, mirrored, samples, flux, frequency, npix, pixel_scale)
    facts = {
        "visibilities": len(samples),
        "longest_baseline_m": float(np.hypot(samples.uvw[:, 0], samples.uvw[:, 1]).max()),
        "integrations": len(np.unique(samples.hour_angle)),
        "w_turns": w_turns(samples.uvw, frequency, npix, pixel_scale),
    }
    power = noise_power(samples, frequency, npix, pixel_scale)
    return Response(psf.astype(np.float32), power, samples.noise_rms, beam, facts)


def _psf(mirrored, samples: Samples, flux, frequency, npix: int, pixel_scale) -> np.ndarray:
    if np.ndim(flux) == 0:
        return point_spread_function(mirrored, frequency, npix, pixel_scale, samples.weights)
    return image(flux.astype(complex), mirrored, frequency, 2 * npix, pixel_scale, samples.weights, w_term=False)


def _beam(psf, mirrored, samples: Samples, flux, frequency, npix: int, pixel_scale) -> Beam:
    """Fit the beam; where the main lobe has few pixels, on a PSF four times finer about the peak."""
    peak = psf[npix, npix]
    if len(lobe(psf / peak)[0]) > FEW_PIXELS:
        return fit_beam(psf / peak, pixel_scale)
    fine = pixel_scale / 4
    core = _psf(mirrored, samples, flux, frequency, min(64, 2 * npix), fine)
    return fit_beam(core / peak, fine, image_pixel=pixel_scale)


def noise_power(samples: Samples, frequency: u.Quantity, npix: int, pixel_scale: u.Quantity) -> np.ndarray:
    """Variance of the image in each Fourier cell of the doubled grid: (2 npix, npix + 1) float32.

    Each visibility adds w^2 sigma^2, shared between the four cells around it in proportion to nearness, so
    that the total is exact, nothing is negative, and the covariance of near pixels is right to second order
    in their offset over the width of the doubled grid.
    """
    side = 2 * npix
    scale = frequency.to_value(u.Hz) / c.value * side * pixel_scale.to_value(u.rad)
    column, row = -samples.uvw[:, 0] * scale, samples.uvw[:, 1] * scale
    variance = np.square(samples.weights * samples.sigma)
    left, below = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right_share, above_share = column - left, row - below
    grid = np.zeros(side * side)
    for i, share_i in ((0, 1 - above_share), (1, above_share)):
        for j, share_j in ((0, 1 - right_share), (1, right_share)):
            cell = ((below + i) % side) * side + (left + j) % side
            grid += np.bincount(cell, weights=variance * share_i * share_j, minlength=side * side)
    grid = grid.reshape(side, side)
    mirrored = np.roll(grid[::-1, ::-1], (1, 1), axis=(0, 1))  # the cell of (-u, -v)
    return (0.5 * (grid + mirrored))[:, : npix + 1].astype(np.float32)


def cached(config: dict, make: Callable[[], Response]) -> Response:
    """The response of `config`, from memory, from disk, or made anew and kept.

    Args:
        config: JSON-able; everything that the response depends on.
        make: computes the response.

    The folder is `SKAZOO_CACHE`, or ~/.cache/skazoo. An entry that cannot be read is reported as a warning
    and made anew; so is a folder that cannot be written.
    """
    text = json.dumps({"version": VERSION, **config}, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    if key not in _MEMORY:
        path = cache_folder() / f"{key}.npz"
        response = _read(path) if path.exists() else None
        if response is None:
            response = make()
            _write(path, response, text)
        while len(_MEMORY) >= MEMORY_ENTRIES:
            _MEMORY.pop(next(iter(_MEMORY)))
        _MEMORY[key] = response
    return _MEMORY[key]


def cache_folder() -> Path:
    """Where responses are kept: $SKAZOO_CACHE/telescope, or ~/.cache/skazoo/telescope."""
    root = os.environ.get("SKAZOO_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "skazoo") / "telescope"


def _read(path: Path) -> Response | None:
    try:
        with np.load(path, allow_pickle=False) as entry:
            psf, power, beam = entry["psf"], entry["noise_power"], entry["beam"]
            rms, facts = float(entry["noise_rms"]), json.loads(str(entry["facts"]))
        side = len(psf)
        if psf.shape != (side, side) or power.shape != (side, side // 2 + 1) or beam.shape != (3,):
            raise ValueError("its arrays do not fit together")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        warnings.warn(f"the cached telescope response {path} is damaged ({error}); computing it anew.", stacklevel=2)
        return None
    return Response(psf, power, rms, Beam(beam[0] * u.arcsec, beam[1] * u.arcsec, beam[2] * u.deg), facts)


def _write(path: Path, response: Response, config: str) -> None:
    try:
        with replacing(path) as partial:
            np.savez(
                partial,
                psf=response.psf,
                noise_power=response.noise_power,
                noise_rms=response.noise_rms,
                beam=np.array(response.beam.values),
                facts=json.dumps(response.facts),
                config=config,
            )
    except (OutputError, OSError) as error:
        warnings.warn(
            f"the telescope response is not kept on disk: {error} Set SKAZOO_CACHE to a folder that can be written.",
            stacklevel=2,
        )
