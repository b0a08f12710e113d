"""The visibilities that an observation takes: where they lie, how noisy they are, how much they count."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.constants import c

from ..errors import ObservationError
from .array import Array
from .coverage import above, shadowed, uvw
from .subbands import Subband
from .weighting import taper_weights, weigh

__all__ = ["Samples", "take"]


@dataclass(frozen=True)
class Samples:
    """K visibilities of one observation.

    Attributes:
        uvw: (K, 3) metres, antenna q minus antenna p, as they would have to be at the observation's frequency
            for the same number of wavelengths: the baseline times subband frequency / frequency.
        p, q: (K,) antenna numbers.
        hour_angle: (K,) radians.
        sigma: (K,) noise of Re and of Im for one hour in all and one hertz, Jy; it falls as the square root of both.
        weights: (K,) imaging weights that sum to 1.
        subband: (K,) number of the part of the band.
        ratios: (S,) frequency of each part of the band over the observation's.
    """

    uvw: np.ndarray
    p: np.ndarray
    q: np.ndarray
    hour_angle: np.ndarray
    sigma: np.ndarray
    weights: np.ndarray
    subband: np.ndarray
    ratios: np.ndarray

    def __len__(self) -> int:
        return len(self.sigma)

    @property
    def noise_rms(self) -> float:
        """Noise of the image for one hour and one hertz: sqrt(sum w^2 sigma^2) / sum w, Jy/beam."""
        return float(np.sqrt(np.sum(np.square(self.weights * self.sigma))))

    def flux(self, spectral_index: float) -> np.ndarray | float:
        """(K,) flux density over that at the observation's frequency: (nu / nu0)^index; 1.0 for one part."""
        if len(self.ratios) == 1:
            return 1.0
        return (self.ratios**spectral_index)[self.subband]


def take(
    array: Array,
    subbands: list[Subband],
    frequency: u.Quantity,
    declination: u.Quantity,
    hour_angles: np.ndarray,
    min_elevation: u.Quantity,
    pixel_scale: u.Quantity,
    weighting: str,
    robust: float,
    weighting_fov: u.Quantity,
    taper: u.Quantity | None,
) -> Samples:
    """Lay out the baselines, leave out what cannot be used, and weigh the rest.

    Left out: times below `min_elevation`, antennas without a receiver at this frequency, shadowed baselines,
    and baselines longer than 1 / (2 pixel_scale) wavelengths, which pixels of this size cannot sample. All
    parts of the band are weighed together.

    Raises:
        ObservationError: no baseline is left; the message names the cut that took the last one.
    """
    hours = hour_angles[above(array, declination, hour_angles, min_elevation)]
    baselines = uvw(array, declination, hours)
    seen = ~shadowed(array, baselines)
    lengths = np.hypot(baselines[..., 0], baselines[..., 1])
    p, q = array.pairs
    wavelength = (c / frequency).to_value(u.m)
    limit = wavelength / (2 * pixel_scale.to_value(u.rad))
    ratios = np.array([(part.frequency / frequency).to_value(u.dimensionless_unscaled) for part in subbands])
    parts, shortest = [], np.inf
    for number, (part, ratio) in enumerate(zip(subbands, ratios, strict=True)):
        keep = seen & (part.receivers.working[p] & part.receivers.working[q])[None]
        if keep.any():
            shortest = min(shortest, lengths[keep].min() * ratio)
        keep &= lengths * ratio <= limit
        time, pair = np.nonzero(keep)
        # one hour in all, shared by the integrations; one hertz, shared by the parts of the band
        sigma = part.receivers.visibility_sigma(p, q, part.share * u.Hz, 1 * u.h / len(hours))[pair]
        whole = baselines[time, pair]
        parts.append((whole * ratio if ratio != 1 else whole, pair, time, sigma, np.full(len(pair), number, np.int16)))
    if not np.isfinite(shortest):
        raise ObservationError(f"every baseline of {array.title} is shadowed or has no receiver at {frequency:.6g}.")
    del baselines, lengths, seen
    taken, pair, time, sigma, subband = (_joined(each) for each in zip(*parts, strict=True))
    if not len(pair):
        most = wavelength / (2 * shortest) * u.rad
        raise ObservationError(
            f"pixel_scale {pixel_scale.to(u.arcsec):.3g} is too coarse for the shortest baseline of {array.title} "
            f"({shortest:.0f} m at {frequency.to(u.MHz):.6g}): it must be below {most.to(u.arcsec):.3g}."
        )
    u_v = taken[:, :2] / wavelength
    weights = weigh(u_v, 1 / sigma**2, weighting, robust, weighting_fov) * taper_weights(u_v, taper)
    total = weights.sum()
    if not total > 0:
        raise ObservationError(
            f"taper {taper.to(u.arcsec):.4g} leaves no weight on any baseline of {array.title}; "
            "make it smaller or set taper=None."
        )
    return Samples(taken, p[pair], q[pair], hours[time], sigma, weights / total, subband, ratios)


def _joined(pieces: tuple[np.ndarray, ...]) -> np.ndarray:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
