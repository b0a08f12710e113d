"""What is installed, and how light it is to import."""

import configparser
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def packages() -> set[str]:
    """Every folder with an __init__.py, by its import name."""
    found = set()
    for top in ("skazoo", "tfds_builders", "zoo"):
        for init in (ROOT / top).rglob("__init__.py"):
            name = ".".join(init.parent.relative_to(ROOT).parts)
            found.add(f"skazoo.{name}" if top == "zoo" else name)
    return found


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert set(config["options"]["packages"].split()) == packages()


@pytest.mark.parametrize("name", sorted(n for n in packages() if n.startswith("skazoo") and "toy" not in n))
def test_public_names_exist_and_no_module_shadows_them(name):
    package = importlib.import_module(name)
    folder = Path(package.__file__).parent
    modules = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/__init__.py")}
    for public in getattr(package, "__all__", ()):
        value = getattr(package, public)
        # a module of the same name would take the place of the lazy name once imported
        assert name == "skazoo" or public not in modules or hasattr(value, "__path__"), public


def test_import_is_light_and_fast():
    code = (
        "import sys, skazoo; print(sorted(m for m in ('keras', 'tensorflow', 'numpy', 'astropy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_on_the_command_line():
    import skazoo

    done = subprocess.run([sys.executable, "-m", "skazoo.cli.main", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.split() == ["skazoo", skazoo.__version__]


@pytest.mark.parametrize(
    "order",
    ["import skazoo, tensorflow_datasets as tfds", "import tensorflow_datasets as tfds, skazoo",
     "import skazoo, tensorflow_datasets as tfds, tfds_builders.ska_tng.ska_tng_dataset_builder"],
)  # fmt: skip
def test_tfds_finds_the_builder(order, tmp_path):
    code = f"{order}\nprint(tfds.builder('ska_tng/toy_mini', data_dir={str(tmp_path)!r}).info.full_name)\n"
    code += f"print(tfds.builder('ska_tng', data_dir={str(tmp_path)!r}).info.full_name, tfds.builder_cls('mnist').name)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["ska_tng/toy_mini/1.0.0", "ska_tng/toy_64/1.0.0 mnist"]
