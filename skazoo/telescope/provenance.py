"""What an observation was, in words and numbers for files: its metadata, and a config that makes it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

if TYPE_CHECKING:
    from .configuration import Configuration

__all__ = ["CONFIG_UNITS", "config_of", "metadata_of", "response_key"]

CONFIG_UNITS = {
    "pixel_scale": u.arcsec,
    "channel_width": u.Hz,
    "taper": u.arcsec,
    "weighting_fov": u.arcsec,
    "declination": u.deg,
    "right_ascension": u.deg,
    "integration": u.s,
    "min_elevation": u.deg,
    "frequency": u.MHz,
}


def metadata_of(observation: Configuration) -> dict[str, Any]:
    """The facts that travel with every image: JSON-able."""
    response = observation.response
    return {
        "telescope": observation.array.title,
        "array": observation.array.name,
        "array_version": observation.array.version,
        "redshift": observation.redshift,
        "frequency_hz": float(observation.frequency.to_value(u.Hz)),
        "band": observation.receivers.band,
        "channel_width_hz": float(observation.channel_width.to_value(u.Hz)),
        "subbands": len(observation.subbands),
        "spectral_index": observation.spectral_index if len(observation.subbands) > 1 else None,
        "hours": observation.hours,
        "hours_per_night": observation.hours_per_night,
        "nights": observation.nights,
        "start": observation.start,
        "integrations": response.facts["integrations"],
        "declination_deg": float(observation.declination.to_value(u.deg)),
        "center": _centre(observation),
        "pixel_arcsec": float(observation.pixel_scale.to_value(u.arcsec)),
        "weighting": observation.weighting,
        "robust": observation.robust if observation.weighting == "briggs" else None,
        "taper_arcsec": _arcsec(observation.taper),
        "weighting_fov_arcsec": _arcsec(observation.weighting_fov),
        "beam": list(response.beam.values),
        "noise_rms": float(observation.noise_rms.value),
        "kelvin_per_jy_beam": float(observation.kelvin_per_jy_beam),
        "noise_table": observation.receivers.table,
        "visibilities": response.facts["visibilities"],
        "longest_baseline_m": response.facts["longest_baseline_m"],
        "primary_beam": observation.primary_beam,
        "w_term": "included"
        if observation.uses_w
        else f"left out ({response.facts['w_turns']:.2g} turns at the corner)",
    }


def config_of(observation: Configuration) -> dict[str, Any]:
    """All that makes this observation, JSON-able: `Observation.from_config` makes it again."""
    return {
        "array": observation.array.config,
        "redshift": observation.redshift,
        "npix": observation.npix,
        "pixel_scale": _arcsec(observation.pixel_scale),
        "pixel_kpc": observation.pixel_kpc,
        "hours": observation.hours,
        "channel_width": float(observation.channel_width.to_value(u.Hz)),
        "subbands": len(observation.subbands),
        "spectral_index": observation.spectral_index,
        "weighting": observation.weighting,
        "robust": observation.robust,
        "taper": _arcsec(observation.taper),
        "weighting_fov": _arcsec(observation.weighting_fov),
        "declination": float(observation.declination.to_value(u.deg)),
        "right_ascension": float(observation.right_ascension.to_value(u.deg)),
        "start": observation.start,
        "hours_per_night": observation.hours_per_night,
        "integration": float(observation.integration.to_value(u.s)),
        "min_elevation": float(observation.min_elevation.to_value(u.deg)),
        "frequency": float(observation.frequency.to_value(u.MHz)),
        "noise_table": observation.noise_table,
        "sefd": None if observation.sefd is None else observation.receivers.sefd.tolist(),
        "w_term": observation.w_term,
        "primary_beam": observation.primary_beam,
    }


def response_key(observation: Configuration) -> dict[str, Any]:
    """All that the response depends on; not the hours and the channel width, which only scale its noise."""
    from hashlib import sha256

    strengths = b"".join(
        part.receivers.sefd.tobytes() + part.receivers.efficiency.tobytes() for part in observation.subbands
    )
    key = {
        "array": observation.array.digest,
        "frequency_hz": float(observation.frequency.to_value(u.Hz)),
        "npix": observation.npix,
        "pixel_arcsec": _arcsec(observation.pixel_scale),
        "weighting": [observation.weighting, observation.robust, _arcsec(observation.weighting_fov)],
        "taper_arcsec": _arcsec(observation.taper),
        "declination_deg": float(observation.declination.to_value(u.deg)),
        "track": [
            observation.hours_per_night,
            len(observation.track),
            float(observation.min_elevation.to_value(u.deg)),
        ],
        "sefd": sha256(strengths).hexdigest(),
    }
    if observation.start is not None:
        key["first_hour_angle"] = float(observation.track[0])
    if len(observation.subbands) > 1:
        width = float(observation.channel_width.to_value(u.Hz))
        key["band"] = [len(observation.subbands), width, observation.spectral_index]
    return key


def _arcsec(angle: u.Quantity | None) -> float | None:
    return None if angle is None else float(angle.to_value(u.arcsec))


def _centre(observation: Configuration) -> list[float]:
    """Right ascension and declination (deg) of the centre of the frame.

    The phase centre is the centre of pixel [npix // 2, npix // 2]: half a pixel to the north and to the west of
    the middle of an even number of pixels.
    """
    half = 0.5 * float(observation.pixel_scale.to_value(u.deg)) * (observation.npix % 2 == 0)
    right, declination = (float(x.to_value(u.deg)) for x in (observation.right_ascension, observation.declination))
    east = half / max(np.cos(np.radians(declination)), 1e-6)
    return [(right + east) % 360, max(declination - half, -90.0)]
