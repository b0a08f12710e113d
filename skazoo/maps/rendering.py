"""From particles to maps: one view, one pixel grid, any number of fields."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np

from ..errors import ParameterError, SimulationError, check_choice, check_positive
from ..simulations.particles import ParticleSet, Species
from .fields import DERIVED, FIELDS, RENDERED, Conditions
from .map import Map
from .projection import project
from .rotation import rotation_matrix
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
) -> dict[str, Map]:
    """Maps of `fields` of one view.

    Args:
        particles: centred particles; the line of sight is the z axis after the rotation, towards the observer.
        fields: names in `FIELDS` (not "ska", which `skazoo.telescope` makes from "brightness_temperature").
        npix: pixels along each side.
        extent: proper side of the frame.
        rotation: None, a (3, 3) matrix, "face-on", "edge-on" (by the angular momentum of the neutral gas, of the
            stars where there is no gas), or an integer seed for a rotation drawn uniformly from SO(3).
        depth: particles farther than depth / 2 from the centre along the line of sight are left out;
            default: `extent`.
        conditions: channel width, radio band and H2 model; defaults of `Conditions`.

    Returns: field name -> `Map`. The metadata hold `inside`, `outside_frame` and `outside_depth`: the totals
    (mass, luminosity, or weight of a mean) within the map and left out of it; they sum to the particles' total.

    Raises:
        ParameterError: unknown field, npix < 1, extent or depth not positive.
        MissingField: the file lacks something that a field needs.
        SimulationError: positions or masses that are not finite.
    """
    fields = (fields,) if isinstance(fields, str) else tuple(fields)
    for name in fields:
        check_choice("field", name, RENDERED)
    if int(npix) != npix or npix < 1:
        raise ParameterError(f"npix must be a whole number of pixels, at least 1, but is {npix}.")
    check_positive("extent", extent, u.kpc)
    depth = extent if depth is None else depth
    check_positive("depth", depth, u.kpc)
    conditions = conditions or Conditions()
    npix, side = int(npix), float(extent.to_value(u.kpc))
    matrix = rotation_matrix(rotation, particles)
    header = particles.header
    common = {
        "simulation": header.simulation,
        "snapshot": header.snapshot,
        "redshift": float(header.redshift),
        "extent_kpc": side,
        "depth_kpc": float(depth.to_value(u.kpc)),
        "rotation": matrix.ravel().tolist(),
        "channel_width_kms": float(conditions.channel_width.to_value(u.km / u.s)),
        "frequency_hz": float(conditions.frequency.to_value(u.Hz)),
        "source": header.source,
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
            images = _render_species(species, wanted, npix, side, matrix, common["depth_kpc"], header, conditions)
        for name, (data, totals) in images.items():
            scale = side / npix * u.kpc
            maps[name] = Map(data.astype(np.float32), FIELDS[name].unit, name, scale, {**common, **totals})
    return {name: maps[name] for name in fields}


def _render_species(species: Species, wanted, npix, side, matrix, depth, header, conditions):
    """All maps of one kind of particle in a single pass over the particles."""
    position = species.position.to_value(u.kpc) @ matrix.T
    bad = ~np.isfinite(position).all(axis=1)
    if bad.any():
        raise SimulationError(
            f"{species.source or header.simulation}: {bad.sum()} of {len(bad)} {species.kind} positions are not "
            f"finite (first at row {int(np.argmax(bad))}); remove those particles or read the file again."
        )

    def quantity(name: str) -> np.ndarray:
        """Per-particle values in the unit of `DERIVED` or of the particle field."""
        if name == "line_of_sight_velocity":
            return -(species.velocity.to_value(u.km / u.s) @ matrix[2])  # z points at the observer
        if name in DERIVED:
            unit, function = DERIVED[name]
            return function(species, header, conditions).to_value(unit)
        value = getattr(species, name)
        return np.asarray(getattr(value, "value", value))

    columns: dict[tuple[str, ...], np.ndarray] = {}
    for field in wanted:
        main = quantity(field.quantity)
        if field.weight is None:
            columns[field.quantity,] = main
        else:
            weight = columns.get((field.weight,))
            weight = quantity(field.weight) if weight is None else weight
            columns[field.weight,] = weight
            columns[field.weight, field.quantity] = weight * main
    keys = list(columns)
    values = np.stack([np.asarray(columns[k], np.float64) for k in keys], axis=1)
    if not np.isfinite(values).all():
        worst = keys[int(np.argmin(np.isfinite(values).all(axis=0)))]
        raise SimulationError(f"{species.source or header.simulation}: {species.kind} {'*'.join(worst)} is not finite.")
    near = np.abs(position[:, 2]) <= depth / 2
    support = support_radius(species)
    images, inside = project(position[near], support[near], values[near], npix, side)
    if not inside.any():
        warnings.warn(
            f"no {species.kind} particle falls inside the frame of {side:g} kpc: its maps are zero; "
            "check the centre and the extent.",
            stacklevel=4,
        )
    area = (side / npix) ** 2
    result = {}
    for field in wanted:
        base = (field.weight or field.quantity,)
        column = keys.index(base)
        data = images[column]
        within = float(values[near, column] @ inside)
        totals = {
            "inside": within,
            "outside_frame": float(values[near, column] @ (1.0 - inside)),
            "outside_depth": float(values[~near, column].sum()),
        }
        if field.weight is not None:
            weighted = images[keys.index((field.weight, field.quantity))]
            data = np.divide(weighted, data, out=np.zeros_like(data), where=data > 0.0)
        else:
            data = data / area
            if field.factor is not None:
                unit = DERIVED[field.quantity][0] / u.kpc**2
                data = data * (1.0 * unit * field.factor(header, conditions)).to_value(field.unit)
        result[field.name] = (data, totals)
    return result
