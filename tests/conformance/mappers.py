"""Every mapper, tiny. A new family joins the suite by one line."""

from skazoo.mappers import (
    VAE,
    CycleGAN,
    Diffusion,
    FlowMatching,
    Glow,
    LatentDiffusion,
    Pix2Pix,
    PixelCNN,
    Regression,
    TarFlow,
    TokenTransformer,
)

SIZE = 16

MAPPERS = {
    "Diffusion": lambda **more: Diffusion(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    "LatentDiffusion": lambda **more: LatentDiffusion(
        image_size=SIZE, latent_channels=8, autoencoder_width=8, width=16, multipliers=(1,), **more
    ),
    "FlowMatching": lambda **more: FlowMatching(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    "Regression": lambda **more: Regression(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    "Glow": lambda **more: Glow(image_size=SIZE, levels=2, steps=1, width=16, features=8, **more),
    "TarFlow": lambda **more: TarFlow(image_size=SIZE, passes=2, width=16, layers=1, heads=2, features=8, **more),
    "PixelCNN": lambda **more: PixelCNN(
        image_size=SIZE,
        width=12,
        dilations=(1, 2),
        mixtures=3,
        features=8,
        source_width=8,
        multipliers=(1,),
        stem=2,
        **more,
    ),
    "VAE": lambda **more: VAE(
        image_size=SIZE, groups=(1, 1), latent_channels=4, width=12, features=8, warmup=4, free_bits=0.01, **more
    ),
    "TokenTransformer": lambda **more: TokenTransformer(
        image_size=SIZE, levels=(5, 5, 5), autoencoder_width=8, width=16, layers=1, heads=2, **more
    ),
    "Pix2Pix": lambda **more: Pix2Pix(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    # not residual: that starts without spread at its input, from where the few steps here do not get far
    "CycleGAN": lambda **more: CycleGAN(
        image_size=SIZE, width=8, multipliers=(1,), stem=2, blocks=1, replay=6, residual=False, **more
    ),
}
SAMPLER = {"Diffusion": {"steps": 6}, "LatentDiffusion": {"steps": 6}}  # cheap sampling arguments
