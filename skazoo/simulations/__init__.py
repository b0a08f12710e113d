"""Simulations, from files to particles in physical units."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Header": "particles",
        "ParticleSet": "particles",
        "Run": "runs",
        "Species": "particles",
        "TNGClient": "tng_api",
        "camels_maps": "multifield",
        "open_cutout": "cutout",
        "open_run": "opening",
        "toy": "",
    },
)
