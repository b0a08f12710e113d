"""Damage done to real files, and what a reader makes of it. Run as a program it is a worker: a line in, a line out."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np

KINDS = ("truncate", "flip", "drop", "shape", "dtype", "nan", "attribute", "unit")


def mutate(source: Path, target: Path, seed: int) -> dict:
    """Write a damaged copy; says what was done, and whether a reader can know ("must" raise) or may load the rest."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    shutil.copyfile(source, target)
    target.chmod(0o644)
    if kind == "truncate":
        size = source.stat().st_size
        keep = int(rng.integers(0, size))
        with open(target, "r+b") as file:
            file.truncate(keep)
        return {"kind": kind, "what": keep, "must": True}
    if kind == "flip":
        raw = bytearray(source.read_bytes())
        places = rng.choice(metadata_bytes(source), int(rng.choice([1, 1, 2, 8, 64])))
        for place in places:
            raw[place] ^= int(rng.integers(1, 256))
        target.write_bytes(raw)
        return {"kind": kind, "what": [int(p) for p in places[:4]], "must": False}
    with h5py.File(target, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        used = [n for n in names if n.split("/")[0] != "Config" and n.split("/")[1] in USED] or names
        name = str(rng.choice(used))
        if kind == "drop":
            if rng.random() < 0.2:
                name = name.split("/")[0]
            del file[name]
            return {"kind": kind, "what": name, "must": False}
        if kind == "shape":
            values = file[name][:]
            shapes = [values[:-1], np.concatenate([values, values[:1]]), values[:0], values[None], values.ravel()[:1]]
            replace(file, name, shapes[rng.integers(len(shapes))])
            return {"kind": kind, "what": name, "must": True}
        if kind == "dtype":
            values = file[name][:]
            other = [lambda: np.full(values.shape, b"abc"), lambda: values.astype("c8"),
                     lambda: np.zeros(values.shape, [("x", "f4"), ("y", "i4")])]  # fmt: skip
            replace(file, name, other[rng.integers(len(other))]())
            return {"kind": kind, "what": name, "must": True}
        if kind == "nan":
            floats = [n for n in used if file[n].dtype.kind == "f"]
            name = str(rng.choice(floats))
            values = file[name][:]
            column = 0 if values.ndim > 1 else ()
            row = int(rng.integers(len(values)))
            values[(row, *np.atleast_1d(column).astype(int))] = rng.choice([np.nan, np.inf, -np.inf])
            file[name][:] = values
            return {"kind": kind, "what": name, "must": True}
        units = [n for n in names if "to_cgs" in file[n].attrs and n.split("/")[1] in USED]
        if kind == "unit" and units:
            dataset = file[str(rng.choice(units))]
            attribute = str(rng.choice(["a_scaling", "h_scaling", "to_cgs"]))
            old = float(dataset.attrs[attribute])
            choice = int(rng.integers(4))
            if choice == 3:
                del dataset.attrs[attribute]
            else:
                dataset.attrs[attribute] = [old + 1.0 if attribute != "to_cgs" else old * 10 + 7, np.nan, "text"][
                    choice
                ]
            return {"kind": kind, "what": f"{dataset.name} {attribute} {choice}", "must": True}
        if "Header" not in file:
            del file[name]
            return {"kind": "drop", "what": name, "must": False}
        must = [n for n in ("HubbleParam", "Time", "Omega0", "BoxSize", "NumPart_ThisFile", "Ngroups_ThisFile",
                            "Nsubgroups_ThisFile", "SubhaloPos") if n in file["Header"].attrs]  # fmt: skip
        attribute = str(rng.choice(must))
        old = file["Header"].attrs[attribute]
        wrong = ["text", np.nan * np.ones(np.shape(old)), -1.0 - np.asarray(old, float), np.ones(7)]
        if attribute == "SubhaloPos":
            wrong.pop(2)
        elif "Parameters" in file or attribute in ("HubbleParam", "Time", "Omega0") and np.asarray(old) > 0.2:
            wrong.append(np.asarray(old) * 10)
        choice = int(rng.integers(len(wrong)))
        file["Header"].attrs[attribute] = wrong[choice]
        return {"kind": kind, "what": f"{attribute} {choice}", "must": True}


USED = {
    "Coordinates", "Velocities", "Masses", "Density", "InternalEnergy", "ElectronAbundance", "NeutralHydrogenAbundance",
    "GFM_Metallicity", "StarFormationRate", "GFM_StellarFormationTime", "SubfindHsml",
    "SubhaloGrNr", "SubhaloPos", "SubhaloVel", "SubhaloMass", "SubhaloMassType", "SubhaloSFR", "SubhaloHalfmassRad",
    "SubhaloHalfmassRadType", "SubhaloLenType",
}  # fmt: skip


def replace(file, name, values):
    attributes = dict(file[name].attrs)
    del file[name]
    file[name] = values
    file[name].attrs.update(attributes)


def metadata_bytes(path: Path) -> np.ndarray:
    """Offsets of all bytes that are not the values of a dataset."""
    free = np.ones(path.stat().st_size, bool)
    with h5py.File(path) as file:

        def mark(name, item):
            if not isinstance(item, h5py.Dataset):
                return
            if item.chunks:
                for i in range(item.id.get_num_chunks()):
                    chunk = item.id.get_chunk_info(i)
                    free[chunk.byte_offset : chunk.byte_offset + chunk.size] = False
            elif item.id.get_offset() is not None:
                free[item.id.get_offset() : item.id.get_offset() + item.id.get_storage_size()] = False

        file.visititems(mark)
    return np.flatnonzero(free)


def contents(path: Path) -> dict[str, np.ndarray]:
    """Every number that a reader gives out, by name."""
    from skazoo.simulations import open_cutout, open_run

    if "fof_subhalo" in path.name:
        run = open_run(path)
        table = run.galaxies(real_only=False)
        found = {name: np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames}
        header = run.header
    else:
        particles = open_cutout(path, centre=[1.0, 2.0, 3.0])
        header = particles.header
        found = {
            f"{kind} {name}": np.asarray(getattr(getattr(own, name), "value", getattr(own, name)))
            for kind, own in particles.species.items()
            for name in own.fields
        }
        for name, values in found.items():
            if name.endswith("velocity"):
                values -= values[0].copy()  # they are relative to the mean of whatever is there
    box = 0.0 if header.box_size is None else header.box_size.value
    found["header"] = np.array([header.redshift, header.hubble, header.cosmology.Om0, box])
    return found


def outcome(path: Path, truth: dict, dropped: str = "") -> dict:
    """What a reader makes of a damaged file: "error", "same", "subset", "different", or "bare" (another exception)."""
    from skazoo.errors import SimulationError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = contents(path)
    except SimulationError as error:
        return {"result": "error", "text": str(error)}
    except BaseException as error:  # noqa: BLE001, that is the question
        import traceback

        return {"result": "bare", "text": f"{type(error).__name__}: {error} {traceback.format_exc()[-600:]}"}
    wrong = [
        name
        for name, values in found.items()
        if name not in truth or values.shape != truth[name].shape or not same(values, truth[name])
    ]
    if wrong == ["stars mass"] and "Masses" in str(dropped):
        return {"result": "subset", "text": "the initial mass stands in, with a warning"}
    if wrong:
        return {"result": "different", "text": ", ".join(wrong)}
    return {"result": "same" if set(found) == set(truth) else "subset", "text": ""}


def same(values, truth) -> bool:
    """To 1e-6 of the largest value; velocities are differences of f4 numbers."""
    scale = np.abs(truth).max(initial=0) * 1e-6 if truth.dtype.kind == "f" else 0
    return np.allclose(values, truth, rtol=1e-6, atol=scale)


def work() -> None:
    truths: dict[str, dict] = {}
    for line in sys.stdin:
        source, target, seed = json.loads(line)
        with warnings.catch_warnings(), contextlib.redirect_stderr(None):
            warnings.simplefilter("ignore")
            if source not in truths:
                truths[source] = contents(Path(source))
        try:
            done = mutate(Path(source), Path(target), seed)
        except Exception as error:  # noqa: BLE001, a mutation that cannot be made is the test's own fault
            print(json.dumps({"kind": "fault", "result": "fault", "text": repr(error), "what": seed}), flush=True)
            continue
        print(json.dumps(done), flush=True)
        print(json.dumps(outcome(Path(target), truths[source], done["what"])), flush=True)


if __name__ == "__main__":
    work()
