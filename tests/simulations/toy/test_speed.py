"""How long a galaxy takes."""

import time

import pytest

from skazoo.simulations.toy import Galaxy


@pytest.mark.benchmark
def test_a_galaxy_takes_a_few_milliseconds():
    """Drawing and sampling, CPU time, best of five for each of ten galaxies; 20 ms is the budget of an example."""
    best = []
    for seed in range(10):
        runs = []
        for _ in range(5):
            start = time.process_time()
            Galaxy.draw(seed).particles()
            runs.append(time.process_time() - start)
        best.append(min(runs))
    mean = 1e3 * sum(best) / len(best)
    print(f"draw + particles: {mean:.1f} ms a galaxy")
    assert mean < 8.0
