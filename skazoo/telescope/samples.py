"""The visibilities that an observation takes: where they lie, how noisy they are, how much they count."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.constants import c

from ..errors import ObservationError
from .array import Array
from .coverage import above, shadowed, uvw
from .noise import Receivers
from .weighting import taper_weights, weigh

__all__ = ["Samples", "take"]


@dataclass(frozen=True)
class Samples:
    """K visibilities of one channel.

    Attributes:
        uvw: (K, 3) metres, antenna q minus antenna p.
        p, q: (K,) antenna numbers.
        hour_angle: (K,) radians.
        sigma: (K,) noise of Re and of Im for one hour in all and one hertz, Jy; it falls as the square root of both.
        weights: (K,) imaging weights that sum to 1.
    """

    uvw: np.ndarray
    p: np.ndarray
    q: np.ndarray
    hour_angle: np.ndarray
    sigma: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.sigma)

    @property
    def noise_rms(self) -> float:
        """Noise of the image for one hour and one hertz: sqrt(sum w^2 sigma^2) / sum w, Jy/beam."""
        return float(np.sqrt(np.sum(np.square(self.weights * self.sigma))))


def take(
    array: Array,
    receivers: Receivers,
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
    and baselines longer than 1 / (2 pixel_scale) wavelengths, which pixels of this size cannot sample.

    Raises:
        ObservationError: no baseline is left; the message names the cut that took the last one.
    """
    hours = hour_angles[above(array, declination, hour_angles, min_elevation)]
    baselines = uvw(array, declination, hours)
    p, q = array.pairs
    keep = ~shadowed(array, baselines)
    keep &= (receivers.working[p] & receivers.working[q])[None]
    wavelength = (c / frequency).to_value(u.m)
    limit = wavelength / (2 * pixel_scale.to_value(u.rad))
    lengths = np.hypot(baselines[..., 0], baselines[..., 1])
    if not keep.any():
        raise ObservationError(f"every baseline of {array.title} is shadowed or has no receiver at {frequency:.6g}.")
    shortest = lengths[keep].min()
    keep &= lengths <= limit
    if not keep.any():
        most = wavelength / (2 * shortest) * u.rad
        raise ObservationError(
            f"pixel_scale {pixel_scale.to(u.arcsec):.3g} is too coarse for the shortest baseline of {array.title} "
            f"({shortest:.0f} m at {frequency.to(u.MHz):.6g}): it must be below {most.to(u.arcsec):.3g}."
        )
    time, pair = np.nonzero(keep)
    taken = baselines[time, pair]
    u_v = taken[:, :2] / wavelength
    # one hour in all, shared by the integrations; one hertz
    sigma = receivers.visibility_sigma(p, q, 1 * u.Hz, 1 * u.h / len(hours))[pair]
    weights = weigh(u_v, 1 / sigma**2, weighting, robust, weighting_fov) * taper_weights(u_v, taper)
    total = weights.sum()
    if not total > 0:
        raise ObservationError(
            f"taper {taper.to(u.arcsec):.4g} leaves no weight on any baseline of {array.title}; "
            "make it smaller or set taper=None."
        )
    return Samples(taken, p[pair], q[pair], hours[time], sigma, weights / total)
