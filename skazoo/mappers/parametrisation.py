"""What a diffusion network predicts - F, noise, velocity or map - and the exact way from each to the denoised map.

With x = y + sigma n every choice is linear, D(x, sigma) = skip x + out value (arXiv:2206.00364, table 1):

    edm   F of unit variance at every sigma     skip = sd^2 / (sigma^2 + sd^2), out = sigma sd / sqrt(sigma^2 + sd^2)
    eps   the noise n                           skip = 1,                       out = -sigma
    v     alpha n - s y (arXiv:2202.00512)      skip = 1 / (1 + sigma^2),       out = -sigma / sqrt(1 + sigma^2)
    x0    the clean map y                       skip = 0,                       out = 1

sd is the standard deviation of the maps; with sd = 1, v = -F. alpha and s: see `noise_levels.variance_preserving`.
The functions take numbers, numpy arrays and tensors, in whatever precision these have.
"""

from __future__ import annotations

from keras import ops

from ..errors import check_choice

__all__ = ["PARAMETRISATIONS", "convert", "denoised", "prediction", "preconditioning", "skip_and_out"]

PARAMETRISATIONS = ("edm", "eps", "v", "x0")


def skip_and_out(kind: str, sigma, sigma_data: float = 1.0):
    """The two factors of D = skip x + out value."""
    check_choice("parametrisation", kind, PARAMETRISATIONS)
    if kind == "edm":
        total = sigma**2 + sigma_data**2
        return sigma_data**2 / total, sigma * sigma_data * total**-0.5
    if kind == "v":
        total = sigma**2 + 1.0
        return 1.0 / total, -sigma * total**-0.5
    return (1.0 + 0.0 * sigma, -sigma) if kind == "eps" else (0.0 * sigma, 1.0 + 0.0 * sigma)


def denoised(kind: str, value, x, sigma, sigma_data: float = 1.0):
    """The denoised map from a prediction of `kind`."""
    skip, out = skip_and_out(kind, sigma, sigma_data)
    return skip * x + out * value


def prediction(kind: str, denoised, x, sigma, sigma_data: float = 1.0):
    """The prediction of `kind` that means this denoised map; of the true map it is the training target."""
    skip, out = skip_and_out(kind, sigma, sigma_data)
    return (denoised - skip * x) / out


def convert(value, x, sigma, old: str, new: str, sigma_data: float = 1.0):
    """A prediction of kind `old` as one of kind `new`."""
    return prediction(new, denoised(old, value, x, sigma, sigma_data), x, sigma, sigma_data)


def preconditioning(sigma, sigma_data: float):
    """(c_in, c_noise): factor on the input of the network, which gives it unit variance, and the level it is told."""
    return (sigma**2 + sigma_data**2) ** -0.5, 0.25 * ops.log(sigma)
