"""What every metric accepts as maps, and how it refuses the rest."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_positive

__all__ = ["as_maps", "as_pixel_scale", "as_samples", "same_unit"]


def as_maps(name: str, maps) -> tuple[np.ndarray, u.UnitBase | None]:
    """Give `maps` as a float64 array (n, H, W) and their unit.

    Args:
        name: the caller's argument, for the error message.
        maps: array or Quantity (n, H, W) or (H, W), a `Map`, or a list of `Map`s of one unit.

    Returns:
        the array, and the unit, or None where the input had none.

    Raises:
        ParameterError: not two- or three-dimensional, empty, or a list of maps of several units or shapes.
    """
    if is_map(maps):
        maps = maps.quantity
    elif isinstance(maps, (list, tuple)) and maps and all(is_map(one) for one in maps):
        units = {one.unit.to_string() for one in maps}
        shapes = {np.shape(one.data) for one in maps}
        if len(units) > 1 or len(shapes) > 1:
            raise ParameterError(f"{name} mixes units {sorted(units)} or shapes {sorted(shapes)}; convert them first.")
        maps = np.stack([one.data for one in maps]) * maps[0].unit
    unit = maps.unit if isinstance(maps, u.Quantity) else None
    values = np.asarray(maps.value if unit is not None else maps, np.float64)
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or 0 in values.shape:
        raise ParameterError(f"{name} must be maps of shape (n, H, W) or (H, W), but has shape {values.shape}.")
    return values, unit


def as_pixel_scale(pixel_scale, *maps) -> tuple[float, bool]:
    """Give the pixel side in kpc, and whether the caller spoke in units.

    `pixel_scale` is a Quantity or a number of kpc; None takes it from `Map`s among `maps`.

    Raises:
        ParameterError: not positive, not a length, absent, or at odds with the scale of a `Map` among `maps`.
    """
    scales = [one.pixel_scale for group in maps for one in listed(group) if is_map(one)]
    if pixel_scale is None:
        if not scales:
            raise ParameterError("pixel_scale is missing: give the side of a pixel in kpc.")
        pixel_scale = scales[0]
    spoken = isinstance(pixel_scale, u.Quantity)
    try:
        value = float(pixel_scale.to_value(u.kpc)) if spoken else float(pixel_scale)
        others = [float(scale.to_value(u.kpc)) for scale in scales]
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise ParameterError(f"pixel_scale must be one length, such as 0.5 * u.kpc, but is {pixel_scale}.") from error
    check_positive("pixel_scale", value)
    for other in others:
        if abs(other / value - 1) > 1e-6:
            raise ParameterError(
                f"pixel scales differ: {value:.6g} and {other:.6g} kpc; bring the maps to one scale first."
            )
    return value, spoken


def same_unit(first: str, a: u.UnitBase | None, second: str, b: u.UnitBase | None) -> float:
    """Give the factor that brings `b` to the unit `a`; `ParameterError` where there is none."""
    if a is None and b is None:
        return 1.0
    if a is None or b is None:
        lacking = first if a is None else second
        raise ParameterError(f"only one of {first} and {second} has a unit; give {lacking} one too.")
    try:
        return float(b.to(a))
    except u.UnitConversionError as error:
        raise ParameterError(f"{second} is in {b}, which does not convert to the unit {a} of {first}.") from error


def as_samples(samples, truth) -> tuple[np.ndarray, np.ndarray, u.UnitBase | None]:
    """Give samples (num_samples, ...) and truth (...) as float64 arrays of one unit, and that unit.

    Raises:
        ParameterError: the shape after the first axis is not that of `truth`, there is no sample, or units clash.
    """
    unit = truth.unit if isinstance(truth, u.Quantity) else None
    other = samples.unit if isinstance(samples, u.Quantity) else None
    factor = same_unit("truth", unit, "samples", other)
    truth = np.asarray(truth.value if unit is not None else truth, np.float64)
    samples = np.asarray(samples.value if other is not None else samples, np.float64)
    if factor != 1.0:
        samples = samples * factor
    if samples.ndim != truth.ndim + 1 or samples.shape[1:] != truth.shape:
        raise ParameterError(
            f"samples must have shape (num_samples, *{truth.shape}) to go with truth, but have {samples.shape}."
        )
    if samples.shape[0] == 0:
        raise ParameterError("samples is empty: at least one sample is needed.")
    return samples, truth, unit


def listed(value) -> list:
    """`value` itself where it is a list or tuple, else a list of it alone."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def is_map(value) -> bool:
    """Whether `value` is a `skazoo.maps.Map` (or carries the same attributes)."""
    return all(hasattr(value, name) for name in ("data", "unit", "pixel_scale", "quantity"))
