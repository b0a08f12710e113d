"""Synthetic files in the layouts of EAGLE, Simba with caesar, and FIRE-2, by simulations.md 3.6-3.8.

No real file of these was at hand: names, units and attributes are those of the table, the numbers are random. Truths
are in kpc, km/s, Msun relative to each galaxy's centre.
"""

from pathlib import Path

import h5py
import numpy as np

from tests.simulations.tng_run import physical_fields

KPC, MPC, MASS = 3.085678e21, 3.085678e24, 1.989e43
NUMBERS = {"gas": 0, "dark_matter": 1, "stars": 4}


def galaxies(rng, box, scale, sizes):
    """Two galaxies, the first at the corner of the box: centre (proper kpc), velocity, kind -> fields."""
    found = []
    for number, size in enumerate(sizes):
        centre = np.array([2.0, box - 3.0, 1.0]) if number == 0 else np.full(3, 0.4 * box)
        own = {kind: physical_fields(rng, kind, size) for kind in NUMBERS}
        for kind, fields in own.items():
            fields["mass"] = fields.get("mass", np.full(size, 3e5))
            fields["position"] = (
                rng.normal(size=(size, 3)) * 8.0 * rng.random((size, 1))
            )  # a cusp, so that it has a centre
            if kind == "stars":
                fields["formation_scale_factor"] = np.abs(fields["formation_scale_factor"]) * scale
        found.append((centre, rng.normal(size=3) * 100.0, own))
    return found


def stacked(found, kind, name):
    """One field of a kind for all galaxies, positions and velocities in the frame of the box."""
    parts = []
    for centre, velocity, own in found:
        shift = {"position": centre, "velocity": velocity}.get(name, 0.0)
        parts.append(own[kind][name] + shift)
    return np.concatenate(parts)


def write_eagle(folder, redshift=0.5, chunks=2, seed=0, sizes=(400, 150), attributes=True):
    """snap_028_z000p000.{i}.hdf5, cMpc/h; the particles of both galaxies are shuffled, as hash order does."""
    rng, a, h = np.random.default_rng(seed), 1.0 / (1.0 + redshift), 0.6777
    box_code = 8.47
    box = box_code * a / h * 1e3
    found = galaxies(rng, box, a, sizes)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    length = 1e3 * a / h
    group = np.concatenate([np.full(size, i + 1) for i, size in enumerate(sizes)])
    order = {kind: rng.permutation(len(group)) for kind in NUMBERS}
    edges = np.linspace(0, len(group), chunks + 1).astype(int)
    for i in range(chunks):
        with h5py.File(folder / f"snap_028_z000p000.{i}.hdf5", "w") as file:
            head = file.create_group("Header").attrs
            counts = np.zeros(6, "i4")
            counts[[0, 1, 4]] = edges[i + 1] - edges[i]
            total = np.zeros(6, "u4")
            total[[0, 1, 4]] = len(group)
            head.update(BoxSize=box_code, ExpansionFactor=a, HubbleParam=h, Omega0=0.307, OmegaBaryon=0.04825)
            head.update(Redshift=redshift, RunLabel="L0012N0188", NumFilesPerSnapshot=chunks, NumPart_ThisFile=counts)
            head.update(NumPart_Total=total, NumPart_Total_HighWord=np.zeros(6, "u4"), Time=0.0123)
            head.update(MassTable=np.array([0, 3e5 * h / 1e10, 0, 0, 0, 0.0]))
            file.create_group("Units").attrs.update(UnitMass_in_g=MASS, UnitLength_in_cm=MPC)
            file.create_group("RuntimePars").attrs["InitAbundance_Hydrogen"] = 0.752
            for kind, number in NUMBERS.items():
                part = file.create_group(f"PartType{number}")
                rows = order[kind][edges[i] : edges[i + 1]]

                def put(name, values, power_a, power_h, cgs, part=part, rows=rows):
                    dataset = part.create_dataset(name, data=values[rows])
                    if attributes:
                        dataset.attrs.update(
                            {"aexp-scale-exponent": np.float32(power_a), "h-scale-exponent": np.float32(power_h),
                             "CGSConversionFactor": float(cgs), "VarDescription": name}
                        )  # fmt: skip

                put("Coordinates", np.mod(stacked(found, kind, "position"), box) / length, 1, -1, MPC)
                put("Velocity", (stacked(found, kind, "velocity") / np.sqrt(a)).astype("f4"), 0.5, 0, 1e5)
                put("ParticleIDs", stacked_ids(found, kind), 0, 0, 1.0)
                put("GroupNumber", group.astype("i4"), 0, 0, 1.0)
                put("SubGroupNumber", np.zeros(len(group), "i4"), 0, 0, 1.0)
                if kind != "dark_matter":
                    put("Mass", (stacked(found, kind, "mass") * h / 1e10).astype("f4"), 0, -1, MASS)
                    put("Metallicity", stacked(found, kind, "metallicity").astype("f4"), 0, 0, 1.0)
                if kind == "gas":
                    density = stacked(found, kind, "density") * 1e9 / 1e10 * a**3 / h**2
                    put("Density", density.astype("f4"), -3, 2, MASS / MPC**3)
                    put("InternalEnergy", stacked(found, kind, "internal_energy").astype("f4"), 0, 0, 1e10)
                    put("Temperature", np.full(len(group), 12345.0, "f4"), 0, 0, 1.0)
                    put("SmoothingLength", np.full(len(group), 2.0 / length, "f4"), 1, -1, MPC)
                    sfr = stacked(found, kind, "star_formation_rate")
                    put("StarFormationRate", sfr.astype("f4"), 0, 0, 6.30295e25)
                    put("ElementAbundance/Hydrogen", stacked(found, kind, "hydrogen_fraction").astype("f4"), 0, 0, 1.0)
                if kind == "stars":
                    put("StellarFormationTime", stacked(found, kind, "formation_scale_factor").astype("f4"), 0, 0, 1.0)
    return found, order, group


def stacked_ids(found, kind):
    return np.concatenate([own[kind]["id"] for _, _, own in found])


def gizmo_columns(found, kind, a, h, box):
    """Datasets that Simba and FIRE-2 share."""
    length = a / h
    columns = {
        "Coordinates": np.mod(stacked(found, kind, "position"), box) / length,
        "Velocities": (stacked(found, kind, "velocity") / np.sqrt(a)).astype("f4"),
        "Masses": (stacked(found, kind, "mass") * h / 1e10).astype("f4"),
        "ParticleIDs": stacked_ids(found, kind),
    }
    if kind != "dark_matter":
        metals = np.zeros((len(columns["Masses"]), 11), "f4")
        metals[:, 0] = stacked(found, kind, "metallicity")
        metals[:, 1] = 0.25
        columns["Metallicity"] = metals
    if kind == "gas":
        columns["Density"] = (stacked(found, kind, "density") / 1e10 * a**3 / h**2).astype("f4")
        columns["SmoothingLength"] = np.full(len(columns["Masses"]), 2.0 / length, "f4")
        names = {
            "InternalEnergy": "internal_energy",
            "ElectronAbundance": "electron_abundance",
            "NeutralHydrogenAbundance": "neutral_hydrogen_abundance",
            "StarFormationRate": "star_formation_rate",
        }
        columns |= {name: stacked(found, kind, own).astype("f4") for name, own in names.items()}
    if kind == "stars":
        columns["StellarFormationTime"] = stacked(found, kind, "formation_scale_factor").astype("f4")
    return columns


def gizmo_header(a, h, box_code, counts, total, chunks, **more):
    return {
        "BoxSize": box_code, "Time": a, "Redshift": 1 / a - 1, "HubbleParam": h, "NumFilesPerSnapshot": chunks,
        "NumPart_ThisFile": counts.astype("i4"), "NumPart_Total": total.astype("u4"), "MassTable": np.zeros(6), **more,
    }  # fmt: skip


def write_simba(folder, redshift=1.0, seed=0, sizes=(300, 120)):
    """snap_m100n1024_151.hdf5 and Groups/m100n1024_151.hdf5 (caesar); galaxies are shuffled in the file."""
    rng, a, h = np.random.default_rng(seed), 1.0 / (1.0 + redshift), 0.68
    box_code = 20000.0
    box = box_code * a / h
    found = galaxies(rng, box, a, sizes)
    folder = Path(folder)
    (folder / "Groups").mkdir(parents=True)
    owner = np.concatenate([np.full(size, i) for i, size in enumerate(sizes)])
    order = {kind: rng.permutation(len(owner)) for kind in NUMBERS}
    counts = np.zeros(6, int)
    counts[[0, 1, 4]] = len(owner)
    with h5py.File(folder / "snap_m100n1024_151.hdf5", "w") as file:
        head = gizmo_header(a, h, box_code, counts, counts, 1, Omega0=0.3, OmegaLambda=0.7)
        file.create_group("Header").attrs.update(head)
        for kind, number in NUMBERS.items():
            part = file.create_group(f"PartType{number}")
            columns = gizmo_columns(found, kind, a, h, box)
            if kind == "gas":
                columns["GrackleHI"] = columns["NeutralHydrogenAbundance"] * np.float32(0.8)
                columns["FractionH2"] = columns["NeutralHydrogenAbundance"] * np.float32(0.1)
                columns["DelayTime"] = np.zeros(len(owner), "f4")
            for name, values in columns.items():
                part[name] = values[order[kind]]
    with h5py.File(folder / "Groups/m100n1024_151.hdf5", "w") as file:
        for group, kinds in {"galaxy_data": ("gas", "stars"), "halo_data": tuple(NUMBERS)}.items():
            data = file.create_group(group)
            data["GroupID"] = np.arange(2)
            data["minpotpos"] = np.array([np.mod(centre, box) / a for centre, _, _ in found])
            data["vel"] = np.array([velocity for _, velocity, _ in found])
            data["sfr"] = np.array([own["gas"]["star_formation_rate"].sum() for _, _, own in found])
            data["dicts/masses.gas"] = np.array([own["gas"]["mass"].sum() for _, _, own in found])
            data["dicts/masses.stellar"] = np.array([own["stars"]["mass"].sum() for _, _, own in found])
            data["dicts/radii.gas_half_mass"] = np.array([10.0, 20.0]) / a
            data["ngas"] = np.array(sizes)
            for kind in kinds:
                name = {"gas": "glist", "stars": "slist", "dark_matter": "dmlist"}[kind]
                lists = [np.flatnonzero(owner[order[kind]] == i) for i in range(2)]
                rng.shuffle(lists[0])
                data[f"lists/{name}"] = np.concatenate(lists)
                ends = np.cumsum([len(one) for one in lists])
                data[f"{name}_start"], data[f"{name}_end"] = ends - [len(one) for one in lists], ends
        file["galaxy_data/parent_halo_index"] = np.arange(2)
        file["galaxy_data/central"] = np.array([True, True])
    return found, order, owner


def write_fire(folder, redshift=0.0, chunks=4, seed=0, size=4000, variant="Omega0", field=True):
    """output/snapdir_600/snapshot_600.{i}.hdf5: one galaxy and a smaller one far from it; no catalogue."""
    rng, a, h = np.random.default_rng(seed), 1.0 / (1.0 + redshift), 0.702
    box_code = 60000.0
    box = box_code * a / h
    found = galaxies(rng, box, a, (size, size // 8))
    folder = Path(folder) / "output/snapdir_600"
    folder.mkdir(parents=True)
    rows = size + size // 8
    order = {kind: rng.permutation(rows) for kind in NUMBERS}
    edges = np.linspace(0, rows, chunks + 1).astype(int)
    total = np.array([rows, rows, 5, 0, rows, 0])
    for i in range(chunks):
        counts = np.array([1, 1, 0, 0, 1, 0]) * (edges[i + 1] - edges[i])
        counts[2] = 5 if i == 0 else 0
        with h5py.File(folder / f"snapshot_600.{i}.hdf5", "w") as file:
            head = gizmo_header(a, h, box_code, counts, total, chunks, **{variant: 0.272})
            file.create_group("Header").attrs.update(head)
            for kind, number in NUMBERS.items():
                part = file.create_group(f"PartType{number}")
                columns = gizmo_columns(found, kind, a, h, box)
                if kind == "gas":
                    columns["MolecularMassFraction"] = np.full(rows, 0.25, "f4")
                    if field:
                        columns["MagneticField"] = stacked(found, kind, "magnetic_field").astype("f4")
                for name, values in columns.items():
                    part[name] = values[order[kind]][edges[i] : edges[i + 1]]
            if i == 0:
                file["PartType2/Coordinates"] = np.zeros((5, 3))
    return found, order
