"""A small prepared dataset and the recipe of a tiny mapper on it."""

import pytest

from ..datasets.conftest import small_config

RECIPE = {
    "family": "diffusion",
    "source": ["dark_matter"],
    "target": ["hi"],
    "image_size": 16,
    "mapper": {"width": 8, "multipliers": [1], "stem": 2},
    "dtype": "float32",
    "batch_size": 8,
    "steps": 12,
    "learning_rate": 0.003,
    "warmup": 0.25,
    "average": [0.1],
    "seed": 0,
}


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """Folder of a prepared dataset: 24 toy galaxies in 2 views, 16 x 16."""
    from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

    builder = Builder(config=small_config(), data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return str(builder.data_dir)


@pytest.fixture
def recipe(small_data):
    return {**RECIPE, "dataset": small_data}
