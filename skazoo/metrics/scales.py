r"""How pixels of a field are compared and drawn: in dex above a floor, or linearly where values have a sign.

Densities and temperatures span many decades, so a score in linear units would only see the brightest pixels, and they
are compared as log10 max(X, floor). Velocities and interferometric images have negative values and are compared as
they are. Spectra, profiles and totals do not use this scale: they stay linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from ..errors import ParameterError

__all__ = ["Scale", "scale_of"]


@dataclass(frozen=True)
class Scale:
    """The comparison scale of one field.

    Attributes:
        field: name, as in `FIELDS`.
        unit: unit of the maps, as text; empty where dimensionless.
        label: words for the figures.
        floor: detection floor in `unit`, for a logarithmic scale; None for a linear one.
        cmap: matplotlib colour map.
        span: range of the values on this scale, fixed for the dataset, that PSNR and SSIM refer to; None takes that of
            the first batch of truths.
    """

    field: str
    unit: str = ""
    label: str = ""
    floor: float | None = None
    cmap: str = "viridis"
    span: float | None = None

    def __post_init__(self):
        if self.floor is not None and not (np.isfinite(self.floor) and self.floor > 0):
            raise ParameterError(f"the floor of field {self.field!r} must be positive or None, but is {self.floor}.")

    @property
    def logarithmic(self) -> bool:
        """Whether pixels are compared in dex."""
        return self.floor is not None

    @property
    def step(self) -> str:
        """Unit of a difference on this scale: "dex" or the field's own."""
        return "dex" if self.logarithmic else self.unit

    @property
    def title(self) -> str:
        """Label with the unit, for axes and colour bars."""
        return f"{self.label or self.field} [{pretty(self.unit)}]" if self.unit else (self.label or self.field)

    def apply(self, maps: np.ndarray) -> np.ndarray:
        """Bring linear values in `unit` to this scale, as float64; NaN stays NaN."""
        maps = np.asarray(maps, np.float64)
        return np.log10(np.maximum(maps, self.floor)) if self.logarithmic else maps


def scale_of(field: str) -> Scale:
    """The scale of a registered field, from `skazoo.maps.FIELDS`; linear and without unit for any other name.

    A registered field is logarithmic where its own transform is, above its floor. Its span is that of 6 standard
    deviations of its compressed pixels (`Field.typical`), the same for every dataset and mapper.
    """
    from ..maps.fields import FIELDS

    if field not in FIELDS:
        return Scale(field)
    known = FIELDS[field]
    unit = u.Unit(known.unit)
    floor = float(known.floor) if known.transform == "log10" else None
    span = None if known.transform == "asinh" else 6.0 * known.typical[1]
    return Scale(field, unit.to_string("fits").replace("solMass", "Msun"), known.label, floor, known.cmap, span)


def pretty(unit: str) -> str:
    """A unit as mathtext for figures; empty for none."""
    return u.Unit(unit).to_string("latex_inline") if unit else ""


def written(unit: str) -> str:
    """A unit as Unicode text, "Msun kpc-2" with the signs in type; empty for none."""
    return u.Unit(unit).to_string("unicode", fraction=False) if unit else ""
