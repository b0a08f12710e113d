"""Network graphs without losses."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "ActNorm": "actnorm",
        "AutoregressiveFlow": "autoregressive_flow",
        "Bijection": "bijection",
        "Blocks": "blocks",
        "CausalTransformer": "causal_transformer",
        "Coupling": "coupling",
        "FiniteScalarQuantiser": "quantisers",
        "Fourier": "layers",
        "GatedCausal": "gated_causal",
        "InvertibleConv": "invertible_conv",
        "LatentHierarchy": "hierarchy",
        "Modulate": "layers",
        "MultiScaleFlow": "multiscale_flow",
        "Pack": "layers",
        "Pad": "layers",
        "SpatialAttention": "layers",
        "Unpack": "layers",
        "VectorQuantiser": "quantisers",
        "conditional_unet": "unet",
        "feature_pyramid": "pyramid",
        "grid_positions": "causal_transformer",
        "noise_shapes": "generator",
        "patch_discriminator": "discriminator",
        "plain_unet": "unet",
        "rational_quadratic": "splines",
        "resnet_generator": "generator",
        "unet_generator": "generator",
        "map_decoder": "autoencoder",
        "map_encoder": "autoencoder",
        "unet_stride": "unet",
    },
)
