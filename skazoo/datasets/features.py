"""What one example holds: names, shapes and types, as TFDS features."""

from __future__ import annotations

import math

import numpy as np

from ..errors import DatasetError, check_choice
from ..maps.fields import FIELDS, RENDERED
from .generate import View

__all__ = ["FACT_UNITS", "example_bytes", "features_of", "map_names"]

# unit of every scalar that has one
FACT_UNITS = {
    "redshift": "",
    "pixel_kpc": "kpc",
    "pixel_arcsec": "arcsec",
    "beam": "arcsec arcsec deg",
    "halo_mass": "Msun",
    "hi_mass": "Msun",
    "sfr": "Msun / yr",
    "noise_rms": "Jy / beam",
    "hours": "h",
}
_FACTS = ("id", "simulation", "snapshot", "galaxy", "halo", "view", "rotation", "beam", *FACT_UNITS)
_SCALARS = ("redshift", "pixel_kpc", "hi_mass", "halo_mass", "sfr")


def map_names(view: View) -> tuple[str, ...]:
    """The maps of an example: the rendered fields, then "ska" where there is an array."""
    return (*view.fields, *(("ska",) if view.array else ()))


def features_of(view: View):
    """`tfds.features.FeaturesDict` of the examples that `make_example` makes for this view.

    Raises:
        ParameterError: a field that is not rendered.
        DatasetError: a field that has the name of a fact.
    """
    import tensorflow_datasets as tfds

    for name in view.fields:
        check_choice("field", name, RENDERED)
        if name in _FACTS:
            raise DatasetError(
                f"{name!r} is a fact of every example (the galaxy's), so that no map can have that name."
            )
    shape = (view.npix, view.npix)
    maps = {n: tfds.features.Tensor(shape=shape, dtype=np.float32, doc=_doc(n)) for n in map_names(view)}
    facts = {
        "id": tfds.features.Text(doc="simulation/snapshot/galaxy/view"),
        "simulation": tfds.features.Text(),
        **{n: tfds.features.Scalar(np.int64) for n in ("snapshot", "galaxy", "halo", "view")},
        "rotation": tfds.features.Tensor(shape=(3, 3), dtype=np.float32, doc="seen position = rotation @ position"),
        **{n: tfds.features.Scalar(np.float32) for n in _SCALARS},
    }
    if view.array:
        facts |= {n: tfds.features.Scalar(np.float32) for n in ("noise_rms", "pixel_arcsec", "hours")}
        facts["beam"] = tfds.features.Tensor(shape=(3,), dtype=np.float32, doc="bmaj, bmin (arcsec), bpa (deg)")
    return tfds.features.FeaturesDict({**maps, **facts})


def example_bytes(view: View) -> int:
    """Size of one serialised example, within a per cent."""
    maps = len(map_names(view)) * 4 * view.npix**2
    return math.ceil(1.002 * maps) + 800


def _doc(name: str) -> str:
    field = FIELDS[name]
    return f"{field.description} Unit: {field.unit.to_string() or 'none'}."
