"""The tiny set of pairs that the conformance suite trains on."""

import numpy as np

from .mappers import SIZE


def maps(n=16, fields=1, seed=0):
    """Pairs that a mapper can learn: smooth lognormal sources, targets a power of them with scatter."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(n, 4, 4, fields)).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    source = 10 ** (7.2 + 0.6 * coarse)
    target = 10 ** (4.2 + 1.2 * coarse[..., :1] + 0.3 * rng.normal(size=(n, SIZE, SIZE, 1)))
    return source.astype(np.float32), target.astype(np.float32)


def log(samples):
    """Maps in dex, so that differences are relative."""
    return np.log10(np.maximum(samples, 1e2))
