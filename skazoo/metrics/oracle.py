"""The best possible mapper on the toy universe: exact redraws of what dark matter does not show."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np

from ..errors import DatasetError, ParameterError
from ..maps.fields import RENDERED, Conditions
from ..maps.rendering import render
from .reobservation import kelvin_per_surface_density

__all__ = ["Oracle"]


class Oracle:
    """Samples of p(target | halo) for examples of the toy universe: same halo and view, hidden latents drawn anew.

    Its scores are the floor that `evaluate(..., baselines={"oracle": Oracle(...)})` puts beside a mapper's. The halo is
    known to it as particles, in three dimensions; a mapper sees one projection, and so may stay a little above.

    Args:
        source: must be ("dark_matter",): gas and stars depend on the hidden latents themselves.
        target: rendered fields, not "ska".
        conditions: radio band and channel width of the dataset. By default the band is the default one, and the channel
            width that of each example, by the ratio of its brightness temperature to its HI.

    Raises:
        ParameterError: fields for which the exact conditional is not known.
    """

    likelihood = None

    def __init__(self, source=("dark_matter",), target=("hi",), conditions: Conditions | None = None):
        self.source = (source,) if isinstance(source, str) else tuple(source)
        self.target = (target,) if isinstance(target, str) else tuple(target)
        if self.source != ("dark_matter",):
            raise ParameterError(f"the oracle knows p(target | dark_matter) only, not given {', '.join(self.source)}.")
        unknown = [name for name in self.target if name not in RENDERED or name == "dark_matter"]
        if unknown:
            raise ParameterError(f"the oracle cannot redraw {', '.join(unknown)}; it renders gas and stars.")
        self.conditions = conditions

    def sample_examples(self, examples, num_samples: int = 8, seed: int = 0) -> np.ndarray:
        """Exact samples (num_samples, B, H, W, D) for example dicts of the dataset, in the units of the fields.

        Args:
            examples: dicts with `galaxy`, `rotation`, `redshift`, `pixel_kpc` and a map for the size.
            num_samples, seed: of the redraws; a galaxy's are the same whatever the batch it is in.

        Raises:
            DatasetError: the examples are not of the toy universe.
        """
        from ..datasets.generate import TOY_MASSES
        from ..simulations.toy import Galaxy

        drawn = []
        for example in examples:
            simulation = example.get("simulation", "")
            simulation = simulation.decode() if isinstance(simulation, bytes) else str(simulation)
            if simulation != "toy" or "galaxy" not in example or "rotation" not in example:
                raise DatasetError(f"the oracle needs examples of the toy universe, but one is of {simulation!r}.")
            number, view = int(example["galaxy"]), int(example.get("view", 0))
            npix = np.shape(example["dark_matter"])[0]
            extent = npix * float(example["pixel_kpc"]) * u.kpc
            matrix = orthonormal(np.asarray(example["rotation"], np.float64).reshape(3, 3))
            redraw = int(np.random.SeedSequence((seed, number, view)).generate_state(1)[0] >> 1)
            galaxy = Galaxy.draw(number, TOY_MASSES, redshift_of(example))
            conditions = self.conditions or conditions_of(example)
            images = []
            for other in galaxy.redraw_hidden(num_samples, redraw):
                maps = render(other.particles(), self.target, npix, extent, matrix, conditions=conditions)
                images.append(np.stack([maps[name].data for name in self.target], axis=-1))
            drawn.append(np.stack(images))
        return np.stack(drawn, axis=1).astype(np.float32)


def orthonormal(matrix: np.ndarray) -> np.ndarray:
    """The rotation nearest to one that was stored in single precision."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right


def redshift_of(example: dict) -> float:
    """The snapshot's redshift in full precision; as stored where the snapshot is not known."""
    from ..simulations.toy.cosmology import SNAPSHOTS

    stored = float(example.get("redshift", 0.0))
    known = SNAPSHOTS.get(int(example.get("snapshot", -1)), stored)
    return known if abs(known - stored) < 1e-5 else stored


def conditions_of(example: dict) -> Conditions:
    """Conditions whose channel width explains the example's brightness temperature; the default ones without one."""
    usual = Conditions()
    if "brightness_temperature" not in example or "hi" not in example:
        return usual
    hi = float(np.sum(example["hi"], dtype=np.float64))
    if not hi > 0:
        return usual
    found = float(np.sum(example["brightness_temperature"], dtype=np.float64)) / hi
    expected = 1e3 * kelvin_per_surface_density(usual.channel_width.to_value(u.km / u.s), redshift_of(example))
    width = usual.channel_width * (expected / found)
    return replace(usual, channel_width=width) if abs(expected / found - 1) > 1e-3 else usual
