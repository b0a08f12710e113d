"""Images a second in training and sampling, every mapper at 64 px and batch 16, next to a torch U-Net of the same size.

    pytest -m benchmark -s tests/benchmarks/bench_training.py

The peers run with the interpreter of SKAZOO_PEERS, in a process of their own, one after the other with ours:
    python3 -m venv /tmp/peers
    /tmp/peers/bin/pip install "torch==2.13.0+cpu" diffusers denoising-diffusion-pytorch \\
        --extra-index-url https://download.pytorch.org/whl/cpu
    export SKAZOO_PEERS=/tmp/peers/bin/python
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

import pytest
from steps import StepClock, run

SIZE, BATCH, WARM, STEPS, SAMPLES = 64, 16, 5, int(os.environ.get("SKAZOO_BENCH_STEPS", "30")), 8
POLICIES = ("float32", "mixed_bfloat16")
# class -> arguments beyond fields and image size; the U-Nets of ours and of the peers have about 0.75 M parameters
UNET = {"width": 32, "multipliers": (1, 2, 2), "stem": 2}
MAPPERS = {
    "Diffusion": UNET,
    "FlowMatching": UNET,
    "LatentDiffusion": {},
    "Pix2Pix": UNET,
    "CycleGAN": UNET,
    "VAE": {},
    "PixelCNN": {},
    "TokenTransformer": {},
    "Glow": {},
    "TarFlow": {},
    "Regression": UNET,
}


def measure(name: str, policy: str, arguments: dict) -> dict:
    """Median seconds a step, and seconds for a batch of samples, compile time left out."""
    import numpy as np
    import tensorflow as tf

    kind = getattr(importlib.import_module("skazoo.mappers"), name)
    mapper = kind("dark_matter", "hi", SIZE, dtype=policy, **arguments)
    mapper.compile()
    rng = np.random.default_rng(0)
    maps = [10 ** rng.normal(level, 0.5, (BATCH, SIZE, SIZE, 1)).astype("f4") for level in (7, 4)]
    clock = StepClock()

    data = tf.data.Dataset.from_tensors(tuple(maps)).repeat(WARM + STEPS)
    mapper.fit(data, verbose=0, callbacks=[clock])
    mapper.sample(maps[0][:SAMPLES], 1)
    start = time.perf_counter()
    mapper.sample(maps[0][:SAMPLES], 1)
    return {
        "parameters": sum(int(np.prod(each.shape)) for each in mapper.trainable_variables),
        "step": float(np.median(clock.times[WARM:])),
        "sample": time.perf_counter() - start,
    }


PEER = r"""
import json, statistics, sys, time
import torch
library = torch.library.Library("torchvision", "DEF")  # PyPI's torchvision does not fit torch+cpu
for operator in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                 "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):
    library.define(operator)
kind, policy, size, batch, warm, steps, samples = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:8])
torch.manual_seed(0)
if kind == "diffusers UNet2DModel":
    from diffusers import UNet2DModel
    # as ours: three levels of the half resolution, two maps in (noisy target, source), one out
    net = UNet2DModel(sample_size=size // 2, in_channels=8, out_channels=4, layers_per_block=1, norm_num_groups=8,
                      block_out_channels=(32, 56, 56), down_block_types=("DownBlock2D",) * 3,
                      up_block_types=("UpBlock2D",) * 3, add_attention=False)
    call = lambda x, t: net(x, t).sample
    squeeze = True
else:
    from denoising_diffusion_pytorch import Unet
    net = Unet(dim=16, dim_mults=(1, 2, 4), channels=1, self_condition=True, flash_attn=False)
    call = lambda x, t: net(x[:, :1], t, x[:, 1:])
    squeeze = False
optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
fold = torch.nn.PixelUnshuffle(2) if squeeze else torch.nn.Identity()
half = policy != "float32"
def step():
    y, c = torch.randn(2, batch, 1, size, size)
    sigma = torch.exp(torch.randn(batch) * 1.4 - 0.8)
    x = y + sigma[:, None, None, None] * torch.randn_like(y)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        found = call(fold(torch.cat([x, c], 1)), 0.25 * sigma.log())
    loss = (found.float() - fold(y)).square().mean()
    optimizer.zero_grad(); loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
times = []
for i in range(warm + steps):
    start = time.perf_counter(); step(); times.append(time.perf_counter() - start)
@torch.no_grad()
def draw(levels=24):
    x = torch.randn(samples, 2, size, size)
    for i in range(levels):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            call(fold(x), torch.full((samples,), float(i)))
draw(2)
start = time.perf_counter(); draw()
print(json.dumps({"parameters": sum(p.numel() for p in net.parameters()), "step": statistics.median(times[warm:]),
                  "sample": time.perf_counter() - start}))
"""


@pytest.mark.benchmark
def test_images_per_second():
    room = importlib.import_module("skazoo.mappers")
    chosen = os.environ.get("SKAZOO_BENCH_MAPPERS", ",".join(name for name in MAPPERS if name in room.__all__))
    peers = os.environ.get("SKAZOO_PEERS")
    names = chosen.split(",")
    if peers:  # right after the first of ours, so that a change of the machine's mood meets both
        names[1:1] = ["diffusers UNet2DModel", "denoising-diffusion-pytorch Unet"]
    else:
        print("\nno peers: SKAZOO_PEERS is not set (see the top of this file)")
    print(f"\n{SIZE} px, batch {BATCH}, median of {STEPS} steps; sampling in the family's default steps (peers: 24)")
    print(f"{'':34s}{'policy':>16s}{'parameters':>12s}{'images/s':>10s}{'samples/s':>11s}")
    for name in names:
        for policy in POLICIES:
            if name in MAPPERS:
                found = run([sys.executable, str(Path(__file__)), name, policy])
            else:
                numbers = [str(n) for n in (SIZE, BATCH, WARM, STEPS, SAMPLES)]
                found = run([peers, "-c", PEER, name, policy, *numbers])
            if "error" in found:
                assert name not in MAPPERS, found["error"]
                print(f"{name:34s}{policy:>16s}  {found['error'][:100]}", flush=True)
                continue
            rates = BATCH / found["step"], SAMPLES / found["sample"]
            print(f"{name:34s}{policy:>16s}{found['parameters']:12,d}{rates[0]:10.1f}{rates[1]:11.2f}", flush=True)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], MAPPERS[sys.argv[1]])))
