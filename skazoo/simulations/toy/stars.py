"""Star particles: disc with arms and bar, bulge, stellar halo, satellites."""

from __future__ import annotations

import numpy as np

from .cosmology import cosmic_time, scale_factor_at
from .geometry import GOLDEN_ANGLE, directions, frames_about, stratified
from .hidden import Hidden
from .relations import mean_metallicity
from .rotation_curve import RotationCurve, stellar_scales
from .streams import generator
from .texture import arm_phase
from .visible import Visible

__all__ = ["star_particles"]

_NEIGHBOURS = 32
_HALO_SHARE, _HALO_SLOPE = 0.03, 3.5  # stellar halo: share of the stars, rho ~ r^-3.5
_PER_SATELLITE = 80
_AGES = np.linspace(0.1, 13.9, 256)  # Gyr
_SCALE_FACTORS = scale_factor_at(_AGES)
_LENGTHS = np.linspace(0.0, 5.0, 201)
_EXPONENTIAL = (1.0 - (1.0 + _LENGTHS) * np.exp(-_LENGTHS), _LENGTHS)  # mass within R / R_d, R / R_d


def star_particles(visible: Visible, hidden: Hidden, curve: RotationCurve, count: int) -> dict:
    """Exponential sech^2 disc (z0 = 0.15 R_d), Hernquist bulge, power-law halo; ages by a tau model.

    Returns: dict of float32 arrays: position (N, 3) kpc, mass (N,) Msun, metallicity (N,), smoothing_length (N,) kpc;
    and functions that return velocity (N, 3) km/s and formation_scale_factor (N,), which maps do not need.
    """
    rng = generator(hidden.seed, "stars")
    scale, core = stellar_scales(visible, hidden)
    disc_count = int(count * (1.0 - 0.8 * hidden.bulge) * 0.85)
    bulge_count = int(count * 0.9) - disc_count
    parts = [
        _disc(rng, hidden, curve, scale, disc_count),
        _bulge(rng, hidden, curve, core, bulge_count),
        _halo(rng, visible, hidden, curve, 0.5 * scale, count - disc_count - bulge_count),
    ]
    if len(hidden.satellites):
        parts.append(_satellites(rng, visible, hidden))
    columns = {name: np.concatenate([p[name] for p in parts], axis=-1) for name in parts[0]}
    total = len(columns["mass"])

    def velocity():
        normal = generator(hidden.seed, "star_velocity").standard_normal((total, 3), dtype=np.float32)
        return normal * columns["sigma"][:, None] + columns["streaming"].T

    def formation_scale_factor():
        """Star formation rate ~ e^(-t / tau) since 0.5 Gyr."""
        now = cosmic_time(1.0 / (1.0 + visible.redshift))
        span, tau = max(now - 0.5, 0.1), np.where(columns["young"] > 0.5, 8.0, 2.5)
        share = generator(hidden.seed, "star_history").random(total)
        born = now - span - tau * np.log(1.0 - share * (1.0 - np.exp(-span / tau)))
        return np.interp(born, _AGES, _SCALE_FACTORS).astype(np.float32)

    return {
        "position": np.ascontiguousarray(columns["position"].T),
        "velocity": velocity,
        "mass": columns["mass"],
        "metallicity": np.minimum(columns["metallicity"], np.float32(0.05)),
        "formation_scale_factor": formation_scale_factor,
        "smoothing_length": columns["smoothing_length"],
    }


def _disc(rng, hidden, curve, scale, count):
    # stars per area ~ sqrt(Sigma): the outskirts are as well resolved as the centre
    y = np.float32(2.0) * np.interp(stratified(rng, count), *_EXPONENTIAL).astype(np.float32)
    angle = (np.arange(count) * GOLDEN_ANGLE % (2.0 * np.pi)).astype(np.float32)
    angle += np.float32(np.sqrt(20.0 / count)) * rng.standard_normal(count, dtype=np.float32)
    radius = y * np.float32(scale)
    ratio = radius / np.float32(0.5 * hidden.hi_diameter)
    strength = np.float32(0.6 * min(hidden.arm_strength, 1.0)) * y / (y + np.float32(0.7))
    mass = 1.0 + strength * np.cos(arm_phase(ratio, angle, hidden))
    if hidden.bar > 0.0:
        # orbits inside the bar gather along it
        inside = np.exp(-((y / np.float32(1.5)) ** 4))
        mass *= 1.0 + np.float32(0.8) * inside * np.cos(2.0 * (angle - np.float32(hidden.bar_phase)))
    level = np.float32(0.99) * (2.0 * rng.random(count, dtype=np.float32) - 1.0)
    height = np.float32((0.35 if hidden.quenched else 0.15) * scale)
    local = np.stack([radius * np.cos(angle), radius * np.sin(angle), height * np.arctanh(level)])
    speed = np.float32(0.95 * hidden.spin) * curve(radius)
    sigma = np.float32(0.2) * np.abs(speed) * np.exp(-y / np.float32(4.0)) + np.float32(10.0)
    streaming = np.stack([-speed * np.sin(angle), speed * np.cos(angle), np.zeros(count, np.float32)])
    frame = hidden.disc.astype(np.float32)
    mass *= np.exp(np.float32(-0.5) * y - (y * np.float32(1.0 / 6.0)) ** 4)
    share = (1.0 - hidden.bulge) * (1.0 - _HALO_SHARE)
    mass *= np.float32(share * hidden.stellar_mass) / mass.sum()
    number = (
        np.float32(count / (8.0 * np.pi * scale**2))
        * np.exp(np.float32(-0.5) * y)
        / (2.0 * height)
        * (1.0 - level * level)
    )
    metals = mean_metallicity(hidden.stellar_mass) * hidden.metallicity
    return {
        "position": frame @ local,
        "streaming": frame @ streaming,
        "sigma": sigma,
        "mass": mass,
        "metallicity": np.float32(metals) * np.float32(10.0) ** (np.float32(-0.06) * (y - 1.7)),
        "smoothing_length": _smoothing(number),
        "young": np.full(count, float(not hidden.quenched), np.float32),
    }


def _bulge(rng, hidden, curve, core, count):
    # Hernquist: M(<r) = r^2 / (r + a)^2, out to 20 a
    root = np.sqrt(stratified(rng, count) * np.float32((20.0 / 21.0) ** 2))
    radius = np.float32(core) * root / (1.0 - root) + np.float32(1e-3)
    position = directions(rng, count) * radius
    position[2] *= np.float32(0.7)
    sigma = curve(radius) / np.float32(np.sqrt(2.0))
    mass = np.full(count, hidden.bulge * (1.0 - _HALO_SHARE) * hidden.stellar_mass / max(count, 1), np.float32)
    ratio = radius / np.float32(core)
    number = np.float32(count / (2.0 * np.pi * core**3)) / (ratio * (1.0 + ratio) ** 3)
    metals = mean_metallicity(hidden.stellar_mass) * hidden.metallicity * 1.5
    return {
        "position": hidden.disc.astype(np.float32) @ position,
        "streaming": np.zeros((3, count), np.float32),
        "sigma": sigma,
        "mass": mass,
        "metallicity": np.full(count, metals, np.float32),
        "smoothing_length": _smoothing(number),
        "young": np.zeros(count, np.float32),
    }


def _halo(rng, visible, hidden, curve, inner, count):
    # rho ~ r^-3.5 from `inner` to 0.5 R200, by inverse CDF of r^2 rho ~ r^-1.5
    outer = 0.5 * visible.r200
    power = 3.0 - _HALO_SLOPE
    low, high = inner**power, outer**power
    radius = (low + stratified(rng, count) * (high - low)) ** np.float32(1.0 / power)
    radius = radius.astype(np.float32)
    middle, short = visible.axis_ratios
    axes = visible.orientation * np.array([1.0, middle, short]) / np.cbrt(middle * short)
    number = np.float32(count * power / (high - low) / (4.0 * np.pi)) * radius ** np.float32(-_HALO_SLOPE)
    return {
        "position": axes.astype(np.float32) @ (directions(rng, count) * radius),
        "streaming": np.zeros((3, count), np.float32),
        "sigma": curve(radius) / np.float32(np.sqrt(2.0)),
        "mass": np.full(count, _HALO_SHARE * hidden.stellar_mass / max(count, 1), np.float32),
        "metallicity": np.full(count, 0.2 * mean_metallicity(hidden.stellar_mass), np.float32),
        "smoothing_length": _smoothing(number),
        "young": np.zeros(count, np.float32),
    }


def _satellites(rng, visible, hidden):
    satellites = hidden.satellites
    owner = np.repeat(np.arange(len(satellites)), _PER_SATELLITE)
    total = len(owner)
    clumps = visible.subhaloes
    size = (0.02 * clumps.radius[satellites.host] * (1.0 + 0.5 * (satellites.stellar_mass / 1e8) ** 0.2)).clip(0.2)
    size = size.astype(np.float32)[owner]
    local = rng.standard_normal((3, total), dtype=np.float32)
    stretch = rng.random(total, dtype=np.float32) + np.float32(0.5)
    local = local * (size * stretch * np.array([[1.0], [1.0], [0.4]], np.float32))
    position = np.einsum("nij,jn->in", frames_about(satellites.axis).astype(np.float32)[owner], local)
    position += clumps.position[satellites.host].T.astype(np.float32)[:, owner]
    sigma = (40.0 * np.cbrt(clumps.mass[satellites.host] / 1e10)).astype(np.float32)[owner]
    metals = mean_metallicity(satellites.stellar_mass).astype(np.float32)[owner]
    number = _PER_SATELLITE / (2.0 * np.pi) ** 1.5 / (0.4 * size**3)
    return {
        "position": position,
        "streaming": clumps.velocity[satellites.host].T.astype(np.float32)[:, owner],
        "sigma": sigma,
        "mass": (satellites.stellar_mass / _PER_SATELLITE).astype(np.float32)[owner],
        "metallicity": metals,
        "smoothing_length": _smoothing(number.astype(np.float32)),
        "young": np.zeros(total, np.float32),
    }


def _smoothing(number_density):
    """Radius (kpc) of the sphere that holds 32 particles at a number density per kpc^3."""
    return np.cbrt(np.float32(_NEIGHBOURS * 3.0 / (4.0 * np.pi)) / number_density)
