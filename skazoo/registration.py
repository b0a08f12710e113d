"""Makes `tfds.load("ska_tng")` find our builder, without importing TensorFlow Datasets before the user does.

`import skazoo` calls `register`. The wheel also installs a start-up line (`skazoo.pth`) that imports skazoo, so
that the call works after `pip install` alone; the environment variable SKAZOO_NO_TFDS_HOOK=1 turns that line off.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys

__all__ = ["register"]

_REGISTRY = "tensorflow_datasets.core.registered"
_NAME = "ska_tng"


class _Provider:
    """TFDS asks it for a dataset by name; the builder is imported only when it is ours."""

    def has_dataset(self, name: str) -> bool:
        return name == _NAME

    def get_builder_cls(self, name: str):
        from tfds_builders.ska_tng.ska_tng_dataset_builder import Builder

        return Builder


class _AfterImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets TFDS import its registry as usual, then adds our provider to it."""

    def find_spec(self, fullname, path, target=None):
        if fullname != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        module.__spec__.loader = module.__loader__ = self._loader
        _add(module)


def _add(registry) -> None:
    if not any(isinstance(p, _Provider) for p in registry._DATASET_PROVIDER_REGISTRY):
        registry.add_dataset_builder_provider(_Provider(), index=0)


def register() -> None:
    """Register the builder now, or as soon as `tensorflow_datasets` is imported."""
    if _REGISTRY in sys.modules:
        _add(sys.modules[_REGISTRY])
    elif not any(isinstance(finder, _AfterImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterImport())
