"""A large run in TNG's layout, written piece by piece; one galaxy lies across the border of two files."""

from pathlib import Path

import h5py
import numpy as np

from tests.simulations.tng_run import ATTRIBUTES, BOX

GAS = ("Masses", "Density", "InternalEnergy", "ElectronAbundance", "NeutralHydrogenAbundance", "GFM_Metallicity",
       "StarFormationRate")  # fmt: skip
COLUMNS = {0: ("Coordinates", "Velocities", *GAS, "MagneticField"), 1: ("Coordinates", "Velocities"),
           4: ("Coordinates", "Velocities", "Masses", "GFM_Metallicity", "GFM_StellarFormationTime")}  # fmt: skip
DOUBLE, VECTORS = ("Coordinates",), ("Coordinates", "Velocities", "MagneticField")


def write_big_run(folder, particles=10_000_000, cells=100_000, chunks=4, seed=0):
    """40 % gas, 50 % dark matter, 10 % stars; galaxy 1 has `cells` cells, as many stars and twice as much dark matter.

    Returns: (6,) first row and number of rows of the galaxy.
    """
    rng, folder = np.random.default_rng(seed), Path(folder)
    total = np.array([4, 5, 0, 0, 1, 0]) * (particles // 10)
    length = np.array([1, 2, 0, 0, 1, 0]) * cells
    start = np.maximum((total // chunks) - length // 2, 0)  # in the middle of it the second file begins
    edges = np.linspace(0, total, chunks + 1).astype(int)
    snap, groups = folder / "output/snapdir_099", folder / "output/groups_099"
    snap.mkdir(parents=True)
    groups.mkdir(parents=True)
    head = {
        "BoxSize": BOX,
        "HubbleParam": 0.6774,
        "Omega0": 0.3089,
        "OmegaBaryon": 0.0486,
        "Redshift": 0.0,
        "Time": 1.0,
    }
    centre = np.array([12000.0, 8000.0, 4000.0])
    for i in range(chunks):
        with h5py.File(snap / f"snap_099.{i}.hdf5", "w") as file:
            file.create_group("Header").attrs.update(
                **head, NumFilesPerSnapshot=chunks, NumPart_ThisFile=(edges[i + 1] - edges[i]).astype("i4"),
                NumPart_Total=total.astype("u4"), MassTable=np.array([0, 3e-5, 0, 0, 0, 0]),
            )  # fmt: skip
            for kind, names in COLUMNS.items():
                first, last = edges[i, kind], edges[i + 1, kind]
                part = file.create_group(f"PartType{kind}")
                low, high = np.clip([start[kind], start[kind] + length[kind]], first, last) - first
                for name in names:
                    shape = (last - first, 3) if name in VECTORS else (last - first,)
                    values = rng.random(shape, np.float32).astype("f8" if name in DOUBLE else "f4")
                    if name == "Coordinates":
                        values *= BOX
                        values[low:high] = centre + rng.normal(size=(high - low, 3)) * 20.0
                    dataset = part.create_dataset(name, data=values)
                    power_a, power_h, to_cgs = ATTRIBUTES[name]
                    dataset.attrs.update(a_scaling=float(power_a), h_scaling=float(power_h), to_cgs=float(to_cgs))
    with h5py.File(groups / "fof_subhalo_tab_099.0.hdf5", "w") as file:
        file.create_group("Header").attrs.update(**head, NumFiles=1, Ngroups_ThisFile=3, Ngroups_Total=3,
                                                 Nsubgroups_ThisFile=3, Nsubgroups_Total=3)  # fmt: skip
        lengths = np.stack([start, length, total - start - length]).astype("i4")
        file["Group/GroupLenType"] = lengths
        file["Group/GroupFirstSub"] = np.arange(3, dtype="i4")
        file["Subhalo/SubhaloLenType"] = lengths
        file["Subhalo/SubhaloGrNr"] = np.arange(3, dtype="i4")
        file["Subhalo/SubhaloPos"] = np.stack([centre * 0.5, centre, centre * 1.5]).astype("f4")
        file["Subhalo/SubhaloVel"] = np.zeros((3, 3), "f4")
    return start, length


def read_bare(folder, start, length):
    """The galaxy's datasets with h5py alone, each file opened once."""
    found = {(kind, name): [] for kind, names in COLUMNS.items() for name in names}
    first = np.zeros(6, int)
    for path in sorted((Path(folder) / "output/snapdir_099").iterdir()):
        with h5py.File(path, "r") as file:
            here = file["Header"].attrs["NumPart_ThisFile"]
            for kind, names in COLUMNS.items():
                low, high = np.clip([start[kind], start[kind] + length[kind]], first[kind], first[kind] + here[kind])
                if low < high:
                    for name in names:
                        part = file[f"PartType{kind}"][name][low - first[kind] : high - first[kind]]
                        found[kind, name].append(part)
            first += here
    return {key: np.concatenate(parts) for key, parts in found.items()}
