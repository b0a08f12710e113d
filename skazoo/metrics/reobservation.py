"""The telescope of a dataset's examples: skies of samples observed again, and the units between sky and field."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace

import astropy.units as u
import numpy as np

from ..errors import DatasetError, ParameterError

__all__ = ["SHINING", "jansky_per_unit", "observation_of", "reduced_chi_square"]

SHINING = ("hi", "brightness_temperature")  # fields that are the sky of the mock observation


def observation_of(example: dict, view=None):
    """The `Observation` that made the dirty image of an example.

    Args:
        example: of `ska_tng`, with "ska", "redshift", "pixel_kpc" and "hours".
        view: `View` of its configuration (`builder.builder_config.view`); by default that of the toy configurations.

    Raises:
        DatasetError: the example lacks one of those, or its noise is not that of this telescope.
    """
    from ..datasets.generate import View, mock_observation

    for key in ("ska", "redshift", "pixel_kpc", "hours"):
        if key not in example:
            raise DatasetError(f"the example lacks {key!r}, without which its observation cannot be repeated.")
    npix, pixel = np.shape(example["ska"])[0], float(example["pixel_kpc"])
    if view is None:
        view = View(npix=npix, extent_kpc=round(npix * pixel, 4))
    observation = mock_observation(view, float(example["redshift"])).with_hours(float(example["hours"]))
    noise = float(observation.noise_rms.to_value(u.Jy / u.beam))
    if "noise_rms" in example and abs(noise / float(example["noise_rms"]) - 1) > 0.01:
        raise DatasetError(
            f"the example's noise is {float(example['noise_rms']):.4g} Jy/beam, but {noise:.4g} by this telescope: "
            "pass the view of the dataset's own configuration (builder.builder_config.view)."
        )
    return observation


def jansky_per_unit(field: str, observation, redshift: float) -> float:
    """Jy/pixel of one unit of "hi" (Msun kpc^-2) or "brightness_temperature" (mK) in the sky of an observation.

    HI fills one channel of the observation, as in `physics.brightness_temperature`, at the redshift of the simulation.
    """
    from ..telescope.sky import jansky_per_kelvin

    if field not in SHINING:
        raise ParameterError(f"the telescope sees {' or '.join(SHINING)}, not {field!r}.")
    per_kelvin = jansky_per_kelvin(observation.frequency, observation.pixel_scale**2)
    if field == "brightness_temperature":
        return 1e-3 * per_kelvin
    width = (observation.channel_width / observation.frequency).decompose().value * 299792.458
    return per_kelvin * kelvin_per_surface_density(round(width, 3), redshift)


@lru_cache(maxsize=64)
def kelvin_per_surface_density(channel_width_kms: float, redshift: float) -> float:
    """K per Msun kpc^-2 of HI spread over the channel, in Planck15 (as TNG and the toy universe have it)."""
    from astropy.cosmology import Planck15

    from ..maps.fields import FIELDS, Conditions

    header = SimpleNamespace(redshift=redshift, scale_factor=1 / (1 + redshift), cosmology=Planck15)
    conditions = Conditions(channel_width=channel_width_kms * u.km / u.s)
    return FIELDS["brightness_temperature"].factor(header, conditions).to_value(u.K * u.kpc**2 / u.Msun)


def reduced_chi_square(skies: np.ndarray, dirty: np.ndarray, observation) -> np.ndarray:
    r"""chi^2 / pixels = mean over pixels of (A sky - dirty)^2 / noise^2, one number a sky (n,).

    A is the telescope (PSF within the image), noise the rms of a pixel. 1 on average for the true sky, whatever the
    correlation of the noise between pixels; that only sets the scatter, sqrt(2 / number of independent beams).

    Args:
        skies: (n, npix, npix) Jy/pixel.
        dirty: (npix, npix) Jy/beam, what was observed.
    """
    seen = np.stack([observation.response.convolve(sky * observation.attenuation) for sky in skies])
    noise = float(observation.noise_rms.to_value(u.Jy / u.beam))
    return np.mean((seen - dirty) ** 2, axis=(1, 2)) / noise**2
