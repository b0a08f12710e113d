"""From particles to maps: one view, one pixel grid, any number of fields."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np

from ..errors import SimulationError, check_choice
from ..simulations.particles import UNITS, ParticleSet, Species
from .fields import DERIVED, DIRECTED, FIELDS, Conditions
from .frame import Frame, quantity, single
from .map import Map
from .smoothing import support_radius

__all__ = ["render"]


def render(
    particles: ParticleSet,
    fields: tuple[str, ...] = ("dark_matter", "gas", "stars", "hi"),
    npix: int = 64,
    extent: u.Quantity = 100 * u.kpc,
    rotation=None,
    depth: u.Quantity | None = None,
    conditions: Conditions | None = None,
    wrap: bool = False,
) -> dict[str, Map]:
    """Maps of `fields` of one view.

    Args:
        particles: centred particles; the line of sight is the z axis after the rotation, towards the observer.
        fields: names in `FIELDS` (not "ska", which `skazoo.telescope` makes from "brightness_temperature"); those in
            `skazoo.maps.fields.EXTRA` are not part of the dataset's examples.
        npix: pixels along each side.
        extent: proper side of the frame.
        rotation: None, a (3, 3) matrix, "face-on", "edge-on" (by the angular momentum of the neutral gas, of the
            stars where there is no gas), or an integer seed for a rotation drawn uniformly from SO(3).
        depth: particles farther than depth / 2 from the centre along the line of sight are left out;
            default: `extent`.
        conditions: channel width, radio band, H2 and electron model; defaults of `Conditions`.
        wrap: draw the periodic images of the particles too; needs a box size in the header and a rotation that
            leaves the axes of the box along those of the map.

    Returns: field name -> `Map`. The metadata hold `inside`, `outside_frame` and `outside_depth`: the totals
    (mass, luminosity, or weight of a mean) within the map and left out of it; they sum to the particles' total.

    Raises:
        ParameterError: unknown field, npix < 1, extent or depth not positive, wrap without a box.
        MissingField: the file lacks something that a field needs.
        SimulationError: positions or masses that are not finite, or a map that overflows float32.
    """
    fields = (fields,) if isinstance(fields, str) else tuple(fields)
    for name in fields:
        check_choice("field", name, [known for known in FIELDS if known != "ska"])
    conditions = conditions or Conditions()
    frame = Frame.of(particles, npix, extent, rotation, depth, wrap)
    header, npix, side = particles.header, frame.npix, frame.side
    common = {
        **frame.metadata(header),
        "channel_width_kms": float(conditions.channel_width.to_value(u.km / u.s)),
        "frequency_hz": float(conditions.frequency.to_value(u.Hz)),
    }
    maps: dict[str, Map] = {}
    for kind in dict.fromkeys(FIELDS[name].species for name in fields):
        wanted = [FIELDS[name] for name in fields if FIELDS[name].species == kind]
        species = particles.species.get(kind)
        if species is None or len(species) == 0:
            warnings.warn(
                f"{header.source or header.simulation} has no {kind} particles: "
                f"the map of {', '.join(f.name for f in wanted)} is zero.",
                stacklevel=2,
            )
            images = {f.name: (np.zeros((npix, npix)), {"inside": 0.0, "outside_frame": 0.0, "outside_depth": 0.0})
                      for f in wanted}  # fmt: skip
        else:
            images = _render_species(species, wanted, frame, header, conditions)
        for name, (data, totals) in images.items():
            scale = side / npix * u.kpc
            maps[name] = Map(single(data, name, header), FIELDS[name].unit, name, scale, {**common, **totals})
    return {name: maps[name] for name in fields}


def _unit(name: str) -> u.UnitBase:
    """Unit in which `quantity` gives `name`."""
    known = DERIVED.get(name) or DIRECTED.get(name)
    return known[0] if known else UNITS[name]


def _render_species(species: Species, wanted, frame: Frame, header, conditions):
    """All maps of one kind of particle in a single pass over the particles."""
    position, near = frame.positions(species, header)
    columns: dict[tuple[str, ...], np.ndarray] = {}
    for field in wanted:
        base = (field.weight or field.quantity,)
        if base not in columns:
            columns[base] = quantity(species, base[0], frame, header, conditions)
        if field.weight is not None:
            value = quantity(species, field.quantity, frame, header, conditions)
            for power in range(1, field.moment + 1):
                columns[field.weight, field.quantity, power] = columns[base] * value**power
    keys = list(columns)
    values = np.stack([np.asarray(columns[key], np.float64) for key in keys], axis=1)
    if not np.isfinite(values).all():
        worst = keys[int(np.argmin(np.isfinite(values).all(axis=0)))]
        raise SimulationError(
            f"{species.source or header.simulation}: {species.kind} {'*'.join(map(str, worst[:2]))} is not finite."
        )
    drawn = values[near]
    images, inside = frame.project(position[near], support_radius(species)[near], drawn)
    if not inside.any():
        warnings.warn(
            f"no {species.kind} particle falls inside the frame of {frame.side:g} kpc: its maps are zero; "
            "check the centre and the extent.",
            stacklevel=4,
        )
    area = (frame.side / frame.npix) ** 2
    result = {}
    for field in wanted:
        base = (field.weight or field.quantity,)
        column = keys.index(base)
        within = float((drawn[:, column] * inside).sum())  # not `@`: threaded BLAS costs more than all else here
        totals = {
            "inside": within,
            "outside_frame": float((drawn[:, column] * (1.0 - inside)).sum()),
            "outside_depth": float(values[~near, column].sum()),
        }
        data = images[column]
        if field.weight is not None:
            mean, *second = (
                np.divide(
                    images[keys.index((*base, field.quantity, power))], data, out=np.zeros_like(data), where=data > 0
                )
                for power in range(1, field.moment + 1)
            )
            data = np.sqrt(np.maximum(second[0] - mean**2, 0.0)) if second else mean
        else:
            data = data / area
            if field.factor is not None:
                unit = _unit(field.quantity) / u.kpc**2
                data = data * (1.0 * unit * field.factor(header, conditions)).to_value(field.unit)
            else:
                data = data * (_unit(field.quantity) / u.kpc**2).to(field.unit)
        result[field.name] = (data, totals)
    return result
