"""The zoo: mappers p(target | source), in physical units."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Diffusion": "diffusion",
        "Mapper": "mapper",
        "Posterior": "mapper",
    },
)
