"""Shared fixtures: the folder of real files, and a small file in TNG's layout written at test time."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core of its own
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items):
    """With --dist loadgroup a file stays on one worker, for its shared fixtures; of the conformance suite, a family."""
    for item in items:
        arguments = getattr(item, "callspec", None) and item.callspec.params
        item.add_marker(pytest.mark.xdist_group((arguments or {}).get("family") or item.path.stem))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real simulation and telescope files (see README, "Tests")."""
    folder = os.environ.get("SKAZOO_REAL_DATA")
    if not folder:
        pytest.skip("SKAZOO_REAL_DATA is not set: real files are not at hand")
    return Path(folder)


def write_cutout(path, *, redshift=0.0, hubble=0.6774, seed=0, count=400, box=35000.0, attributes=True, **header):
    """A synthetic web-API cutout: a blob of gas, dark matter and stars at the corner of the periodic box.

    Returns the physical values (proper kpc, Msun, km/s, K-free) that a reader must find.
    """
    rng = np.random.default_rng(seed)
    scale = 1.0 / (1.0 + redshift)
    centre = np.array([20.0, box - 15.0, 0.4 * box])
    truth = {"position": rng.normal(size=(count, 3)) * 12.0, "velocity": rng.normal(size=(count, 3)) * 90.0}
    truth |= {"mass": rng.uniform(0.5, 2.0, count) * 1e5, "density": rng.lognormal(12.0, 2.0, count)}
    truth |= {"internal_energy": rng.lognormal(6.0, 1.0, count), "electron_abundance": rng.uniform(0, 1.16, count)}
    truth |= {"star_formation_rate": np.where(rng.random(count) < 0.2, rng.random(count), 0.0)}
    length, velocity = hubble / scale, 1.0 / np.sqrt(scale)

    def put(group, name, values, power_a, power_h, to_cgs):
        dataset = group.create_dataset(name, data=values)
        if attributes:
            dataset.attrs.update({"a_scaling": power_a, "h_scaling": power_h, "to_cgs": to_cgs})

    with h5py.File(path, "w") as file:
        head = file.create_group("Header").attrs
        head.update(BoxSize=box, HubbleParam=hubble, Omega0=0.3089, OmegaLambda=0.6911, OmegaBaryon=0.0486)
        head.update(Time=scale, Redshift=redshift, SimulationName="L35n2160TNG", SnapshotNumber=99)
        head.update(NumPart_ThisFile=np.array([count, count, 0, 0, count, 0], np.int32), SubhaloPos=centre)
        head.update(SubhaloVel=np.zeros(3), MassTable=np.array([0, 3.07e-5, 0, 0, 0, 0]))
        head.update(header)
        for part in ("PartType0", "PartType1", "PartType4"):
            group = file.create_group(part)
            coordinates = np.mod(truth["position"] * length + centre, box)
            put(group, "Coordinates", coordinates, 1.0, -1.0, 3.085678e21)
            put(group, "Velocities", (truth["velocity"] * velocity).astype("f4"), 0.5, 0.0, 1e5)
            if part != "PartType1":
                put(group, "Masses", (truth["mass"] * hubble / 1e10).astype("f4"), 0.0, -1.0, 1.989e43)
        gas = file["PartType0"]
        density = truth["density"] / 1e10 * scale**3 / hubble**2
        put(gas, "Density", density.astype("f4"), -3.0, 2.0, 1.989e43 / 3.085678e21**3)
        put(gas, "InternalEnergy", truth["internal_energy"].astype("f4"), 0.0, 0.0, 1e10)
        put(gas, "ElectronAbundance", truth["electron_abundance"].astype("f4"), 0.0, 0.0, 0.0)
        put(gas, "StarFormationRate", truth["star_formation_rate"].astype("f4"), 0.0, 0.0, 6.30276e25)
        put(gas, "GFM_Metallicity", np.full(count, 0.01, "f4"), 0.0, 0.0, 0.0)
        time = np.full(count, 0.5, "f4")
        time[:10] = -0.1  # wind
        file["PartType4"].create_dataset("GFM_StellarFormationTime", data=time)
    truth["dark_matter_mass"] = 3.07e5 / hubble
    return truth


@pytest.fixture
def cutout(tmp_path) -> Path:
    """A small synthetic cutout."""
    path = tmp_path / "cutout.hdf5"
    write_cutout(path)
    return path
