"""Network graphs without losses."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Blocks": "blocks",
        "Fourier": "layers",
        "Modulate": "layers",
        "Pack": "layers",
        "Pad": "layers",
        "SpatialAttention": "layers",
        "Unpack": "layers",
        "conditional_unet": "unet",
        "unet_stride": "unet",
    },
)
