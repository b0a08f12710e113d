r"""The Gaussian random field behind a beam and noise: a map-to-map problem with an exact posterior, of any size.

The target is a periodic Gaussian field x of power P(k) ~ k^-slope and unit pixel variance, the source is its image
c = B x + n through a Gaussian beam B = exp(-(k psf)^2 / 2), with white noise of variance N. In Fourier space (an
orthonormal FFT) every mode is independent, and

    p(x | c): mean W c, W = B P / (B^2 P + N), variance V = P N / (B^2 P + N)            (the Wiener filter)

so that samples, log-likelihood, entropy, RMSE and spectra of the perfect mapper are known. `lognormal=True` takes
exp(amplitude x) as the target, a positive field of many decades: the posterior stays exact, with the log-determinant
of the exponential.

Lengths are in pixels, wavenumbers k in radians a pixel, densities in nats.
Source of the filter: Wiener (1949); Rybicki & Press (1992), ApJ 398, 169.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...errors import ParameterError, check_positive
from .benchmark import Benchmark, Score

__all__ = ["GaussianField", "benchmarks", "score"]


class GaussianField:
    """The problem, and at the same time its perfect mapper.

    Args:
        size: pixels a side.
        slope: of the power spectrum, P ~ k^-slope.
        psf: standard deviation of the beam (pixels).
        noise: standard deviation of the noise, of a field of unit variance.
        lognormal: the target is exp(amplitude x) instead of x.
        amplitude: of the exponent.
        width: factor on the standard deviation of `sample`: 1 is the exact posterior; 0.8 is 20 % too sure.
    """

    source, target = ("observed",), ("field",)
    likelihood = "exact"

    def __init__(self, size=32, slope=3.0, psf=1.5, noise=0.1, lognormal=False, amplitude=1.0, width=1.0):
        if size != int(size) or size < 4:
            raise ParameterError(f"size must be a whole number of at least 4 pixels, but is {size}.")
        for name, value in (("psf", psf), ("noise", noise), ("amplitude", amplitude), ("width", width)):
            check_positive(name, value)
        self.size, self.lognormal, self.amplitude, self.width = int(size), lognormal, amplitude, width
        frequency = 2 * np.pi * np.fft.fftfreq(self.size)
        k = np.hypot(frequency[:, None], frequency[None, :])
        beam = np.exp(-0.5 * (k * psf) ** 2)
        k[0, 0] = frequency[1]
        self.power = k**-slope
        self.power /= self.power.mean()
        self.beam, self.noise = beam, noise
        self.wiener = beam * self.power / (beam**2 * self.power + noise**2)
        self.variance = self.power * noise**2 / (beam**2 * self.power + noise**2)

    @property
    def entropy(self) -> float:
        """H(target | source) in nats a pixel: the lowest negative log-likelihood that any mapper can reach.

        For `lognormal`, H of the Gaussian field plus log(amplitude), as the field's mean is 0.
        """
        gaussian = 0.5 * np.mean(np.log(2 * np.pi * np.e * self.variance))
        return float(gaussian + (np.log(self.amplitude) if self.lognormal else 0.0))

    @property
    def rmse(self) -> float:
        """RMSE of the exact posterior mean of the Gaussian field."""
        return float(np.sqrt(np.mean(self.variance)))

    def draw(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Independent pairs: source and target (n, size, size, 1), float32."""
        rng = np.random.default_rng(seed)
        field = self.colour(rng.standard_normal((n, self.size, self.size)), self.power)
        seen = filtered(field, self.beam) + self.noise * rng.standard_normal(field.shape)
        return seen[..., None].astype(np.float32), self.outward(field)[..., None].astype(np.float32)

    def examples(self, n: int, seed: int) -> Iterator[dict]:
        """The same pairs as examples for `evaluate`, with pixels of 1 kpc."""
        for index, (seen, field) in enumerate(zip(*self.draw(n, seed), strict=True)):
            yield {"id": str(index), "pixel_kpc": 1.0, "observed": seen[..., 0], "field": field[..., 0]}

    def posterior_mean(self, source) -> np.ndarray:
        """The exact mean (B, size, size, 1) of the target given the source."""
        mean = filtered(self.checked("source", source), self.wiener)
        if self.lognormal:
            mean = np.exp(self.amplitude * mean + 0.5 * self.amplitude**2 * np.mean(self.variance))
        return mean[..., None]

    def sample(self, source, num_samples: int = 1, seed: int = 0) -> np.ndarray:
        """Draws (num_samples, B, size, size, 1) from the exact posterior, its width times `self.width`."""
        mean = filtered(self.checked("source", source), self.wiener)
        white = np.random.default_rng(seed).standard_normal((num_samples, *mean.shape))
        return self.outward(mean + self.width * self.colour(white, self.variance))[..., None].astype(np.float32)

    def log_prob(self, target, source) -> np.ndarray:
        """Exact log p(target | source) in nats, one number an image (B,)."""
        field = self.checked("target", target)
        jacobian = 0.0
        if self.lognormal:
            field = np.log(field) / self.amplitude
            jacobian = -np.sum(self.amplitude * field + np.log(self.amplitude), axis=(1, 2))
        modes = np.fft.fft2(field - filtered(self.checked("source", source), self.wiener), norm="ortho")
        chi2 = np.sum(np.abs(modes) ** 2 / self.variance, axis=(1, 2))
        return -0.5 * (chi2 + np.sum(np.log(2 * np.pi * self.variance))) + jacobian

    def gaussian(self, target) -> np.ndarray:
        """The Gaussian field (..., size, size) behind targets (..., size, size, 1)."""
        field = np.asarray(target, np.float64)[..., 0]
        return np.log(np.maximum(field, 1e-30)) / self.amplitude if self.lognormal else field

    def outward(self, field: np.ndarray) -> np.ndarray:
        """The target of a Gaussian field."""
        return np.exp(self.amplitude * field) if self.lognormal else field

    @staticmethod
    def colour(white: np.ndarray, power: np.ndarray) -> np.ndarray:
        """White noise given the power spectrum (in FFT order)."""
        return filtered(white, np.sqrt(power))

    def checked(self, name: str, maps) -> np.ndarray:
        """Maps (B, size, size, 1) as (B, size, size) float64, or `ParameterError`."""
        maps = np.asarray(maps, np.float64)
        if maps.ndim != 4 or maps.shape[1:] != (self.size, self.size, 1):
            raise ParameterError(f"{name} must have shape (batch, {self.size}, {self.size}, 1), but has {maps.shape}.")
        return maps[..., 0]


def filtered(maps: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Maps times a real response in Fourier space."""
    return np.fft.ifft2(np.fft.fft2(maps) * response).real


def score(problem: GaussianField, mapper, n: int = 64, num_samples: int = 16, seed: int = 0) -> dict[str, float]:
    """How far a mapper is from perfect on the problem; all on the Gaussian field behind the target.

    Args:
        problem: the standard.
        mapper: anything with `sample`, and `log_prob` where it has a likelihood.
        n: maps; num_samples: samples a map, at least 2.

    Returns:
        nll_gap: nats a pixel above the entropy, of these very maps under the exact posterior; NaN without likelihood.
        rmse_ratio: RMSE of the posterior mean over the lowest possible one, free of the noise of few samples.
        spread_ratio: standard deviation of the samples over the exact one.
        sample_rmse_ratio: RMSE of single samples over that of exact ones, which is sqrt(2) times the lowest RMSE of a
            mean: above 1 where samples are wrong, below where they are too narrow.
        power_error: largest |P samples / P exact samples - 1| below 0.7 of the Nyquist wavenumber.
    """
    from ..spectra import power_spectrum

    if num_samples < 2:
        raise ParameterError(f"num_samples must be at least 2 to speak of a spread, but is {num_samples}.")
    source, target = problem.draw(n, seed)
    drawn = problem.gaussian(mapper.sample(source, num_samples=num_samples, seed=seed))
    truth = problem.gaussian(target)
    mean, variance = drawn.mean(axis=0), np.mean(drawn.var(axis=0, ddof=1))
    exact = filtered(problem.checked("source", source), problem.wiener)
    # the exact mean's error is orthogonal to any other function of the source, so only the excess is measured
    excess = np.mean((mean - exact) ** 2) - variance / num_samples
    single = np.mean((drawn - truth) ** 2) - np.mean((exact - truth) ** 2) + problem.rmse**2
    gap = np.nan
    if getattr(mapper, "likelihood", None):
        gap = np.mean(problem.log_prob(target, source) - np.asarray(mapper.log_prob(target, source))) / truth[0].size
    k, p = power_spectrum(drawn.reshape(-1, *truth.shape[1:]), 1.0, window=None)
    # of exact samples for these sources; the truths alone, one a source, would be too few at the smallest wavenumbers
    exact_samples = problem.gaussian(problem.sample(source, num_samples=64, seed=seed + 1))
    expected = np.mean(power_spectrum(exact_samples.reshape(-1, *truth.shape[1:]), 1.0, window=None)[1], axis=0)
    return {
        "nll_gap": float(gap),
        "rmse_ratio": float(np.sqrt(max(1.0 + excess / problem.rmse**2, 0.0))),
        "spread_ratio": float(np.sqrt(variance) / problem.rmse),
        "sample_rmse_ratio": float(np.sqrt(max(single, 0.0) / 2) / problem.rmse),
        "power_error": float(np.max(np.abs(p.mean(axis=0) / expected - 1)[k < 0.7 * np.pi])),
    }


def benchmarks() -> list[Benchmark]:
    """The field of 32 x 32 pixels behind a beam of 1.5 pixels and 10 % noise, for the command."""
    problem = GaussianField(size=32, slope=3.0, psf=1.5, noise=0.1)

    def make(family, arguments: dict, seed: int):
        from ...datasets.transforms import Affine

        transforms = {"observed": Affine(), "field": Affine()}
        return family("observed", "field", problem.size, transforms=transforms, seed=seed, **arguments)

    def judge(mapper) -> dict[str, Score]:
        found = score(problem, mapper, n=64, num_samples=8)
        found["nll"] = problem.entropy + found["nll_gap"]
        return {
            "nll": Score(found["nll"], problem.entropy, "nats/pixel", str(mapper.likelihood or "")),
            "nll gap": Score(found["nll_gap"], 0.0, "nats/pixel"),
            "rmse of the mean": Score(found["rmse_ratio"], 1.0, "x Wiener"),
            "rmse of a sample": Score(found["sample_rmse_ratio"], 1.0, "x exact"),
            "spread": Score(found["spread_ratio"], 1.0, "x exact"),
            "power error": Score(found["power_error"], 0.0, "", "largest below 0.7 Nyquist"),
        }

    return [Benchmark("", make, problem.draw, judge)]
