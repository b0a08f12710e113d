"""The zoo: mappers p(target | source), in physical units."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Diffusion": "diffusion",
        "Glow": "glow",
        "Mapper": "mapper",
        "Pix2Pix": "pix2pix",
        "Posterior": "mapper",
        "Regression": "regression",
        "TarFlow": "tarflow",
    },
)
