"""All gas cells of a galaxy: disc, satellites, clouds and hot halo in one physical state."""

from __future__ import annotations

import numpy as np

from . import interstellar
from .clouds import cloud_cells
from .cold_disc import disc_cells
from .cosmology import BARYON_FRACTION
from .hidden import Hidden
from .hot_gas import hot_cells
from .magnetic_field import magnetic_field
from .relations import mean_hi_mass, mean_metallicity, mean_stellar_mass
from .rotation_curve import RotationCurve
from .satellites import satellite_cells
from .streams import generator
from .visible import Visible

__all__ = ["gas_particles"]

_GRADIENT = -0.4  # dex of metallicity per R_HI


def gas_particles(visible: Visible, hidden: Hidden, curve: RotationCurve, resolution: float = 1.0) -> dict:
    """Cells with all the fields of TNG gas.

    The HI masses of the disc, of each satellite and of the clouds are those of the latents exactly: cell masses
    are scaled (densities are not) after the state of every cell is known.

    Returns: dict of float32 arrays in the units of `particles.UNITS`.
    """
    satellites = hidden.satellites
    parts = [disc_cells(hidden, curve, int(5500 * resolution))]
    if len(satellites):
        parts.append(satellite_cells(visible, hidden, int(150 * resolution)))
    median = mean_hi_mass(mean_stellar_mass(visible.halo_mass, visible.redshift))
    parts.append(cloud_cells(visible, hidden, curve, hidden.clouds * median, int(800 * resolution)))
    cold = {name: np.concatenate([p[name] for p in parts], axis=-1) for name in parts[0]}
    # 0 the disc, 1 ... n the satellites, n + 1 the clouds
    label = np.concatenate(
        [np.zeros(len(parts[0]["mass"]), int)]
        + [p["owner"] + 1 for p in parts[1:-1]]
        + [np.full(len(parts[-1]["mass"]), len(satellites) + 1)]
    )
    metals = _metallicity(hidden, cold["radius"], label)
    hydrogen = np.float32(interstellar.HYDROGEN) - np.float32(1.2) * metals
    state = interstellar.state(cold["density"], hydrogen)
    held = np.bincount(label, cold["mass"] * hydrogen * state["atomic"])
    wanted = np.concatenate([[hidden.hi_mass], satellites.hi_mass, [hidden.clouds * median]])
    cold["mass"] = cold["mass"] * (wanted / held).astype(np.float32)[label]

    # Kennicutt (1998): 2.5e-4 (Sigma / Msun pc^-2)^1.4 Msun/yr/kpc^2, per gas mass
    rate = np.float32(2.5e-4 * 1e-6) * (cold["column"] * np.float32(1e-6)) ** np.float32(0.4)
    forming = state.pop("forming")
    state.pop("atomic")
    total_cold = float(cold["mass"].sum(dtype=np.float64))
    cosmic = BARYON_FRACTION * visible.halo_mass
    hot_mass = max(hidden.retained * cosmic - total_cold - hidden.stellar_mass, 0.05 * cosmic)
    hot = hot_cells(visible, hidden, hot_mass, int(3200 * resolution))
    hot_metals = 0.3 * mean_metallicity(hidden.stellar_mass) * hidden.metallicity
    count = len(hot["mass"])
    hot_metals = np.full(count, hot_metals, np.float32)

    def both(name, cold_values, hot_values=None):
        return np.concatenate([cold_values, hot[name] if hot_values is None else hot_values], axis=-1)

    position = both("position", cold["position"])
    density = both("density", cold["density"])
    turbulence = both("", np.full(len(label), 10.0, np.float32), np.full(count, 0.35 * visible.v200, np.float32))
    return {
        "position": np.ascontiguousarray(position.T),
        "velocity": np.ascontiguousarray(both("velocity", cold["velocity"]).T),
        "mass": both("mass", cold["mass"]),
        "density": density,
        **{name: both(name, values) for name, values in state.items()},
        "hydrogen_fraction": both("", hydrogen, np.float32(interstellar.HYDROGEN) - np.float32(1.2) * hot_metals),
        "metallicity": both("", metals, hot_metals),
        "star_formation_rate": both("", np.where(forming, rate * cold["mass"], 0.0), np.zeros(count, np.float32)),
        "magnetic_field": magnetic_field(visible, hidden, position, density, turbulence),
    }


def _metallicity(hidden: Hidden, radius, label):
    """Mass-metallicity relation, -0.4 dex per R_HI, 0.1 dex from cell to cell; clouds at 0.3 of the mean."""
    central = mean_metallicity(hidden.stellar_mass) * hidden.metallicity
    levels = np.concatenate([[central], mean_metallicity(hidden.satellites.stellar_mass), [2.0 * central]])
    rng = generator(hidden.seed, "gas_metals")
    dex = np.float32(_GRADIENT) * (radius - np.float32(0.4)) + np.float32(0.1) * rng.standard_normal(
        len(radius), dtype=np.float32
    )
    return np.minimum(levels.astype(np.float32)[label] * np.float32(10.0) ** dex, np.float32(0.04))
