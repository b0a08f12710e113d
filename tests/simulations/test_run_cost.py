"""What reading a galaxy of a large run costs: memory in a process of its own, and time next to bare h5py."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from skazoo.simulations import open_run
from tests.simulations.big_run import read_bare, write_big_run

# VmHWM begins anew with every program, ru_maxrss does not
_PEAK = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
_BARE = f"import numpy, h5py; {_PEAK}"
_LOAD = f"""
import sys, numpy, h5py
import astropy.units as u
from skazoo.simulations import open_run
run = open_run(sys.argv[1], 99)
run.galaxies()
for options in (dict(), dict(scope="halo", extent=60 * u.kpc), dict(scope="box", extent=60 * u.kpc)):
    particles = run.load(1, **options)
    for species in particles.species.values():
        for name in species.fields:
            getattr(species, name)
    print(options, particles, file=sys.stderr)
    del particles, species
{_PEAK}
"""


def peak_megabytes(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def touch(run):
    particles = run.load(1)
    return {k: {n: getattr(s, n) for n in s.fields} for k, s in particles.species.items()}


def timings(folder, start, length, repeats):
    run = open_run(folder, 99)
    found, bare = touch(run), read_bare(folder, start, length)
    np.testing.assert_array_equal(found["gas"]["electron_abundance"], bare[0, "ElectronAbundance"])
    ours, theirs = [], []
    for _ in range(repeats):
        for function, times in ((lambda: touch(run), ours), (lambda: read_bare(folder, start, length), theirs)):
            before = time.perf_counter()
            function()
            times.append(time.perf_counter() - before)
    return min(ours), min(theirs)


def test_memory_grows_with_the_galaxy_not_with_the_run(tmp_path):
    """A tenth of the issue's run."""
    write_big_run(tmp_path, 1_000_000, 10_000)
    above = peak_megabytes(_LOAD, str(tmp_path)) - peak_megabytes(_BARE)
    assert above < 300, above


@pytest.mark.slow
def test_memory_and_speed_of_ten_million_particles(tmp_path):
    """pytest -m slow -s tests/simulations/test_run_cost.py"""
    start, length = write_big_run(tmp_path)
    np.save(tmp_path / "galaxy.npy", [start, length])
    above = peak_megabytes(_LOAD, str(tmp_path)) - peak_megabytes(_BARE)
    # in a fresh process, as a user has it: what pytest has allocated before changes the cost of memory for both
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulations.test_run_cost", str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours, bare = map(float, done.stdout.split())
    print(f"\n{above:.0f} MB above numpy + h5py; {ours:.1f} ms, bare h5py {bare:.1f} ms: {ours / bare:.2f}x")
    assert above < 400
    assert ours < 1.5 * bare


if __name__ == "__main__":
    place = sys.argv[1]
    print(*(1e3 * seconds for seconds in timings(place, *np.load(f"{place}/galaxy.npy"), 40)))
