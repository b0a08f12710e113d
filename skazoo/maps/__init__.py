"""Fields of a galaxy as maps on one pixel grid."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "EXTRA": "fields",
        "FIELDS": "fields",
        "Cube": "cube",
        "Conditions": "fields",
        "Field": "fields",
        "Map": "map",
        "project": "projection",
        "render": "rendering",
        "render_cube": "line",
        "sheet": "plot",
    },
)
