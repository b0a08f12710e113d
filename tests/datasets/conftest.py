"""One small prepared dataset for all tests of this room."""

import numpy as np
import pytest

from skazoo.datasets.generate import View

# no telescope response to compute beyond a small one, few pixels: some ms for each example
SMALL = View(npix=16, array="")


def small_config(**arguments):
    """A configuration of 24 toy galaxies, 16 x 16 pixels."""
    from tfds_builders.ska_tng.ska_tng_dataset_builder import SkaTngConfig

    defaults = {"galaxies": 24, "views": 2, "npix": 16, "array": "ska-mid-aa2", "taper": 60.0, "ood_mass": 10**12.4}
    return SkaTngConfig(**({"name": "small"} | defaults | arguments))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """(builder, data_dir) of `small_config()`."""
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    folder = tmp_path_factory.mktemp("tfds")
    builder = Builder(config=small_config(), data_dir=folder)
    builder.download_and_prepare()
    return builder, folder


@pytest.fixture(scope="session")
def decoded(prepared):
    """Split -> list of example dicts of the prepared dataset."""
    builder, _ = prepared
    return {name: list(builder.as_dataset(split=name).as_numpy_iterator()) for name in builder.info.splits}


@pytest.fixture(scope="session")
def stand_ins():
    """40 example dicts of random 8 x 8 maps: hi = 2 dark_matter, ska = 3 dark_matter, two galaxies to a halo."""
    maps = np.random.default_rng(0).lognormal(size=(40, 8, 8)).astype("f4")
    return [
        {"dark_matter": m, "hi": 2 * m, "ska": 3 * m, "id": f"x/{i}", "simulation": "x", "halo": np.int64(i // 2)}
        for i, m in enumerate(maps)
    ]
