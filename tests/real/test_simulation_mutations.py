"""Real files with damage: a correct load or a sentence with file and dataset, within ten seconds."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.simulations.mutations import KINDS

pytestmark = pytest.mark.real
FILES = (
    "tng50-1_snap99_sub12_cutoutlike_mini.hdf5",
    "arepo_cosmo_box.hdf5",
    "camels_tng_CV0_z0.10_snap_mini.hdf5",
    "tng100-1_fof_subhalo_tab_099.87.hdf5",
)
_LIMIT = 10.0  # seconds for one file


class Worker:
    """A process that damages and reads files one after the other; replaced when it hangs or dies."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulations.mutations"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, bufsize=1, cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.lines = queue.Queue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put({"result": "crash", "text": f"exit {self.process.wait()}"})

    def ask(self, task):
        self.process.stdin.write(json.dumps(task) + "\n")

    def answer(self, limit):
        try:
            return self.lines.get(timeout=limit)
        except queue.Empty:
            return None

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def run_mutations(folder, real_data, number, first=0):
    worker, results = Worker(), []
    for seed in range(first, first + number):
        source = real_data / FILES[(seed // len(KINDS)) % len(FILES)]
        target = folder / f"{'fof_subhalo_tab_099.87' if 'fof' in source.name else 'damaged'}.hdf5"
        worker.ask([str(source), str(target), seed])
        done = worker.answer(60.0)  # the copy; the first also reads the sound file
        found = done if done and "result" in done else worker.answer(_LIMIT)
        results.append({"seed": seed, "file": source.name, **(done or {}), **(found or {"result": "hang", "text": ""})})
        if results[-1]["result"] in ("hang", "crash"):
            worker.close()
            worker = Worker()
    worker.close()
    return results


def judge(results, folder):
    counts = Counter((r["kind"], r["result"]) for r in results)
    print("\n" + "\n".join(f"{kind:10s} {result:10s} {n}" for (kind, result), n in sorted(counts.items())))
    bad = [r for r in results if r["result"] in ("hang", "bare", "crash", "fault")]
    assert not bad, bad[:5]
    for one in results:
        if one["result"] == "error":
            assert str(folder) in one["text"], one  # names the file
        if one["must"]:
            assert one["result"] == "error", one
        if one["kind"] in ("shape", "dtype", "nan"):
            assert one["what"].split("/")[-1] in one["text"] or one["what"].split("/")[0] in one["text"], one
    # a changed byte in an address or in an attribute that nothing repeats can give other numbers unseen
    silent = [r for r in results if r["result"] == "different"]
    print(
        f"{len(silent)} of {len(results)} read as something else: {[(r['what'], r['text'][:60]) for r in silent[:6]]}"
    )
    assert all(r["kind"] == "flip" for r in silent), silent
    assert len(silent) <= 0.01 * len(results) + 1


def test_eighty_mutations(tmp_path, real_data):
    judge(run_mutations(tmp_path, real_data, 80), tmp_path)


@pytest.mark.slow
def test_a_thousand_mutations(tmp_path, real_data):
    """SKAZOO_REAL_DATA=... pytest -m slow -s tests/real/test_simulation_mutations.py"""
    judge(run_mutations(tmp_path, real_data, 1000, first=80), tmp_path)
