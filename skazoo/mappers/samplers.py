"""From noise to maps: integrators of the probability-flow ODE and of its stochastic kin, given any denoiser.

With noise x = y + sigma n and the denoiser D(x, sigma) = E[y | x], the score is (D - x) / sigma^2 and the ODE
dx / d sigma = (x - D(x, sigma)) / sigma carries samples from noise level to noise level (Karras et al. 2022,
arXiv:2206.00364, eq. 1, 3 and 5). These functions know no network, so they are tested with exact denoisers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..errors import ParameterError, check_positive
from .noise_levels import central_levels, edm_levels, wide_levels

__all__ = ["SAMPLERS", "ancestral", "ddim", "dpm_solver", "heun", "logarithmic", "multistep", "score"]


def score(denoised, x, sigma):
    """grad ln p(x; sigma) = (D(x, sigma) - x) / sigma^2."""
    return (denoised - x) / sigma**2


def ddim(denoise: Callable, x, sigmas: np.ndarray, eta: float = 0.0, draw: Callable | None = None):
    """First order: one call of `denoise` per step (Song et al. 2021, arXiv:2010.02502, eq. 12 and 16).

    `eta` is the share of noise that is drawn anew: 0 is Euler's method for the ODE, exactly; 1 is the ancestral sampler
    of DDPM, which draws from q(x_after | x_now, y = D) (arXiv:2006.11239, eq. 6 and 7). See `heun` for the rest.
    """
    if eta and draw is None:
        raise ParameterError("eta needs fresh noise: pass draw.")
    for step, (now, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        fresh = eta * after * (1.0 - (after / now) ** 2) ** 0.5
        denoised = denoise(x, float(now))
        x = denoised + float((after**2 - fresh**2) ** 0.5 / now) * (x - denoised)
        if fresh:
            x = x + float(fresh) * draw(step)
    return x


def ancestral(denoise: Callable, x, sigmas: np.ndarray, draw: Callable | None = None):
    """DDPM (arXiv:2006.11239): `ddim` with all noise drawn anew."""
    return ddim(denoise, x, sigmas, 1.0, draw)


def heun(denoise: Callable, x, sigmas: np.ndarray, churn: float = 0.0, draw: Callable | None = None):
    """Second order: two calls of `denoise` per step, one in the step to sigma = 0 (arXiv:2206.00364, algorithm 2).

    Args:
        denoise: D(x, sigma) -> E[y | x], same shape; `sigma` a float.
        x: (n, ...) noise of deviation sigmas[0] (plus the mean, if it is not negligible beside it).
        sigmas: (steps + 1,) falling levels; the last may be 0.
        churn: S_churn, fresh noise per run: at each step sigma is first raised by min(churn / steps, sqrt 2 - 1) of
            itself. 0 is the deterministic ODE.
        draw: step number -> standard normal numbers like `x`; needed with churn.

    Returns: x at the last level.
    """
    if churn and draw is None:
        raise ParameterError("churn needs fresh noise: pass draw.")
    raised = min(churn / (len(sigmas) - 1), 2**0.5 - 1)
    for step, (now, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        if raised:
            before, now = now, now * (1 + raised)
            x = x + (now**2 - before**2) ** 0.5 * draw(step)
        slope = (x - denoise(x, float(now))) / now
        ahead = x + (after - now) * slope
        if after > 0:
            slope = 0.5 * (slope + (ahead - denoise(ahead, float(after))) / after)
            ahead = x + (after - now) * slope
        x = ahead
    return x


def dpm_solver(denoise: Callable, x, sigmas: np.ndarray):
    """DPM-Solver++(2M): second order, one call of `denoise` per step (Lu 2022, arXiv:2211.01095, algorithm 2)."""
    before = last = None
    for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        denoised = denoise(x, float(now))
        ahead = denoised
        if after > 0 and last is not None:
            ratio = np.log(before / now) / np.log(now / after)  # of the steps in ln sigma
            ahead = denoised + float(0.5 / ratio) * (denoised - last)
        x = float(after / now) * x + float(1.0 - after / now) * ahead
        before, last = now, denoised
    return x


def logarithmic(sigma):
    """arcsinh(sigma / 0.3): ln sigma but for the last steps, and finite at 0."""
    return np.arcsinh(sigma / 0.3)


def multistep(denoise: Callable, x, sigmas: np.ndarray, order: int = 3, variable: Callable = logarithmic):
    """One call of `denoise` per step, order `order`: the denoised map is extrapolated from the steps before.

    The ODE is linear but for D: x(b) / b = x(a) / a + integral of D d(1 / sigma) from a to b, exactly. D is replaced
    by the polynomial in variable(sigma) through its last `order` values, and the integral is done by quadrature; at
    sigma = 0 the map is that polynomial itself. With order 2 this is akin to `dpm_solver`. Far ahead of Heun's method
    at equal cost: with 24 calls and `wide_levels`, Gaussian modes of any deviation from 0.03 to 30 come out right to
    2 %. With `numpy.arctan` and `central_levels` up to 20, 8 calls do for those of 0.1 to 2, to 2 %; larger ones it
    gets badly wrong.
    """
    check_positive("order", order)
    levels, denoised = [], []
    for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        levels, denoised = [*levels, float(now)][-order:], [*denoised, denoise(x, float(now))][-order:]
        weights = _multistep_weights(np.array(levels), after, variable)
        change = sum(float(w) * each for w, each in zip(weights, denoised, strict=True))
        x = float(after / now) * x + (float(after) * change if after > 0 else change)
    return x


def _multistep_weights(levels: np.ndarray, after: float, variable: Callable) -> np.ndarray:
    """Integrals d(1 / sigma), from the last of `levels` to `after`, of their Lagrange polynomials in variable(sigma).

    For `after` = 0, where the integral times `after` tends to the polynomial's value at 0, that value.
    """
    at = variable(levels)

    def polynomials(place):
        return [np.prod([(place - a) / (own - a) for a in np.delete(at, i)], axis=0) for i, own in enumerate(at)]

    if after == 0:
        return np.array(polynomials(variable(0.0)))
    nodes, weights = np.polynomial.legendre.leggauss(16)
    first, last = np.log(levels[-1]), np.log(after)
    sigma = np.exp(0.5 * (last - first) * nodes + 0.5 * (last + first))
    measure = -0.5 * (last - first) * weights / sigma  # d(1 / sigma) = -d(ln sigma) / sigma
    return np.array([np.sum(measure * each) for each in polynomials(variable(sigma))])


# name -> (integrator, its noise levels)
SAMPLERS = {
    "multistep": (multistep, wide_levels),
    "narrow": (partial(multistep, variable=np.arctan), partial(central_levels, sigma_max=20.0)),
    "dpm_solver": (dpm_solver, wide_levels),
    "heun": (heun, edm_levels),
    "ddim": (ddim, edm_levels),
    "ancestral": (ancestral, edm_levels),
}
