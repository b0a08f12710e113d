"""A CycleGAN small enough to train in a test, and maps for it."""

import numpy as np

from skazoo.datasets.pixel_transforms import Affine
from skazoo.mappers import CycleGAN

PLAIN = {"a": Affine(), "b": Affine(), "c": Affine()}


def tiny(source="a", target="b", **arguments):
    fields = {*np.ravel(source), *np.ravel(target)}
    transforms = {name: PLAIN[name] for name in fields}
    arguments = {"transforms": transforms, "width": 8, "multipliers": (1,), "stem": 2, "blocks": 1, **arguments}
    return CycleGAN(source, target, 16, **{"replay": 6, **arguments})


def maps(n=8, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 16, 16, channels)).astype(np.float32)


def same(inputs, training=False):
    return inputs[0]
