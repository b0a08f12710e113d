"""How much each visibility counts: natural, uniform or Briggs' compromise, and a Gaussian taper."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from ..errors import ParameterError, check_choice, check_positive

__all__ = ["WEIGHTINGS", "density", "taper_weights", "weigh"]

WEIGHTINGS = ("natural", "uniform", "briggs")


def weigh(u_v, natural, scheme: str, robust: float, field_of_view: u.Quantity) -> np.ndarray:
    """Imaging weights of visibilities.

    Args:
        u_v: (K, 2) wavelengths.
        natural: (K,) natural weights, 1/sigma^2; their scale does not matter.
        scheme: "natural", "uniform" or "briggs".
        robust: Briggs' R, in [-2, 2]: -2 is close to uniform, 2 to natural.
        field_of_view: angle; its inverse is the side of the cells in which the density of visibilities is
            counted. A larger field means smaller cells and a milder uniform weighting.

    Returns:
        (K,) weights on the scale of `natural`.

    Source: Briggs 1995 (thesis), as CASA's "norm" form: w / (1 + W f^2), with W the sum of weights in the
    cell and f^2 = (5 10^-R)^2 / (sum over cells of W^2 / sum of w).
    """
    check_choice("weighting", scheme, WEIGHTINGS)
    if scheme == "natural":
        return np.array(natural, np.float64)
    cell_sum, sum_of_squares = density(u_v, natural, field_of_view)
    if scheme == "uniform":
        return natural / cell_sum
    if not -2 <= robust <= 2:
        raise ParameterError(f"robust must be in [-2, 2], but is {robust}.")
    f2 = (5 * 10.0**-robust) ** 2 / (sum_of_squares / np.sum(natural))
    return natural / (1 + cell_sum * f2)


def density(u_v, natural, field_of_view: u.Quantity) -> tuple[np.ndarray, float]:
    """Sum of natural weights in the cell of each visibility, (K,), and the sum of W^2 over all cells.

    A visibility and its conjugate at (-u, -v) are one measurement, so cells are counted on a half plane.
    """
    check_positive("weighting_fov", field_of_view)
    cell = 1 / field_of_view.to_value(u.rad)
    cells = np.rint(np.asarray(u_v) / cell).astype(np.int64)
    flip = (cells[:, 1] < 0) | ((cells[:, 1] == 0) & (cells[:, 0] < 0))
    cells[flip] *= -1
    width = 2 * np.abs(cells[:, 0]).max() + 1
    _, where = np.unique(cells[:, 1] * width + cells[:, 0], return_inverse=True)
    sums = np.bincount(where, weights=natural)
    return sums[where], float(np.sum(sums**2))


def taper_weights(u_v, taper: u.Quantity | None) -> np.ndarray:
    """The factor that a Gaussian taper of this FWHM on the sky puts on each visibility: (K,).

    exp(-(pi FWHM)^2 (u^2 + v^2) / (4 ln 2)): the Fourier transform of the Gaussian.
    """
    squared = np.sum(np.square(u_v), axis=1)
    if taper is None:
        return np.ones(len(squared))
    check_positive("taper", taper)
    return np.exp(-((np.pi * taper.to_value(u.rad)) ** 2) * squared / (4 * np.log(2)))
