"""What a mapper draws while it learns, as pictures."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

from ..errors import check_positive
from ..files import replacing
from ..mappers.inputs import unit_of
from ..maps.fields import FIELDS
from ..maps.map import Map
from ..maps.plot import draw, stretch

__all__ = ["SampleSheet", "draw_samples"]


class SampleSheet(keras.callbacks.Callback):
    """Writes a PNG every `every` epochs: a row for each example with source, truth and samples.

    Samples of all epochs start from the same noise, so that what changes is the mapper.

    Args:
        folder: gets epoch_000001.png, ...
        source, target: maps (n, H, W, S) and (n, H, W, T) in physical units, such as a few of the validation set.
        every: epochs from one sheet to the next.
        num_samples, seed, **sampler: see `Mapper.sample`.
        pixel_scale: kpc, for the scale bar.
    """

    def __init__(self, folder: str | os.PathLike, source, target, every=10, num_samples=3, seed=0, pixel_scale=1.0,
                 **sampler):  # fmt: skip
        super().__init__()
        check_positive("every", every)
        self.folder, self.source, self.target, self.every = Path(folder), source, target, int(every)
        self.num_samples, self.seed, self.pixel_scale, self.sampler = num_samples, seed, pixel_scale, sampler

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        samples = self.model.sample(self.source, self.num_samples, self.seed, **self.sampler)
        fields = self.model.source, self.model.target
        title = f"{type(self.model).__name__}, epoch {epoch + 1}"
        path = self.folder / f"epoch_{epoch + 1:06d}.png"
        draw_samples(path, fields, self.source, self.target, samples, self.pixel_scale, title)


def draw_samples(path, fields, source, target, samples, pixel_scale=1.0, title="") -> Path:
    """Write a PNG with a row for each example: source fields, then each target field's truth and samples.

    Truth and samples of a row share one stretch, that of the truth.

    Args:
        fields: (source names, target names).
        source, target, samples: (n, H, W, S), (n, H, W, T) and (num_samples, n, H, W, T), physical units.
        pixel_scale: kpc.
    """
    import astropy.units as u
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows, columns = len(source), len(fields[0]) + len(fields[1]) * (1 + len(samples))
    figure, axes = plt.subplots(rows, columns, figsize=(2.1 * columns + 0.8, 2.1 * rows + 0.5), squeeze=False,
                                layout="constrained")  # fmt: skip
    for row in range(rows):
        shown = [(name, "source", source[row, ..., i]) for i, name in enumerate(fields[0])]
        for i, name in enumerate(fields[1]):
            shown += [(name, "truth", target[row, ..., i])]
            shown += [(name, f"sample {k + 1}", each[row, ..., i]) for k, each in enumerate(samples)]
        for column, (name, role, values) in enumerate(shown):
            one = Map(np.asarray(values, np.float32), unit_of(name), name, pixel_scale * u.kpc)
            if role in ("source", "truth"):
                norm = stretch(one.data, name)
            label = FIELDS[name].label if name in FIELDS else name
            last = column + 1 == len(shown) or shown[column + 1][0] != name
            heading = f"{label}\n{role}" if row == 0 else ""
            draw(one, axes[row, column], norm=norm, title=heading, colorbar=last)
    figure.suptitle(title, fontsize=10)
    try:
        with replacing(path) as partial:
            figure.savefig(partial, dpi=90)
    finally:
        plt.close(figure)
    return Path(path)
