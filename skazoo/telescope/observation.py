"""One configuration of the telescope, and the observing of skies with it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np
from astropy.constants import c

from ..errors import ParameterError, check_choice, check_positive
from ..maps.map import Map
from .array import Array
from .beam import Beam
from .coverage import above, hour_angles
from .imaging import image, predict
from .noise import receivers
from .response import Response, cached, compute
from .samples import Samples, take
from .seen import Seen
from .sky import jansky_per_kelvin, to_jansky_per_pixel
from .visibilities import Visibilities
from .weighting import WEIGHTINGS

__all__ = ["HI_LINE", "Observation"]

HI_LINE = 1420.405751768 * u.MHz
METHODS = ("fast", "visibilities")
W_TURNS = 0.1  # up to here the PSF is taken to be the same over the whole field; see `w_term`


class Observation:
    """A telescope set up to observe galaxies at one redshift.

    Args:
        array: a name that `Array.load` knows, or an `Array`.
        redshift: of the galaxies, > 0: gives the frequency of the 21 cm line and the size of a kpc on the sky.
        npix: side of the sky and of the image, in pixels.
        pixel_scale: `Quantity`: an angle, or a proper length (kpc) that the cosmology turns into one.
        hours: total time on the source; the track of one night is repeated, so that the coverage stays the same
            and the noise falls as 1/sqrt(hours).
        channel_width: `Quantity` in Hz, or in km/s in the frame of the source.
        weighting: "natural", "uniform" or "briggs"; `robust` in [-2, 2] is for "briggs".
        taper: FWHM on the sky of a Gaussian taper of the weights, or None.
        declination: of the field.
        hours_per_night: length of the track, symmetric about transit.
        integration: longest time between two samples of the track.
        min_elevation: parts of the track below it are left out.
        weighting_fov: the inverse of the uv cell in which uniform and Briggs weighting count visibilities; by
            default the side of the image.
        frequency: where the source is observed for something else than the 21 cm line.
        noise_table: for SKA-Low, "0000818v2" or "aavs2".
        sefd: the user's own SEFD per polarisation (Jy), one or one per antenna.
        cosmology: astropy cosmology for the angular diameter distance; Planck15 by default.
        w_term: "auto" leaves w out where its phase at the corner of the image is below 0.1 turns: w is corrected
            for in imaging, so all it leaves behind there is a PSF that varies slightly over the field. Above,
            and with True, every sky goes through its visibilities (seconds instead of milliseconds).

    Raises:
        ParameterError: an argument of a wrong kind or out of range.
        ObservationError: the source stays below the horizon, the frequency is out of band; and from the first
            use of `response`: the pixels are too coarse for the array or for the beam.

    The sky and the image have rows to the north and columns to the west, as displayed FITS images have. Their
    pixel [npix // 2, npix // 2] is the phase centre.
    """

    def __init__(
        self,
        array: str | Array = "ska-mid-aa4",
        *,
        redshift: float = 0.01,
        npix: int = 64,
        pixel_scale: u.Quantity,
        hours: float = 100.0,
        channel_width: u.Quantity = 50 * u.kHz,
        weighting: str = "briggs",
        robust: float = 0.5,
        taper: u.Quantity | None = None,
        declination: u.Quantity = -30 * u.deg,
        hours_per_night: float = 8.0,
        integration: u.Quantity = 120 * u.s,
        min_elevation: u.Quantity = 15 * u.deg,
        weighting_fov: u.Quantity | None = None,
        frequency: u.Quantity | None = None,
        noise_table: str = "0000818v2",
        sefd=None,
        cosmology=None,
        w_term: bool | str = "auto",
    ):
        check_positive("redshift", redshift)
        if isinstance(npix, bool) or int(npix) != npix or not 8 <= npix <= 8192:
            raise ParameterError(f"npix must be a whole number in [8, 8192], but is {npix}.")
        check_choice("weighting", weighting, WEIGHTINGS)
        if not -2 <= robust <= 2:
            raise ParameterError(f"robust must be in [-2, 2], but is {robust}.")
        if w_term not in ("auto", True, False):
            raise ParameterError(f"w_term must be 'auto', True or False, but is {w_term!r}.")
        self.array = array if isinstance(array, Array) else Array.load(array)
        self.redshift, self.npix = float(redshift), int(npix)
        self.weighting, self.robust, self.w_term = weighting, float(robust), w_term
        self.hours = _plain("hours", hours, u.h)
        self.hours_per_night = _plain("hours_per_night", hours_per_night, u.h)
        self.integration = _quantity("integration", integration, u.s)
        self.frequency = HI_LINE / (1 + self.redshift)
        if frequency is not None:
            self.frequency = _quantity("frequency", frequency, u.MHz)
        self.pixel_scale, self.pixel_kpc = _pixel(pixel_scale, self.redshift, cosmology)
        self.channel_width = _bandwidth(channel_width, self.frequency)
        self.taper = None if taper is None else _quantity("taper", taper, u.arcsec)
        fov = self.npix * self.pixel_scale if weighting_fov is None else weighting_fov
        self.weighting_fov = _quantity("weighting_fov", fov, u.arcsec)
        self.declination = _angle("declination", declination, -90, 90)
        self.min_elevation = _angle("min_elevation", min_elevation, 0, 89)
        self.noise_table, self.sefd = noise_table, sefd
        # the cheap refusals come now, the dear ones with `response`
        self.receivers = receivers(self.array, self.frequency, noise_table, sefd)
        self.track = hour_angles(self.hours_per_night * u.h, self.integration)
        above(self.array, self.declination, self.track, self.min_elevation)
        self._response: Response | None = None

    def __repr__(self) -> str:
        return (
            f"Observation({self.array.name!r}, {self.frequency.to(u.MHz):.2f}, {self.npix} x {self.npix} pixels of "
            f"{self.pixel_scale.to(u.arcsec):.3g}, {self.hours:g} h, {self.channel_width.to(u.kHz):.3g})"
        )

    # -- what the configuration amounts to -----------------------------------------------------------------

    @property
    def response(self) -> Response:
        """PSF and noise of this configuration; computed on first use and kept in memory and on disk."""
        if self._response is None:
            self._response = cached(
                self._cache_key(), lambda: compute(self.samples(), self.frequency, self.npix, self.pixel_scale)
            )
        return self._response

    @property
    def psf(self) -> np.ndarray:
        """(2 npix, 2 npix) float32, peak 1 at [npix, npix]."""
        return self.response.psf

    @property
    def beam(self) -> Beam:
        """The Gaussian fit to the main lobe of the PSF."""
        return self.response.beam

    @property
    def noise_scale(self) -> float:
        """Factor from the noise of one hour and one hertz to this observation's."""
        return float(1 / np.sqrt(self.hours * self.channel_width.to_value(u.Hz)))

    @property
    def noise_rms(self) -> u.Quantity:
        """Predicted noise of the image (Jy/beam)."""
        return self.response.noise_rms * self.noise_scale * u.Jy / u.beam

    @property
    def kelvin_per_jy_beam(self) -> float:
        """Brightness temperature (K) of 1 Jy/beam: c^2 / (2 k nu^2 Omega_beam)."""
        return 1 / jansky_per_kelvin(self.frequency, self.beam.solid_angle)

    @property
    def uses_w(self) -> bool:
        """Whether skies go through visibilities with their w term instead of the PSF."""
        if self.w_term == "auto":
            return self.response.facts["w_turns"] > W_TURNS
        return bool(self.w_term)

    @property
    def metadata(self) -> dict[str, Any]:
        """The facts that travel with every image: JSON-able."""
        response = self.response
        return {
            "telescope": self.array.title,
            "array": self.array.name,
            "array_version": self.array.version,
            "redshift": self.redshift,
            "frequency_hz": float(self.frequency.to_value(u.Hz)),
            "band": self.receivers.band,
            "channel_width_hz": float(self.channel_width.to_value(u.Hz)),
            "hours": self.hours,
            "hours_per_night": self.hours_per_night,
            "integrations": response.facts["integrations"],
            "declination_deg": float(self.declination.to_value(u.deg)),
            "pixel_arcsec": float(self.pixel_scale.to_value(u.arcsec)),
            "weighting": self.weighting,
            "robust": self.robust if self.weighting == "briggs" else None,
            "taper_arcsec": None if self.taper is None else float(self.taper.to_value(u.arcsec)),
            "weighting_fov_arcsec": float(self.weighting_fov.to_value(u.arcsec)),
            "beam": list(response.beam.values),
            "noise_rms": float(self.noise_rms.value),
            "kelvin_per_jy_beam": float(self.kelvin_per_jy_beam),
            "noise_table": self.receivers.table,
            "visibilities": response.facts["visibilities"],
            "longest_baseline_m": response.facts["longest_baseline_m"],
            "w_term": "included" if self.uses_w else f"left out ({response.facts['w_turns']:.2g} turns at the corner)",
        }

    def with_hours(self, hours: float) -> Observation:
        """The same configuration for another total time: same coverage and PSF, noise as 1/sqrt(hours)."""
        return self._with(hours=_plain("hours", hours, u.h))

    def with_channel_width(self, channel_width: u.Quantity) -> Observation:
        """The same configuration for another channel width: same PSF, noise as 1/sqrt(width)."""
        return self._with(channel_width=_bandwidth(channel_width, self.frequency))

    def _with(self, **changes) -> Observation:
        other = copy.copy(self)
        other.__dict__.update(changes)
        return other

    def _cache_key(self) -> dict[str, Any]:
        """All that the response depends on; not the hours and the channel width, which only scale its noise."""
        return {
            "array": self.array.digest,
            "frequency_hz": float(self.frequency.to_value(u.Hz)),
            "npix": self.npix,
            "pixel_arcsec": float(self.pixel_scale.to_value(u.arcsec)),
            "weighting": [self.weighting, self.robust, float(self.weighting_fov.to_value(u.arcsec))],
            "taper_arcsec": None if self.taper is None else float(self.taper.to_value(u.arcsec)),
            "declination_deg": float(self.declination.to_value(u.deg)),
            "track": [self.hours_per_night, len(self.track), float(self.min_elevation.to_value(u.deg))],
            "sefd": hashlib.sha256(self.receivers.sefd.tobytes() + self.receivers.efficiency.tobytes()).hexdigest(),
        }

    def samples(self) -> Samples:
        """The visibilities that this observation takes, laid out anew at each call (seconds for AA4)."""
        return take(
            self.array,
            self.receivers,
            self.frequency,
            self.declination,
            self.track,
            self.min_elevation,
            self.pixel_scale,
            self.weighting,
            self.robust,
            self.weighting_fov,
            self.taper,
        )

    # -- observing -----------------------------------------------------------------------------------------

    def observe(
        self, sky: Map | u.Quantity, seed: int | None = 0, ids: Iterable | str | int | None = None, method: str = "fast"
    ) -> Seen | list[Seen]:
        """See one sky, or each of a batch.

        Args:
            sky: `Map` or `Quantity` (npix, npix), or a batch (n, npix, npix), in K or mK of brightness
                temperature as observed, Jy/pixel, or Jy/sr.
            seed: of the noise; None observes without noise.
            ids: name of the random stream of each sky: the noise depends on (seed, id) and on nothing else, so
                that shards of a dataset can be made in any order. By default the map's metadata["id"], or the
                number of the sky in the batch.
            method: "fast" convolves with the PSF and draws the noise on the image; "visibilities" predicts
                every visibility, adds noise to each, and images them.

        Returns:
            `Seen`, or a list of them for a batch.

        Raises:
            ParameterError: see `to_jansky_per_pixel`; or ids that do not fit the batch.
        """
        check_choice("method", method, METHODS)
        if seed is not None and (isinstance(seed, bool) or int(seed) != seed or seed < 0):
            raise ParameterError(f"seed must be a whole number of at least 0, or None for no noise, but is {seed}.")
        skies = to_jansky_per_pixel(sky, self.npix, self.pixel_scale, self.pixel_kpc, self.frequency)
        given = dict(sky.metadata) if isinstance(sky, Map) else {}
        if skies.ndim == 2:
            return self._see(skies, seed, str(given.get("id", 0) if ids is None else ids), method, given)
        names = [str(i) for i in (range(len(skies)) if ids is None else ids)]
        if len(names) != len(skies):
            raise ParameterError(f"ids must name each of the {len(skies)} skies, but there are {len(names)}.")
        return [self._see(one, seed, name, method, given) for one, name in zip(skies, names, strict=True)]

    def _see(self, sky: np.ndarray, seed: int | None, name: str, method: str, given: dict) -> Seen:
        if method == "visibilities":
            dirty = self._image(self.visibilities(sky * (u.Jy / u.pix), seed=seed, id=name))
        elif self.uses_w:
            dirty = self._image(self.visibilities(sky * (u.Jy / u.pix), seed=None))
            if seed is not None:
                dirty = dirty + np.float32(self.noise_scale) * self.response.noise(stream(seed, name))
        elif seed is None:
            dirty = self.response.convolve(sky)
        else:
            dirty = self.response.observe(sky, stream(seed, name), self.noise_scale)
        facts = {**given, **self.metadata, "id": name, "noise_seed": seed}
        if seed is None:
            facts["noise_rms"] = 0.0
        result = Map(np.asarray(dirty, np.float32), u.Jy / u.beam, "ska", self.pixel_kpc * u.kpc, facts)
        return Seen(result, sky, self, seed, name)

    def visibilities(self, sky: Map | u.Quantity, seed: int | None = 0, id: str | int = 0) -> Visibilities:
        """Predict the visibilities of one sky and add noise to each (None: none)."""
        pixels = to_jansky_per_pixel(sky, self.npix, self.pixel_scale, self.pixel_kpc, self.frequency)
        samples = self.samples()
        data = predict(pixels, self.pixel_scale, westward(samples.uvw), self.frequency, w_term=self.uses_w)
        sigma = samples.sigma * self.noise_scale
        if seed is not None:
            generator = stream(seed, str(id), "visibilities")
            data = data + sigma * (generator.standard_normal(len(sigma)) + 1j * generator.standard_normal(len(sigma)))
        return Visibilities(
            data=data,
            uvw=samples.uvw,
            p=samples.p,
            q=samples.q,
            hour_angle=samples.hour_angle,
            sigma=sigma,
            weights=samples.weights,
            frequency=self.frequency,
            channel_width=self.channel_width,
            integration=(self.hours * u.h / self.response.facts["integrations"]).to(u.s),
            declination=self.declination,
            array=self.array,
        )

    def _image(self, visibilities: Visibilities) -> np.ndarray:
        """The dirty image of visibilities of this observation: (npix, npix) float64 Jy/beam."""
        return image(
            visibilities.data,
            westward(visibilities.uvw),
            self.frequency,
            self.npix,
            self.pixel_scale,
            visibilities.weights,
            w_term=self.uses_w,
        )


def westward(uvw: np.ndarray) -> np.ndarray:
    """Baselines for images whose columns run to the west: l, and with it u, changes its sign."""
    return uvw * np.array([-1.0, 1.0, 1.0])


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream of (seed, names): independent of every other, and the same on every machine."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()[:16]
    return np.random.default_rng([int(seed), *np.frombuffer(digest, "<u4").tolist()])


def _quantity(name: str, value, unit: u.UnitBase) -> u.Quantity:
    """A positive finite `Quantity` in `unit`."""
    if not isinstance(value, u.Quantity) or not value.unit.is_equivalent(unit):
        raise ParameterError(
            f"{name} must be a Quantity in {unit} or the like, such as 1 * u.{unit}, but is {value!r}."
        )
    check_positive(name, value)
    return value.to(unit)


def _plain(name: str, value, unit: u.UnitBase) -> float:
    """A positive finite number; a `Quantity` is brought to `unit`."""
    if isinstance(value, u.Quantity):
        value = _quantity(name, value, unit).value
    check_positive(name, value)
    return float(value)


def _angle(name: str, value, low: float, high: float) -> u.Quantity:
    if not isinstance(value, u.Quantity) or not value.unit.is_equivalent(u.deg):
        raise ParameterError(f"{name} must be an angle, such as -30 * u.deg, but is {value!r}.")
    if not low <= value.to_value(u.deg) <= high:
        raise ParameterError(f"{name} must be in [{low}, {high}] deg, but is {value}.")
    return value.to(u.deg)


def _pixel(scale, redshift: float, cosmology) -> tuple[u.Quantity, float]:
    """The pixel as an angle (arcsec) and as a proper length (kpc)."""
    if cosmology is None:
        from astropy.cosmology import Planck15 as cosmology
    distance = cosmology.angular_diameter_distance(redshift)
    if isinstance(scale, u.Quantity) and scale.unit.is_equivalent(u.kpc):
        check_positive("pixel_scale", scale)
        angle = ((scale / distance).to_value(u.dimensionless_unscaled) * u.rad).to(u.arcsec)
        return angle, float(scale.to_value(u.kpc))
    if not isinstance(scale, u.Quantity) or not scale.unit.is_equivalent(u.arcsec):
        raise ParameterError(f"pixel_scale must be an angle or a length, such as 2 * u.arcsec, but is {scale!r}.")
    check_positive("pixel_scale", scale)
    return scale.to(u.arcsec), float((scale.to_value(u.rad) * distance).to_value(u.kpc))


def _bandwidth(width, frequency: u.Quantity) -> u.Quantity:
    """The channel width in Hz; a velocity width dv is nu dv / c."""
    if isinstance(width, u.Quantity) and width.unit.is_equivalent(u.km / u.s):
        width = (frequency * width / c).to(u.Hz)
    width = _quantity("channel_width", width, u.Hz)
    if width >= frequency:
        raise ParameterError(f"channel_width must be below the frequency, {frequency:.6g}, but is {width}.")
    return width
