"""Every mapper, tiny. A new family joins the suite by one line."""

from skazoo.mappers import Diffusion, Glow, Pix2Pix, Regression, TarFlow

SIZE = 16

MAPPERS = {
    "Diffusion": lambda **more: Diffusion(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    "Regression": lambda **more: Regression(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
    "Glow": lambda **more: Glow(image_size=SIZE, levels=2, steps=2, width=16, features=8, **more),
    "TarFlow": lambda **more: TarFlow(image_size=SIZE, passes=2, width=16, layers=1, heads=2, features=8, **more),
    "Pix2Pix": lambda **more: Pix2Pix(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
}
SAMPLER = {"Diffusion": {"steps": 6}}  # cheap sampling arguments
