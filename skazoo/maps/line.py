"""From gas cells to the cube of the 21 cm line."""

from __future__ import annotations

import warnings

import astropy.constants as const
import astropy.units as u
import numpy as np

from .. import physics
from ..errors import MissingField, ParameterError, SimulationError, check_choice
from ..simulations.particles import ParticleSet
from .cube import Cube, channel_velocity
from .fields import Conditions
from .frame import Frame, quantity, single
from .smoothing import support_radius

__all__ = ["render_cube"]

_WIDTHS = 5.0  # a cell's line is followed this many standard deviations to either side (6e-7 lies beyond)
_COOLEST = 1e4 * u.K  # of star-forming cells: their stored temperature is a pressure, HI is the warm phase at most


def render_cube(
    particles: ParticleSet,
    npix: int = 64,
    extent: u.Quantity = 100 * u.kpc,
    channels: u.Quantity | None = None,
    rotation=None,
    depth: u.Quantity | None = None,
    field: str = "hi",
    turbulence: u.Quantity = 7 * u.km / u.s,
    conditions: Conditions | None = None,
    wrap: bool = False,
) -> Cube:
    """Cube of the 21 cm line: each gas cell a Gaussian about its velocity, thermal and turbulent width added.

    Args:
        particles, npix, extent, rotation, depth, conditions, wrap: as for `render`.
        channels: (C + 1,) monotonic edges, either velocities relative to the centre (receding positive) or observed
            frequencies; default: 10 km/s wide from the slowest to the fastest HI within the frame.
        field: "hi" (HI surface density of each channel: the sum over channels is the map "hi") or
            "brightness_temperature" (mK, mean over each channel).
        turbulence: one-dimensional standard deviation that is added to sqrt(k T / m_H) in quadrature; 7 km/s with
            the thermal width of the warm medium is the 10 km/s of nearby discs (Tamburro et al. 2009).

    Returns: `Cube`. Its metadata hold `inside`, `outside_frame`, `outside_depth` and `outside_channels`: HI masses.

    Raises:
        ParameterError: as `render`; channels that are not monotonic or of another unit; negative turbulence.
        MissingField: no gas, or the gas lacks something that HI or the temperature needs.
    """
    check_choice("field", field, ("hi", "brightness_temperature"))
    frame = Frame.of(particles, npix, extent, rotation, depth, wrap)
    header, gas = particles.header, particles.gas
    conditions = conditions or Conditions()
    if gas is None or len(gas) == 0:
        raise MissingField(f"{header.source or header.simulation} has no gas, so there is no line to make a cube of.")
    if not (turbulence.unit.is_equivalent(u.km / u.s) and 0.0 <= turbulence.value < np.inf):
        raise ParameterError(f"turbulence must be a velocity, at least 0, but is {turbulence}.")
    position, near = frame.positions(gas, header)
    mass = quantity(gas, "hi_mass", frame, header, conditions)
    velocity = quantity(gas, "line_of_sight_velocity", frame, header, conditions)
    width = np.hypot(_thermal_width(gas), turbulence.to_value(u.km / u.s))
    for name, values in (("hi_mass", mass), ("velocity", velocity), ("temperature", width)):
        if not np.isfinite(values).all():
            raise SimulationError(f"{gas.source or header.simulation}: gas {name} is not finite.")
    total_outside_depth = float(mass[~near].sum())
    used = np.flatnonzero(near & (mass > 0.0))
    position, support = position[used], support_radius(gas)[used]
    mass, velocity, width = mass[used], velocity[used], np.maximum(width[used], 1e-3)
    _, inside = frame.project(position, support, mass[:, None])
    if not inside.any():
        warnings.warn(
            f"no HI falls inside the frame of {frame.side:g} kpc: the cube is zero; check the centre and the extent.",
            stacklevel=2,
        )
    channels = _checked(_default_channels(velocity, width, inside) if channels is None else channels)
    edges = channel_velocity(channels, header.redshift).to_value(u.km / u.s)
    data, kept = np.zeros((len(edges) - 1, frame.npix, frame.npix)), np.zeros(len(mass))
    for index, (low, high) in enumerate(
        zip(np.minimum(edges[1:], edges[:-1]), np.maximum(edges[1:], edges[:-1]), strict=True)
    ):
        rows = np.flatnonzero((velocity + _WIDTHS * width > low) & (velocity - _WIDTHS * width < high) & (inside > 0))
        share = _share(low, high, velocity[rows], width[rows])
        kept[rows] += share
        data[index] = frame.project(position[rows], support[rows], (mass[rows] * share)[:, None])[0][0]
    data /= (frame.side / frame.npix) ** 2
    unit = u.Msun / u.kpc**2
    if field == "brightness_temperature":
        columns = physics.column_density(data * unit)
        integral = physics.brightness_temperature_from_column(columns, 1.0 * u.km / u.s, header.redshift)
        data, unit = integral.to_value(u.mK) / np.abs(np.diff(edges))[:, None, None], u.mK
    metadata = {
        **frame.metadata(header),
        "turbulence_kms": float(turbulence.to_value(u.km / u.s)),
        "inside": float((mass * inside * kept).sum()),
        "outside_frame": float((mass * (1.0 - inside)).sum()),
        "outside_depth": total_outside_depth,
        "outside_channels": float((mass * inside * (1.0 - kept)).sum()),
    }
    scale = frame.side / frame.npix * u.kpc
    return Cube(single(data, field, header), unit, field, scale, metadata, channels=channels)


def _thermal_width(gas) -> np.ndarray:
    """One-dimensional thermal width sqrt(k T / m_H) of the hydrogen of each cell, (N,) km/s."""
    kelvin = physics.temperature(gas)
    if "star_formation_rate" in gas:
        forming = np.asarray(gas.star_formation_rate.value) > 0.0
        kelvin = np.where(forming, np.minimum(kelvin, _COOLEST), kelvin)
    return np.sqrt(const.k_B * kelvin / (const.m_p + const.m_e)).to_value(u.km / u.s)


def _share(low: float, high: float, velocity: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Part (N,) of Gaussian lines, cut at `_WIDTHS` and of unit integral, that falls between two velocities."""
    from scipy.special import erf

    def below(edge):
        return erf(np.clip((edge - velocity) / width, -_WIDTHS, _WIDTHS) / np.sqrt(2.0))

    return 0.5 * (below(high) - below(low)) / float(erf(_WIDTHS / np.sqrt(2.0)))


def _default_channels(velocity, width, inside) -> u.Quantity:
    """Edges at multiples of 10 km/s that hold the HI within the frame to three widths."""
    seen = inside > 0.0
    if not seen.any():
        return np.arange(-10.0, 11.0, 10.0) * u.km / u.s
    reach = np.minimum(3.0 * width, 50.0)  # hot cells with hardly any HI would ask for hundreds of channels
    low, high = (velocity - reach)[seen].min(), (velocity + reach)[seen].max()
    return np.arange(10.0 * np.floor(low / 10.0), 10.0 * np.ceil(high / 10.0) + 1.0, 10.0) * u.km / u.s


def _checked(channels) -> u.Quantity:
    known = isinstance(channels, u.Quantity) and any(channels.unit.is_equivalent(x) for x in (u.km / u.s, u.Hz))
    if not known or channels.ndim != 1 or len(channels) < 2:
        raise ParameterError("channels must be a Quantity of at least two edges, in km/s or MHz.")
    steps = np.diff(channels.value)
    if not (np.isfinite(channels.value).all() and ((steps > 0).all() or (steps < 0).all())):
        raise ParameterError("the edges of channels must be finite and rise (or fall) all along.")
    if channels.unit.is_equivalent(u.Hz) and channels.value.min() <= 0.0:
        raise ParameterError("frequencies of channels must be positive.")
    return channels.to(u.MHz) if channels.unit.is_equivalent(u.Hz) else channels.to(u.km / u.s)
