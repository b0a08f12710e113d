"""Observing: skies in, dirty images or visibilities out, by one configuration of the telescope."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_choice
from ..maps.map import Map
from .configuration import Configuration
from .gains import Gains, corrupted
from .imaging import image, predict
from .seen import Seen
from .sky import to_jansky_per_pixel
from .visibilities import Visibilities

__all__ = ["Observation"]

METHODS = ("fast", "visibilities")


class Observation(Configuration):
    """A telescope set up to observe galaxies at one redshift.

    Args:
        array: a name that `Array.load` knows, or an `Array`.
        redshift: of the galaxies, > 0: gives the frequency of the 21 cm line and the size of a kpc on the sky.
        npix: side of the sky and of the image, in pixels.
        pixel_scale: `Quantity`: an angle, or a proper length (kpc) that the cosmology turns into one.
        hours: total time on the source; the track of one night is repeated, so that the coverage stays the same
            and the noise falls as 1/sqrt(hours).
        channel_width: `Quantity` in Hz, or in km/s in the frame of the source: the whole band of the observation.
        subbands: parts that the band is observed in, each with its own baselines in wavelengths and its own
            sensitivity, and imaged together (multi-frequency synthesis); 1 for a line.
        spectral_index: of every source over the band, where there are several subbands: flux density goes as
            (nu / frequency)^spectral_index; -0.7 is typical of synchrotron. A map of it can be given to `observe`.
        weighting: "natural", "uniform" or "briggs"; `robust` in [-2, 2] is for "briggs".
        taper: FWHM on the sky of a Gaussian taper of the weights, or None.
        declination: of the field.
        right_ascension: of the field, in the equinox of date; matters with `start` and in files.
        start: UTC date and time (`Time` or ISO 8601) at which each night's track begins; None for a track
            symmetric about transit.
        hours_per_night: length of the track.
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
        primary_beam: "gaussian" dims the sky away from the phase centre as one antenna's beam does (66 deg
            lambda / D, D the mean diameter of the working antennas); None leaves it as it is.

    Raises:
        ParameterError: an argument of a wrong kind or out of range.
        ObservationError: the source stays below the horizon, the frequency is out of band; and from the first
            use of `response`: the pixels are too coarse for the array or for the beam.

    The sky and the image have rows to the north and columns to the west, as displayed FITS images have. Their
    pixel [npix // 2, npix // 2] is the phase centre.
    """

    def observe(
        self,
        sky: Map | u.Quantity,
        seed: int | None = 0,
        ids: Iterable | str | int | None = None,
        method: str = "fast",
        gains: Gains | None = None,
        spectral_index=None,
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
            gains: errors of the antennas, `GainErrors` or a function of (array, hour angles, id); with them the
                sky goes through its visibilities whatever the method.
            spectral_index: (npix, npix) of each pixel of the sky, for an observation with subbands; it too goes
                through visibilities. The observation's own by default.

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
        how = {"gains": gains, "spectral_index": self._index_map(spectral_index)}
        if skies.ndim == 2:
            return self._see(skies, seed, str(given.get("id", 0) if ids is None else ids), method, given, how)
        names = [str(i) for i in (range(len(skies)) if ids is None else ids)]
        if len(names) != len(skies):
            raise ParameterError(f"ids must name each of the {len(skies)} skies, but there are {len(names)}.")
        return [self._see(one, seed, name, method, given, how) for one, name in zip(skies, names, strict=True)]

    def _see(self, sky: np.ndarray, seed: int | None, name: str, method: str, given: dict, how: dict) -> Seen:
        if method == "visibilities":
            dirty = self._image(self.visibilities(sky * (u.Jy / u.pix), seed=seed, id=name, **how))
        elif self.uses_w or any(each is not None for each in how.values()):
            dirty = self._image(self.visibilities(sky * (u.Jy / u.pix), seed=None, id=name, **how))
            if seed is not None:
                dirty = dirty + np.float32(self.noise_scale) * self.response.noise(stream(seed, name))
        elif seed is None:
            dirty = self.response.convolve(self._through_beam(sky))
        else:
            dirty = self.response.observe(self._through_beam(sky), stream(seed, name), self.noise_scale)
        facts = {**given, **self.metadata, "id": name, "noise_seed": seed}
        if seed is None:
            facts["noise_rms"] = 0.0
        if how["gains"] is not None:
            facts["gains"] = str(how["gains"])
        if how["spectral_index"] is not None:
            facts["spectral_index"] = "a map"
        result = Map(np.asarray(dirty, np.float32), u.Jy / u.beam, "ska", self.pixel_kpc * u.kpc, facts)
        return Seen(result, sky, self, seed, name, how)

    def visibilities(
        self,
        sky: Map | u.Quantity,
        seed: int | None = 0,
        id: str | int = 0,
        gains: Gains | None = None,
        spectral_index=None,
    ) -> Visibilities:
        """Predict the visibilities of one sky and add noise to each (None: none); see `observe`."""
        pixels = to_jansky_per_pixel(sky, self.npix, self.pixel_scale, self.pixel_kpc, self.frequency)
        samples, index = self.samples(), self._index_map(spectral_index)
        pixels = self._through_beam(pixels)
        if index is None:
            data = self._predict(pixels, samples.uvw) * samples.flux(self.spectral_index)
        else:
            data = np.empty(len(samples), np.complex128)
            for number, ratio in enumerate(samples.ratios):
                here = samples.subband == number
                if here.any():
                    data[here] = self._predict(pixels * ratio**index, samples.uvw[here])
        if gains is not None:
            data = corrupted(data, samples.p, samples.q, samples.hour_angle, self.array, gains, str(id))
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
            channel_width=self.channel_width / len(self.subbands),
            integration=(self.hours * u.h / self.response.facts["integrations"]).to(u.s),
            declination=self.declination,
            array=self.array,
            right_ascension=self.right_ascension,
            start=self.start,
            subband=samples.subband,
            ratios=samples.ratios,
        )

    def _predict(self, pixels: np.ndarray, uvw: np.ndarray) -> np.ndarray:
        return predict(pixels, self.pixel_scale, westward(uvw), self.frequency, w_term=self.uses_w)

    def _index_map(self, given) -> np.ndarray | None:
        """A map of the spectral index, checked: (npix, npix), or None where none is given."""
        if given is None:
            return None
        index = np.asarray(given, np.float64)
        if index.shape != (self.npix, self.npix) or not (np.abs(index) <= 10).all():
            raise ParameterError(
                f"spectral_index must be a map ({self.npix}, {self.npix}) of numbers in [-10, 10], but has shape "
                f"{index.shape}; one number for the whole sky goes to Observation(spectral_index=...)."
            )
        if len(self.subbands) == 1:
            raise ParameterError("spectral_index means nothing in one subband; set Observation(subbands=...).")
        return index

    def _through_beam(self, sky: np.ndarray) -> np.ndarray:
        return sky if self.primary_beam is None else sky * self.attenuation

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

    def operator(self, unit: str = "Jy/pixel"):
        """A Keras layer from skies (B, npix, npix, C) in Jy/pixel or K to dirty images without noise, Jy/beam.

        Differentiable and serialisable on every backend; `.adjoint(image)` is its adjoint.
        """
        from .operator import DirtyImage

        return DirtyImage(self, unit)


def westward(uvw: np.ndarray) -> np.ndarray:
    """Baselines for images whose columns run to the west: l, and with it u, changes its sign."""
    return uvw * np.array([-1.0, 1.0, 1.0])


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream of (seed, names): independent of every other, and the same on every machine."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()[:16]
    return np.random.default_rng([int(seed), *np.frombuffer(digest, "<u4").tolist()])
