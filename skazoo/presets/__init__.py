"""Mappers on disk: write, verify, read, list."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "from_pretrained": "names",
        "list_pretrained": "names",
        "load": "folder",
        "save": "folder",
        "seal": "sealing",
        "shipped": "names",
        "verify": "manifest",
    },
)
