"""Training speed of Glow, of the 2-D flow and of the VAE next to normflows, zuko and pythae, parameters alike.

    pytest -m benchmark -s tests/benchmarks/bench_likelihoods.py

The peers run with the interpreter of SKAZOO_PEERS (see bench_training.py), in which also:
    pip install normflows zuko pydantic imageio scikit-learn cloudpickle && pip install --no-deps pythae
Ours are conditional, the peers are not: their sources cost them nothing.
"""

import importlib
import json
import os
import sys
from pathlib import Path

import pytest
from steps import StepClock, run

WARM, STEPS = 3, int(os.environ.get("SKAZOO_BENCH_STEPS", "20"))
# task -> our class, its arguments, pixels a side, targets, batch
OURS = {
    "Glow 64 px": ("Glow", {"levels": 3, "steps": 6, "width": 64, "features": 4}, 64, 1, 16),
    "spline flow 2-D": (
        "Glow",
        {"levels": 1, "steps": 8, "pack": 1, "coupling": "spline", "width": 64, "features": 4},
        1,
        2,
        256,
    ),
    "VAE 64 px": ("VAE", {"groups": (0, 0, 1), "stem": 4, "width": 48, "features": 8}, 64, 1, 16),
}

PEER = r"""
import json, statistics, sys, time
import torch
from torch import nn
library = torch.library.Library("torchvision", "DEF")  # PyPI's torchvision does not fit torch+cpu
for operator in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                 "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):
    library.define(operator)
task, size, targets, batch, warm, steps = sys.argv[1], *map(int, sys.argv[2:7])
torch.manual_seed(0)
if task == "Glow 64 px":
    import normflows as nf
    bases, merges, flows, channels, side = [], [], [], 4, size // 2
    shapes = [(2, 32, 32), (4, 16, 16), (16, 8, 8)]  # of what each level lets go, the finest first
    for level, shape in enumerate(reversed(shapes)):
        inner = 2 ** (4 - level) if level else 16
        flows.append([nf.flows.GlowBlock(inner if level else 16, 75) for _ in range(6)] + [nf.flows.Squeeze()])
        bases.append(nf.distributions.DiagGaussian(shape))
        if level:
            merges.append(nf.flows.Merge())
    model = nf.MultiscaleFlow(bases, flows, merges, class_cond=False)
    loss = model.forward_kld
    x = torch.randn(batch, targets, size, size)
elif task == "spline flow 2-D":
    import zuko
    model = zuko.flows.NSF(features=2, transforms=8, bins=8, hidden_features=(128, 128))
    loss = lambda x: -model().log_prob(x).mean()
    x = torch.randn(batch, 2)
else:
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(1, 48, 4, 4), nn.SiLU(), nn.Conv2d(48, 48, 3, 2, 1), nn.SiLU(),
                                     nn.Conv2d(48, 96, 3, 2, 1), nn.SiLU(), nn.Flatten())
            self.mean, self.spread = nn.Linear(96 * 16, 32), nn.Linear(96 * 16, 32)
        def forward(self, x):
            h = self.net(x)
            return ModelOutput(embedding=self.mean(h), log_covariance=self.spread(h))
    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(32, 96 * 16), nn.Unflatten(1, (96, 4, 4)),
                                     nn.ConvTranspose2d(96, 48, 4, 2, 1), nn.SiLU(),
                                     nn.ConvTranspose2d(48, 48, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(48, 1, 4, 4))
        def forward(self, z):
            return ModelOutput(reconstruction=self.net(z))
    model = VAE(VAEConfig(input_dim=(1, size, size), latent_dim=32), Encoder(), Decoder())
    loss = lambda x: model({"data": x}).loss
    x = torch.randn(batch, 1, size, size)
if task != "VAE 64 px":
    loss(x)  # lets ActNorm see the data
optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
times = []
for i in range(warm + steps):
    start = time.perf_counter()
    optimizer.zero_grad(); loss(x).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step()
    times.append(time.perf_counter() - start)
print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "step": statistics.median(times[warm:])}))
"""


def measure(task: str) -> dict:
    import numpy as np
    import tensorflow as tf

    from skazoo.datasets.transforms import Affine

    name, arguments, size, targets, batch = OURS[task]
    fields = ("x", "y")[:targets]
    transforms = {field: Affine() for field in ("nothing", *fields)}
    kind = getattr(importlib.import_module("skazoo.mappers"), name)
    mapper = kind("nothing", fields, size, transforms=transforms, **arguments)
    mapper.compile()
    clock = StepClock()

    rng = np.random.default_rng(0)
    maps = rng.normal(size=(batch, size, size, 1 + targets)).astype("f4")
    data = tf.data.Dataset.from_tensors((maps[..., :1], maps[..., 1:])).repeat(WARM + STEPS)
    mapper.fit(data, verbose=0, callbacks=[clock])
    parameters = sum(int(np.prod(each.shape)) for each in mapper.trainable_variables)
    return {"parameters": parameters, "step": float(np.median(clock.times[WARM:]))}


@pytest.mark.benchmark
def test_rows_per_second():
    peers = os.environ.get("SKAZOO_PEERS")
    if not peers:
        pytest.skip("SKAZOO_PEERS is not set (see the top of this file)")
    print(f"\nrows/s in training, median of {STEPS} steps")
    for task, peer in zip(OURS, ("normflows GlowBlock", "zuko NSF", "pythae VAE"), strict=True):
        _, _, size, targets, batch = OURS[task]
        ours = run([sys.executable, str(Path(__file__)), task])
        theirs = run([peers, "-c", PEER, task, *map(str, (size, targets, batch, WARM, STEPS))])
        for who, found in (("skazoo", ours), (peer, theirs)):
            rate = found.get("error") or f"{found['parameters']:10,d} parameters {batch / found['step']:10.1f}"
            print(f"{task:18s} {who:20s} {rate}", flush=True)
        assert "error" not in ours


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
