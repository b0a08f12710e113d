"""skazoo: what a simulation knows, what the SKA would see, and learned maps between the two."""

from . import registration as _registration
from ._version import __version__
from .lazy import lazy_names

_ROOMS = ("datasets", "errors", "hub", "mappers", "maps", "metrics", "networks", "physics", "presets")
_ROOMS += ("simulations", "telescope", "training", "zoo")
_HOME = {"from_pretrained": "presets", "list_pretrained": "presets", **{room: "" for room in _ROOMS}}
__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
__all__ += ["__version__"]

_registration.register()
