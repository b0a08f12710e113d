"""A toy universe of analytic galaxies with a known p(baryons | dark matter), as particles in TNG's fields."""

import importlib

_PUBLIC = {
    "Galaxy": "galaxy",
    "Visible": "visible",
    "Subhaloes": "visible",
    "Hidden": "hidden",
    "Satellites": "hidden",
    "write_tng_snapshot": "snapshot",
}

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__():
    return sorted({*globals(), *__all__})
