"""From noise to maps: integrators of the probability-flow ODE, given any denoiser.

With noise x = y + sigma n and the denoiser D(x, sigma) = E[y | x], the score is (D - x) / sigma^2 and the ODE
dx / d sigma = (x - D(x, sigma)) / sigma carries samples from noise level to noise level (Karras et al. 2022,
arXiv:2206.00364, eq. 1, 3 and 5). These functions know no network, so they are tested with exact denoisers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from ..errors import ParameterError, check_positive

__all__ = ["SAMPLERS", "euler", "heun", "noise_levels", "score"]


def noise_levels(steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> np.ndarray:
    """(steps + 1,) falling noise levels from `sigma_max` to `sigma_min`, then 0 (arXiv:2206.00364, eq. 5)."""
    check_positive("steps", steps)
    check_positive("sigma_min", sigma_min)
    check_positive("rho", rho)
    if not sigma_min < sigma_max:
        raise ParameterError(f"sigma_max must exceed sigma_min = {sigma_min}, but is {sigma_max}.")
    ramp = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), int(steps)) ** rho
    return np.append(ramp, 0.0)


def score(denoised, x, sigma):
    """grad ln p(x; sigma) = (D(x, sigma) - x) / sigma^2."""
    return (denoised - x) / sigma**2


def euler(denoise: Callable, x, sigmas: np.ndarray):
    """First order: one call of `denoise` per step. See `heun`."""
    for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        x = x + (after - now) / now * (x - denoise(x, float(now)))
    return x


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
            x = x + (now**2 - before**2) ** 0.5 * ops.convert_to_tensor(draw(step))
        slope = (x - denoise(x, float(now))) / now
        ahead = x + (after - now) * slope
        if after > 0:
            slope = 0.5 * (slope + (ahead - denoise(ahead, float(after))) / after)
            ahead = x + (after - now) * slope
        x = ahead
    return x


SAMPLERS = {"euler": euler, "heun": heun}
