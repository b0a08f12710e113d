"""What radio astronomy does without learning: CLEAN and the Wiener filter, from the dirty image to a map of HI."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import ObservationError, ParameterError
from .baselines import as_names
from .reobservation import SHINING, jansky_per_unit, observation_of

__all__ = ["Clean", "WienerFilter"]


class TelescopeBaseline:
    """A deterministic mapper ska -> hi (or brightness_temperature) that knows the telescope and nothing else.

    Args:
        source: must be ("ska",) or begin with it.
        target: one of "hi" and "brightness_temperature".
        view: of the dataset's configuration; see `reobservation.observation_of`.
    """

    deterministic = True
    likelihood = None

    def __init__(self, source=("ska",), target=("hi",), view=None):
        self.source, self.target, self.view = as_names(source), as_names(target), view
        if "ska" not in self.source:
            raise ParameterError(f"a deconvolution needs the source field 'ska', not {', '.join(self.source)}.")
        if len(self.target) != 1 or self.target[0] not in SHINING:
            raise ParameterError(f"a deconvolution gives {' or '.join(SHINING)}, not {', '.join(self.target)}.")

    def sample_examples(self, examples, num_samples: int = 1, seed: int = 0) -> np.ndarray:
        """The estimate of each example, `num_samples` times: (num_samples, B, H, W, 1) float32, at least 0.

        Args:
            examples: dicts of `ska_tng` with "ska", "redshift", "hours" and "pixel_kpc".
        """
        from ..maps.map import Map
        from ..telescope.seen import Seen

        found = []
        for example in examples:
            observation = observation_of(example, self.view)
            scale = float(example["pixel_kpc"]) * u.kpc
            dirty = Map(np.asarray(example["ska"], np.float32), u.Jy / u.beam, "ska", scale, observation.metadata)
            seen = Seen(dirty, np.zeros(dirty.data.shape), observation, 0, str(example.get("id", 0)))
            factor = jansky_per_unit(self.target[0], observation, float(example["redshift"]))
            found.append(np.maximum(self.sky(seen), 0.0) / factor)
        return np.repeat(np.stack(found)[None, ..., None].astype(np.float32), num_samples, axis=0)

    def sky(self, seen) -> np.ndarray:
        """The estimated sky (npix, npix) in Jy/pixel."""
        raise NotImplementedError


class Clean(TelescopeBaseline):
    """Hogbom's CLEAN down to 3 sigma: its components with the Gaussian beam.

    Without the residual, whose noise would become flux where maps end at zero; observers mask it for the same reason.
    """

    def sky(self, seen):
        from ..telescope import clean

        solid = seen.beam.solid_angle.to_value(u.arcsec**2) / seen.observation.pixel_scale.to_value(u.arcsec) ** 2
        cleaned = clean(seen)
        return (cleaned.restored.data.astype(np.float64) - cleaned.residual.data) / solid


class WienerFilter(TelescopeBaseline):
    """The linear estimate of least mean square error under a stationary prior fitted to the image.

    Where there is no signal above the noise, whose best estimate is an empty sky, it gives that.
    """

    def sky(self, seen):
        from ..telescope import wiener
        from ..telescope.linear_inverse import fitted_prior

        try:
            prior = fitted_prior(seen)
        except ObservationError:  # nothing above the noise
            return np.zeros(seen.dirty.data.shape)
        return wiener(seen, prior).data.astype(np.float64)
