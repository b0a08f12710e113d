"""Every family has a recipe, and every recipe a mapper that can be made."""

import importlib
import inspect

import pytest

from skazoo.errors import ParameterError
from skazoo.maps.fields import FIELDS
from skazoo.training.recipe import families, find_recipe, read_recipe, recipes


def test_every_family_has_a_recipe():
    assert {read_recipe(path)["family"] for path in recipes().values()} == set(families())


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_fits_its_mapper(name):
    recipe = read_recipe(find_recipe(name))
    script = importlib.import_module(f"skazoo.zoo.{recipe['family']}.train")
    kind = inspect.get_annotations(script.train, eval_str=True)["return"]
    inspect.signature(kind).bind(recipe["source"], recipe["target"], **recipe["mapper"])
    assert {*recipe["source"], *recipe["target"]} <= {*FIELDS, "ska"}
    assert name.startswith(recipe["family"]) and 0 < recipe["warmup"] < 1


def test_mistakes_in_a_recipe_are_named(tmp_path):
    recipe = read_recipe(find_recipe("diffusion_dm2hi_toy64"))
    with pytest.raises(ParameterError, match="steps"):
        read_recipe(recipe, steps=0)
    with pytest.raises(ParameterError, match="lacks 'warmup'"):
        read_recipe({key: value for key, value in recipe.items() if key != "warmup"})
    with pytest.raises(ParameterError, match="stepz"):
        read_recipe({**recipe, "stepz": 1})
    with pytest.raises(ParameterError, match="nobody_dm2hi"):
        find_recipe("nobody_dm2hi")
