"""The evidence lower bound of a diffusion model, of any denoiser.

With the chain x_T -> ... -> x_0 at falling noise levels, each step drawn from q(x_after | x_now, y = D), the bound is a
sum of relative entropies, all Gaussian (Kingma et al. 2021, arXiv:2107.00630, eq. 11 to 14):

    -ln p(y) <= KL(q(x_T | y) | N(0, sigma_T^2)) + sum 1/2 (1 / sigma_after^2 - 1 / sigma_now^2) |y - D(x_now)|^2
                - ln N(y; x_0, sigma_0^2)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["evidence_lower_bound"]


def evidence_lower_bound(denoise: Callable, y, sigmas: np.ndarray, draw: Callable) -> np.ndarray:
    """A lower bound, on average over `draw`, of ln p(y) of each image (n,), in nats, float64.

    Args:
        denoise: D(x, sigma) -> E[y | x], numpy in and out; `sigma` a float.
        y: (n, ...) maps.
        sigmas: (steps + 1,) falling levels above 0. The bound closes in on ln p(y) with more steps.
        draw: number of the step -> standard normal numbers like `y`.
    """
    y = np.asarray(y, np.float64)

    def squared(x):
        return np.sum(np.reshape(x, (len(y), -1)) ** 2, axis=1)

    loss = 0.5 * squared(y) / sigmas[0] ** 2
    for step, (now, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        error = squared(y - np.asarray(denoise(y + now * draw(step), float(now)), np.float64))
        loss = loss + 0.5 * (after**-2.0 - now**-2.0) * error
    size = y[0].size
    return -loss - 0.5 * size * (np.log(2 * np.pi * sigmas[-1] ** 2) + 1.0)  # E|n|^2 is known
