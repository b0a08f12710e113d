"""The zoo: mappers p(target | source), in physical units."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "CycleGAN": "cyclegan",
        "Diffusion": "diffusion",
        "FlowMatching": "flow_matching",
        "Glow": "glow",
        "LatentDiffusion": "latent_diffusion",
        "Mapper": "mapper",
        "Pix2Pix": "pix2pix",
        "PixelCNN": "pixelcnn",
        "Posterior": "posterior",
        "Regression": "regression",
        "TarFlow": "tarflow",
        "TelescopeGuidance": "telescope_guidance",
        "TokenTransformer": "token_transformer",
        "VAE": "vae",
        "guidance_for": "telescope_guidance",
    },
)
