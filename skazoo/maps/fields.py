"""The registry of map fields. To add a field, add one entry (and, if need be, one derived quantity)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u

from .. import physics
from ..simulations.particles import Header, Species

__all__ = ["DERIVED", "DIRECTED", "EXTRA", "FIELDS", "RENDERED", "Conditions", "Field"]


@dataclass(frozen=True)
class Conditions:
    """What a map depends on besides the particles.

    Attributes:
        channel_width: rest-frame velocity width over which the 21 cm line is averaged.
        frequency, bandwidth: observed radio band of the synchrotron map.
        spectral_index: synchrotron spectral index alpha.
        molecular: H2 model: see `physics.hi_mass`.
        electrons: synchrotron electrons, a name in `physics.synchrotron.ELECTRON_MODELS`.
    """

    channel_width: u.Quantity = 400.0 * u.km / u.s
    frequency: u.Quantity = 1.4 * u.GHz
    bandwidth: u.Quantity = 0.3 * u.GHz
    spectral_index: float = 0.75
    molecular: str | None = "auto"
    electrons: str = "equipartition"


def _hi_mass(gas: Species, header: Header, conditions: Conditions) -> u.Quantity:
    return physics.hi_mass(gas, header.redshift, conditions.molecular)


def _synchrotron_luminosity(gas: Species, header: Header, conditions: Conditions) -> u.Quantity:
    stretch = 1.0 + header.redshift
    emissivity = physics.synchrotron_emissivity(
        gas,
        conditions.frequency * stretch,
        conditions.bandwidth * stretch,
        spectral_index=conditions.spectral_index,
        electrons=conditions.electrons,
    )
    return (emissivity * gas.mass / gas.density).to(u.W / u.Hz)


def _volume(gas: Species) -> u.Quantity:
    return (gas.mass / gas.density).to(u.kpc**3)


# Per-particle quantities that are computed, not read: name -> (unit, function of species, header, conditions)
DERIVED: dict[str, tuple[u.UnitBase, Callable]] = {
    "hi_mass": (u.Msun, _hi_mass),
    "temperature": (u.K, lambda gas, header, conditions: physics.temperature(gas)),
    "magnetic_field_strength": (u.G, lambda gas, header, conditions: physics.magnetic_field_strength(gas)),
    "synchrotron_luminosity": (u.W / u.Hz, _synchrotron_luminosity),
    "volume": (u.kpc**3, lambda gas, header, conditions: _volume(gas)),
    # integrals over the cell: divided by the pixel's area they are integrals along the line of sight
    "electrons": (u.kpc**3 / u.cm**3, lambda gas, header, conditions: physics.electron_density(gas) * _volume(gas)),
    "compton_area": (u.kpc**2, lambda gas, header, conditions: physics.compton_density(gas) * _volume(gas)),
    "xray_luminosity": (
        u.erg / u.s,
        lambda gas, header, conditions: physics.bremsstrahlung_emissivity(gas) * _volume(gas),
    ),
}
# The same for what depends on the direction: function of species and the unit vector towards the observer
DIRECTED: dict[str, tuple[u.UnitBase, Callable]] = {
    "line_of_sight_velocity": (u.km / u.s, lambda species, sight: -(species.velocity @ sight)),
    "faraday_area": (
        u.rad / u.m**2 * u.kpc**2,
        lambda gas, sight: physics.faraday_depth_density(gas, sight) * _volume(gas),
    ),
}


def _brightness_factor(header: Header, conditions: Conditions) -> u.Quantity:
    """mK per (proper) Msun/kpc^2 of HI that fills one channel."""
    depth = physics.line_depth(conditions.channel_width, header.redshift, header.cosmology)
    density = 1.0 * u.Msun / u.kpc**2 * header.scale_factor**2 / depth
    return physics.brightness_temperature(density, header.redshift, header.cosmology) / (u.Msun / u.kpc**2)


def _intensity_factor(header: Header, conditions: Conditions) -> u.Quantity:
    """Observed intensity of a luminosity surface density: I = Sigma_L / 4 pi sr / (1 + z)^3."""
    return 1.0 / (4.0 * 3.141592653589793 * u.sr) / (1.0 + header.redshift) ** 3


@dataclass(frozen=True)
class Field:
    """How one map is made, shown and fed to a network.

    Attributes:
        name: key in `FIELDS`.
        unit: unit of the map.
        label: short TeX-free label for axes.
        description: one sentence.
        species: kind of particle that is deposited.
        quantity: particle field, or name in `DERIVED` or `DIRECTED`.
        weight: None for a sum over particles per pixel area (surface density), or the particle field of a
            weighted mean along the line of sight.
        moment: 1 for the weighted mean, 2 for the standard deviation about it.
        factor: function (header, conditions) -> Quantity that takes the surface density to `unit`.
        floor: smallest value that a network tells from empty sky, in `unit`.
        transform: compression before a network: "log10", "asinh" or "linear".
        scale: scale of the asinh.
        typical: mean and standard deviation of the transformed map (in the toy universe, 100 kpc), the default
            normalisation.
        cmap: matplotlib colour map.
    """

    name: str
    unit: u.UnitBase
    label: str
    description: str
    species: str
    quantity: str
    weight: str | None = None
    moment: int = 1
    factor: Callable | None = None
    floor: float = 0.0
    transform: str = "log10"
    scale: float = 1.0
    typical: tuple[float, float] = (0.0, 1.0)
    cmap: str = "viridis"


_SURFACE = u.Msun / u.kpc**2

FIELDS: dict[str, Field] = {
    f.name: f
    for f in (
        Field("dark_matter", _SURFACE, "dark matter", "Dark-matter surface density.", "dark_matter", "mass",
              floor=1e4, typical=(7.1, 0.6), cmap="magma"),
        Field("gas", _SURFACE, "gas", "Surface density of all gas.", "gas", "mass",
              floor=1e3, typical=(5.6, 0.6), cmap="viridis"),
        Field("stars", _SURFACE, "stars", "Stellar surface density, wind particles excluded.", "stars", "mass",
              floor=1e2, typical=(3.4, 1.15), cmap="cividis"),
        Field("hi", _SURFACE, "HI", "Surface density of atomic hydrogen.", "gas", "hi_mass",
              floor=1e2, typical=(3.2, 1.2), cmap="inferno"),
        Field("temperature", u.K, "temperature", "Mass-weighted gas temperature; 0 where there is no gas.",
              "gas", "temperature", "mass", floor=1e3, typical=(5.35, 0.5), cmap="RdYlBu_r"),
        Field("metallicity", u.dimensionless_unscaled, "metallicity",
              "Mass-weighted gas metal mass fraction; 0 where there is no gas.",
              "gas", "metallicity", "mass", floor=1e-5, typical=(-2.5, 0.3), cmap="YlGnBu_r"),
        Field("magnetic_field", u.G, "|B|", "Mass-weighted magnetic field strength; 0 where there is no gas.",
              "gas", "magnetic_field_strength", "mass", floor=1e-10, typical=(-7.05, 0.45), cmap="plasma"),
        Field("velocity", u.km / u.s, "HI velocity",
              "HI-weighted line-of-sight velocity, receding positive; 0 where there is no HI.",
              "gas", "line_of_sight_velocity", "hi_mass", transform="linear", typical=(0.0, 45.0), cmap="RdBu_r"),
        Field("brightness_temperature", u.mK, "21 cm brightness temperature",
              "Mean observed 21 cm brightness temperature over the channel width in the metadata.",
              "gas", "hi_mass", factor=_brightness_factor, floor=1e-2, typical=(-0.65, 1.3), cmap="inferno"),
        Field("synchrotron", u.Jy / u.sr, "synchrotron",
              "Synchrotron intensity at the observing frequency, electrons in equipartition with the field.",
              "gas", "synchrotron_luminosity", factor=_intensity_factor, floor=1e-4, typical=(-0.5, 1.45),
              cmap="afmhot"),
        Field("ska", u.Jy / u.beam, "SKA mock", "Mock SKA observation of the 21 cm line: dirty map with noise.",
              "gas", "hi_mass", transform="asinh", scale=2e-6, typical=(0.65, 1.3), cmap="cubehelix"),
    )
}  # fmt: skip
# what the examples of the dataset `ska_tng` hold; "ska" comes from the telescope
RENDERED = tuple(name for name in FIELDS if name != "ska")

# fields that `render` makes on request
EXTRA: dict[str, Field] = {
    f.name: f
    for f in (
        Field("velocity_dispersion", u.km / u.s, "HI dispersion",
              "HI-weighted standard deviation of the line-of-sight velocity between cells; 0 where there is no HI.",
              "gas", "line_of_sight_velocity", "hi_mass", 2, floor=0.1, typical=(1.2, 0.25), cmap="magma"),
        Field("sfr", u.Msun / u.yr / u.kpc**2, "star formation", "Star-formation rate surface density.",
              "gas", "star_formation_rate", floor=1e-7, typical=(-6.0, 0.9), cmap="hot"),
        Field("magnetic_field_volume", u.G, "|B| by volume",
              "Volume-weighted magnetic field strength; 0 where there is no gas.",
              "gas", "magnetic_field_strength", "volume", floor=1e-10, typical=(-7.6, 0.2), cmap="plasma"),
        Field("electron_column", u.cm**-2, "electron column", "Column density of free electrons.",
              "gas", "electrons", floor=1e15, typical=(18.9, 0.4), cmap="viridis"),
        Field("compton_y", u.dimensionless_unscaled, "Compton y", "Thermal Sunyaev-Zel'dovich parameter.",
              "gas", "compton_area", floor=1e-14, typical=(-10.0, 0.3), cmap="inferno"),
        Field("rotation_measure", u.rad / u.m**2, "rotation measure",
              "Faraday rotation measure of a source behind the galaxy; positive for a field towards the observer.",
              "gas", "faraday_area", transform="asinh", scale=0.1, typical=(0.0, 2.0), cmap="RdBu_r"),
        Field("xray", u.erg / u.s / u.kpc**2, "X-ray", "Bolometric thermal bremsstrahlung of gas above 1e5 K.",
              "gas", "xray_luminosity", floor=1e30, typical=(32.8, 0.5), cmap="hot"),
    )
}  # fmt: skip
FIELDS |= EXTRA
