"""In the wheel's environment, without network: every shipped preset is loaded and sampled."""

import socket
import sys

import numpy as np


def refuse(*_, **__):
    """Stands in for every way out to the network."""
    raise OSError("no network here")


socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse

import skazoo  # noqa: E402

presets = skazoo.list_pretrained()
if not presets:
    sys.exit("no preset in the wheel")
for name, facts in presets.items():
    mapper = skazoo.from_pretrained(name)
    fast = {"steps": 4} if facts["family"] in ("diffusion", "flow_matching", "latent_diffusion") else {}
    level = 1e-5 if facts["source"] == ("ska",) else 1e7
    source = np.full((1, facts["image_size"], facts["image_size"], len(facts["source"])), level, np.float32)
    samples = mapper.sample(source, num_samples=1, seed=0, **fast)
    assert samples.shape == (1, *source.shape[:3], len(facts["target"])) and np.isfinite(samples).all(), name
    print(f"{name}: {', '.join(facts['source'])} -> {', '.join(facts['target'])}, {facts['parameters']:,} parameters")
