"""How well generated maps fit their true partners: losses of paired training, and whether they spread as they should.

A pixel-wise L1 loss alone draws every generated map to the median of p(target | source) and kills its spread. With two
generated maps a, b of each source there are losses whose optimum is the true spread.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError

__all__ = [
    "FIDELITIES",
    "Diversity",
    "energy_distance",
    "fourier_modes",
    "log_powers",
    "mean_difference",
    "peak_heights",
    "window_means",
]

WINDOWS = 4, 8  # pixels a side
LEAST = 1e-4  # of the mean square: beyond the beam is no power at all, and no network draws less than a hundredth


def _l1(a, b, target):
    """|a - target|: minimal at the median, whatever the noise (pix2pix, arXiv:1611.07004)."""
    return ops.abs(a - target)


def _rcgan(a, b, target):
    """|mean(a, b) - target| - |a - b| / sqrt(12): minimal at the true mean and spread of Gaussian pixels.

    rcGAN (arXiv:2210.13389) with two samples: beta sqrt(pi) / 2 |a - b| is their estimate of beta times the
    deviation, with their beta = sqrt(2 / (6 pi)).
    """
    return ops.abs(0.5 * (a + b) - target) - ops.abs(a - b) / math.sqrt(12.0)


def _crps(a, b, target):
    """(|a - target| + |b - target| - |a - b|) / 2: the fair CRPS, minimal at the true distribution of each pixel,
    Gaussian or not (Gneiting & Raftery 2007)."""
    return 0.5 * (ops.abs(a - target) + ops.abs(b - target) - ops.abs(a - b))


# name: function (a, b, target) of generated and true values, any equal shapes -> values of that shape
FIDELITIES = {"crps": _crps, "l1": _l1, "rcgan": _rcgan}


def fourier_modes(maps, scale=None):
    """(modes, scale): the Fourier modes of maps (B, H, W, C), each over the mean power of its wavenumber.

    So weighted, a fidelity loss of the modes counts small scales as much as large ones, which pixels do not.

    Args:
        maps: of known size, float32.
        scale: of another call, to weight by the power of the maps there instead of that of these.

    Returns:
        modes (B, C, H, W, 2), real and imaginary parts of unit variance; scale (C, H, W), the root of the power in
        rings of one fundamental wavenumber, averaged over the batch.
    """
    height, width, modes = _modes(maps)
    if scale is None:
        ring, count = _rings(height, width)
        power = ops.reshape(0.5 * ops.mean(ops.sum(ops.square(modes), axis=-1), axis=0), (-1, height * width))
        member = ops.one_hot(ring, len(count), dtype="float32")
        mean = ops.matmul(power, member) / count
        scale = ops.sqrt(ops.reshape(ops.take(mean, ring, axis=1), (-1, height, width)) + 1e-12)
    return modes / scale[..., None], scale


def log_powers(maps, transform=None, unit=None):
    """(ln of the power in each ring of each image, unit): how structure is shared out over the scales of a map.

    With mean taken off and a Hann window, as `skazoo.metrics.power_spectrum`. Of physical maps it is what a loss of
    pixels in network space leaves open, because there a galaxy's centre, which holds the power, is a few pixels among
    many.

    Args:
        maps: (B, H, W, C) in network space, of known size, float32.
        transform: of the mapper, for the powers of physical maps; None for those of maps as they are.
        unit: of another call, to take powers in; by default the mean square of these maps, each channel (C,).

    Returns:
        powers (B, C, rings), float32, over unit, plus `LEAST`. Rings are one fundamental wavenumber wide, from 1 to the
        corners of the Fourier plane.
    """
    maps = maps if transform is None else transform.inverse(maps)
    maps = maps - ops.mean(maps, axis=(1, 2), keepdims=True)
    if unit is None:
        unit = ops.stop_gradient(ops.mean(ops.square(maps), axis=(0, 1, 2))) + 1e-30
    height, width, modes = _modes(maps / ops.sqrt(unit) * _hann(*maps.shape[1:3]))
    power = ops.reshape(ops.sum(ops.square(modes), axis=-1), (-1, maps.shape[-1], height * width))
    ring, count = _rings(height, width)
    mean = ops.matmul(power, ops.one_hot(ring, len(count), dtype="float32")) / count
    return ops.log(mean[..., 1:] + LEAST), unit


def energy_distance(a, b):
    """E|a - b| - (E|a - a'| + E|b - b'|) / 2 of values a (n, ...), b (m, ...): (...), 0 where both are distributed
    alike; unbiased from two values each on, as none is compared with itself (Szekely & Rizzo 2013).

    Two batches of maps can so be asked for one distribution of any number, without knowing pairs.
    """
    return mean_difference(a, b) - 0.5 * (mean_difference(a) + mean_difference(b))


def mean_difference(a, b=None):
    """Mean absolute difference of values a (n, ...) and b (m, ...), all pairs; of a among themselves (Gini's) where b
    is None, none being compared with itself: (...)."""
    pairs = ops.shape(a)[0] * (ops.shape(a)[0] - 1 if b is None else ops.shape(b)[0])
    apart = ops.abs(a[:, None] - (a if b is None else b)[None])
    return ops.sum(apart, axis=(0, 1)) / ops.cast(ops.maximum(pairs, 1), "float32")


def window_means(maps, window, transform=None):
    """Means of windows side by side, those of a map's whole side if it is smaller: (B, H, W, C) -> (B, h, w, C).

    Args:
        maps: in network space, float32; what is left over at the edges is left out.
        window: pixels a side.
        transform: of the mapper, for the means of physical maps, put back into network space; None for those of maps
            as they are.
    """
    size = tuple(min(window, side or window) for side in maps.shape[1:3])
    maps = maps if transform is None else transform.inverse(maps)
    means = ops.average_pool(maps, size, strides=size, padding="valid")
    return means if transform is None else transform.forward(means)


def peak_heights(maps):
    """How far the highest pixel of each window stands above the window's mean; maps (B, H, W, C) -> (B, n).

    Pixels and Fourier modes, each judged alone, can have the right spread in maps without a single compact source, if
    its place is not known from the source map. Windows of `WINDOWS` pixels a side overlap by half; those larger than
    the map are left out.
    """
    found = []
    for window in WINDOWS:
        if min(maps.shape[1] or window, maps.shape[2] or window) >= window:
            size = dict(pool_size=window, strides=window // 2, padding="valid")
            height = ops.max_pool(maps, **size) - ops.average_pool(maps, **size)
            found.append(ops.reshape(height, (ops.shape(maps)[0], -1)))
    if not found:
        raise ParameterError(f"the loss of peaks needs maps of {WINDOWS[0]} pixels a side at least.")
    return ops.concatenate(found, axis=-1)


def _modes(maps):
    """(H, W, modes (B, C, H, W, 2)) of maps (B, H, W, C), the transform being unitary."""
    height, width = maps.shape[1:3]
    if height is None or width is None:
        raise ParameterError("losses of Fourier modes need maps of one known size: batch maps of the same size.")
    turned = ops.transpose(maps, (0, 3, 1, 2))
    return height, width, ops.stack(ops.fft2((turned, ops.zeros_like(turned))), axis=-1) / math.sqrt(height * width)


def _hann(height, width):
    """The periodic Hann window (H, W, 1); of known size, else `_modes` says what is wrong."""
    if height is None or width is None:
        return 1.0
    rows, columns = (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in (height, width))
    return (rows[:, None] * columns)[..., None].astype("float32")


def _rings(height, width):
    """(number of the ring of each mode (H W,), modes in each ring): rounded wavenumbers of the shorter side."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    ring = np.rint(np.hypot(rows, columns) * min(height, width)).astype("int32").ravel()
    _, ring = np.unique(ring, return_inverse=True)
    return ring.astype("int32"), np.bincount(ring).astype("float32")


class Diversity(keras.metrics.Metric):
    """rms(a - b) / rms(a - target) of two generated maps a, b of the same source, over an epoch.

    1 where they are samples of p(target | source), because then a, b and the target are exchangeable; 0 where all maps
    of a source are alike (mode collapse); below 1 too little spread, above too much.
    """

    def __init__(self, name="diversity", **kwargs):
        super().__init__(name=name, **kwargs)
        self.between = self.add_variable((), initializer="zeros", name="between")
        self.off = self.add_variable((), initializer="zeros", name="off")

    def update_state(self, a, b, target):
        """Add maps (B, H, W, C)."""
        self.between.assign_add(ops.mean(ops.square(a - b)))
        self.off.assign_add(ops.mean(ops.square(a - target)))

    def result(self):
        return ops.sqrt(self.between / ops.maximum(self.off, 1e-20))
