"""The README of a preset, generated from its own files."""

from __future__ import annotations

__all__ = ["model_card"]


def model_card(name: str, description: dict, transforms: dict, metrics: dict | None, metadata: dict) -> str:
    """Markdown with the Hub's YAML header: what the mapper does, how to use it, what it measured, how it was made."""
    config = description["config"]
    source, target = ", ".join(config["source"]), ", ".join(config["target"])
    lines = [
        "---",
        "library_name: skazoo",
        "license: apache-2.0",
        "tags: [keras, astronomy, image-to-image, SKA]",
        "---",
        "",
        f"# {name}",
        "",
        f"A {description['class_name']} that draws {target} maps given {source} maps, "
        f"trained at {config['image_size']} x {config['image_size']} pixels "
        f"({metadata['parameter_count']:,} parameters).",
        "",
        "```python",
        "import skazoo",
        "",
        f'mapper = skazoo.from_pretrained("{name}")  # or the path of this folder, or "hf://org/name"',
        "samples = mapper.sample(source_maps, num_samples=8, seed=0)  # (8, batch, H, W, C), physical units",
        "```",
        "",
        "| field | role | unit |",
        "|---|---|---|",
        *(f"| {field} | {each['role']} | {each['unit'] or '-'} |" for field, each in transforms.items()),
        "",
    ]
    for title, content in (("Measured", metrics), ("Made", metadata)):
        if content:
            lines += [f"## {title}", "", *(f"- {key}: {value}" for key, value in content.items()), ""]
    return "\n".join(lines)
