"""Fields of a galaxy as maps on one pixel grid."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "FIELDS": "fields",
        "Conditions": "fields",
        "Field": "fields",
        "Map": "map",
        "project": "projection",
        "render": "rendering",
        "sheet": "plot",
    },
)
