"""How each family is built and trained for the standards: one row a family, small enough for two CPU cores."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import ParameterError

__all__ = ["SETTINGS", "Settings", "settings_of"]


@dataclass(frozen=True)
class Settings:
    """One row of the table.

    Attributes:
        mapper: arguments of the constructor beside fields, size, transforms and seed.
        learning_rate: peak of warm-up and cosine; None leaves the optimizers to the family.
        batch_size: pairs a step.
        compile: further arguments of `compile`.
    """

    mapper: dict = field(default_factory=dict)
    learning_rate: float | None = 2e-3
    batch_size: int = 32
    compile: dict = field(default_factory=dict)


_WRAP = {"width": 24, "multipliers": (1, 2), "padding": "circular"}  # the fields of "grf" are periodic
_SMALL = {"width": 32, "multipliers": (1,)}
_POINT = {"width": 64, "multipliers": (1,), "blocks": 2}

SETTINGS = {
    "grf": {
        "Diffusion": Settings({**_WRAP, "noise_mean": -1.2}),
        "FlowMatching": Settings(_WRAP),
        "LatentDiffusion": Settings(
            {"autoencoder_width": 16, "latent_channels": 8, "width": 32, "multipliers": (1, 2)}
        ),
        "VAE": Settings({"groups": (2, 2, 2, 1), "width": 32, "features": 32, "padding": "circular"}),
        "Regression": Settings(_WRAP),
        "Glow": Settings({"levels": 3, "steps": 4, "width": 48, "features": 16, "padding": "circular"}, 1e-3),
        "TarFlow": Settings({"patch": 4, "passes": 4, "width": 64, "layers": 1, "features": 32, "noise": 0.0}, 1e-3),
        "PixelCNN": Settings({"width": 32, "features": 16, "source_width": 16, "multipliers": (1, 2), "high": 5.0}),
        "Pix2Pix": Settings(_WRAP, None),
    },
    "digits": {
        "Diffusion": Settings(_SMALL),
        "FlowMatching": Settings(_SMALL),
        "Glow": Settings({"levels": 2, "steps": 6, "width": 48, "features": 8, "dropout": 0.2}, 1e-3),
        "TarFlow": Settings(
            {"patch": 2, "passes": 4, "width": 48, "layers": 1, "features": 8, "noise": 0.0, "dropout": 0.2}, 1e-3
        ),
        "PixelCNN": Settings(
            {
                "per_level": True,
                "width": 48,
                "dilations": (1, 2, 1, 2),
                "dropout": 0.4,
                "features": 8,
                "source_width": 8,
            }
            | {"multipliers": (1,)}
        ),
        "VAE": Settings(
            {"per_level": True, "groups": (1, 1, 1), "stem": 1, "width": 32, "features": 16, "dropout": 0.2}
        ),
        "Pix2Pix": Settings(_SMALL, None),
    },
    "binary_digits": {
        "PixelCNN": Settings(
            {"width": 48, "dilations": (1, 2, 1, 2), "mixtures": 2, "dropout": 0.4, "features": 8, "source_width": 8}
            | {"multipliers": (1,)}
        ),
        "VAE": Settings({"groups": (1, 1, 1), "stem": 1, "width": 32, "features": 16, "dropout": 0.2}),
    },
    "toys2d": {
        "Diffusion": Settings(_POINT, 1e-3, 256),
        "FlowMatching": Settings(_POINT, 1e-3, 256),
        "Glow": Settings(
            {"levels": 1, "steps": 8, "pack": 1, "coupling": "spline", "width": 64, "bins": 16, "features": 4},
            1e-3,
            256,
        ),
        "TarFlow": Settings(
            {"row": True, "patch": 1, "passes": 3, "width": 48, "layers": 2, "heads": 2, "features": 4, "noise": 0.0}
            | {"transform": "spline", "bins": 16, "blocks": 1, "attention": False},
            2e-3,
            256,
        ),
        "PixelCNN": Settings(
            {"row": True, "levels": 256, "high": 3.0, "width": 64, "dilations": (1, 1), "mixtures": 16, "features": 4}
            | {"source_width": 4, "multipliers": (1,)},
            1e-3,
            256,
        ),
    },
}


def settings_of(standard: str, family: str) -> Settings:
    """The row of a family; `ParameterError` where the standard has none."""
    rows = SETTINGS[standard]
    if family not in rows:
        known = ", ".join(rows) or "none yet"
        raise ParameterError(f"{family} has no settings for the standard {standard!r}; those that have: {known}.")
    return rows[family]
