"""The trade-off of the VAE's beta on `load_digits`: what the decoder misses against what the latents cost.

    pytest -m benchmark -s tests/benchmarks/bench_beta.py

The table in zoo/README.md is what it printed. SKAZOO_BENCH_STEPS is the length of a run.
"""

import math
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

STEPS = int(os.environ.get("SKAZOO_BENCH_STEPS", "800"))


@pytest.mark.benchmark
def test_beta(tmp_path):
    from skazoo.mappers import VAE
    from skazoo.metrics.standards import digits
    from skazoo.metrics.standards.settings import settings_of
    from skazoo.metrics.standards.training import train

    settings = settings_of("digits", "VAE")
    (problem,) = digits.benchmarks()
    unseen = digits.as_pairs(digits.continuous(digits.digits()[1], np.random.default_rng(0)))
    print(f"\n{STEPS} steps; bits a pixel of the test digits\n| beta | reconstruction | KL | sum | IWAE, 32 samples |")
    print("|---:|---:|---:|---:|---:|")
    costs = []
    for beta in (0.25, 0.5, 1.0, 2.0, 4.0):
        this = replace(settings, mapper={**settings.mapper, "beta": beta})
        make = partial(problem.make, VAE, this.mapper, 0)
        mapper, _, _ = train(make, problem.draw, this, tmp_path / str(beta), STEPS, None, 0, None)
        found = mapper.evaluate(*unseen, batch_size=60, return_dict=True, verbose=0)
        units = float(np.mean(mapper.target_transform.log_det(unseen[1]))) / 64  # of network space, in nats
        missed = (found["reconstruction"] - units) / math.log(2)
        cost = sum(value for name, value in found.items() if name.startswith("kl_")) / math.log(2)
        exact = -np.mean(mapper.log_prob(unseen[1], unseen[0], importance=32)) / 64 / math.log(2)
        print(f"| {beta:g} | {missed:.3f} | {cost:.3f} | {missed + cost:.3f} | {exact:.3f} |", flush=True)
        costs.append(cost)
    assert np.all(np.diff(costs) < 1e-3)  # a heavier weight buys less information, until there is none
