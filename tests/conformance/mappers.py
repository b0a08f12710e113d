"""Every mapper, tiny. A new family joins the suite by one line."""

from skazoo.mappers import Diffusion

SIZE = 16

MAPPERS = {
    "Diffusion": lambda **more: Diffusion(image_size=SIZE, width=8, multipliers=(1,), stem=2, **more),
}
SAMPLER = {"Diffusion": {"steps": 6}}  # cheap sampling arguments
