"""A synthetic run in TNG's layout with known values: any z, h, number of chunks; galaxies cross chunk borders."""

from pathlib import Path

import h5py
import numpy as np

BOX = 25000.0
MSUN10, KPC = 1.989e43, 3.085678e21
# powers of a and h, and to cgs, of simulations.md 3.1, typed anew here
ATTRIBUTES = {
    "Coordinates": (1, -1, KPC),
    "Velocities": (0.5, 0, 1e5),
    "Masses": (0, -1, MSUN10),
    "Density": (-3, 2, 6.769911178294543e-22),
    "InternalEnergy": (0, 0, 1e10),
    "ElectronAbundance": (0, 0, 0),
    "NeutralHydrogenAbundance": (0, 0, 0),
    "GFM_Metallicity": (0, 0, 0),
    "GFM_Metals": (0, 0, 0),
    "StarFormationRate": (0, 0, 6.30276067e25),
    "MagneticField": (-2, 1, 2.60190530e-6),
    "SubfindHsml": (1, -1, KPC),
    "GFM_StellarFormationTime": (0, 0, 0),
    "ParticleIDs": (0, 0, 0),
}
KINDS = {"gas": 0, "dark_matter": 1, "stars": 4}


def write_tng_run(
    folder, *, redshift=0.0, hubble=0.6774, chunks=3, snapshot=99, seed=0, sizes=(300, 90, 40), high=True
):
    """Write output/snapdir, output/groups and postprocessing/offsets under `folder`.

    Three groups: the first with two subhaloes and fuzz, the second without any subhalo, the third with one subhalo
    that has no gas. Particles of no group follow.

    Returns: subhalo -> kind -> field -> physical values relative to the subhalo (kpc, km/s, Msun, G).
    """
    rng, a, folder = np.random.default_rng(seed), 1.0 / (1.0 + redshift), Path(folder)
    length = a / hubble
    # rows in file order: (group, subhalo or -1)
    plan = [(0, 0, sizes[0]), (0, 1, sizes[1]), (0, -1, 60), (1, -1, 30), (2, 2, sizes[2]), (2, -1, 11), (-1, -1, 50)]
    places = {0: [10.0, BOX - 5.0, 3.0], 1: [60.0, BOX - 20.0, 30.0], 2: [12000.0, 7000.0, 19000.0]}
    speeds = rng.normal(size=(3, 3)) * 200.0
    dark_mass = 4.5e5
    columns = {kind: {} for kind in KINDS}
    lengths = np.zeros((len(plan), 6), np.int64)
    truth = {0: {}, 1: {}, 2: {}}
    for row, (group, subhalo, size) in enumerate(plan):
        at = np.array(places.get(subhalo, places.get(group, [5000.0, 5000.0, 5000.0])))
        moving = speeds[subhalo] if subhalo >= 0 else np.zeros(3)
        for kind, number in KINDS.items():
            n = 0 if (subhalo == 2 and kind == "gas") else size + 7 * number
            lengths[row, number] = n
            own = physical_fields(rng, kind, n)
            if subhalo >= 0 and n:
                truth[subhalo][kind] = own
            code = to_code(own, a, hubble)
            code["Coordinates"] = np.mod(own["position"] / length + at, BOX)
            code["Velocities"] = ((own["velocity"] + moving) / np.sqrt(a)).astype("f4")
            for name, values in code.items():
                columns[kind].setdefault(name, []).append(values)
    columns = {kind: {n: np.concatenate(v) for n, v in own.items()} for kind, own in columns.items()}
    totals = lengths.sum(axis=0)
    edges = np.linspace(0, totals, chunks + 1).astype(np.int64)
    head = {"BoxSize": BOX, "HubbleParam": hubble, "Omega0": 0.3, "OmegaLambda": 0.7, "OmegaBaryon": 0.049}
    head |= {"Redshift": max(redshift, 2.2e-16), "Time": 1 / (1 + max(redshift, 2.2e-16))}
    snap = folder / f"output/snapdir_{snapshot:03d}"
    groups = folder / f"output/groups_{snapshot:03d}"
    offsets = folder / "postprocessing/offsets"
    for place in (snap, groups, offsets):
        place.mkdir(parents=True)
    for i in range(chunks):
        with h5py.File(snap / f"snap_{snapshot:03d}.{i}.hdf5", "w") as file:
            here = edges[i + 1] - edges[i]
            file.create_group("Header").attrs.update(
                **head, NumFilesPerSnapshot=np.int32(chunks), NumPart_ThisFile=here.astype("i4"),
                NumPart_Total=totals.astype("u4"), MassTable=np.array([0, dark_mass * hubble / 1e10, 0, 0, 0, 0]),
                UnitLength_in_cm=KPC, UnitMass_in_g=MSUN10, UnitVelocity_in_cm_per_s=1e5,
            )  # fmt: skip
            if high:
                file["Header"].attrs["NumPart_Total_HighWord"] = np.zeros(6, "u4")
            for kind, number in KINDS.items():
                if here[number]:
                    put(file.create_group(f"PartType{number}"), columns[kind], edges[i, number], edges[i + 1, number])
    group_len = np.stack([lengths[[r for r, p in enumerate(plan) if p[0] == g]].sum(axis=0) for g in range(3)])
    sub_rows = [next(r for r, p in enumerate(plan) if p[1] == s) for s in range(3)]
    sub_len = lengths[sub_rows]
    tables = {
        "Group": {"GroupLenType": group_len.astype("i4"), "GroupFirstSub": np.array([0, -1, 2], "i4"),
                  "GroupPos": np.array([places[0], [5000.0] * 3, places[2]], "f4")},
        "Subhalo": {"SubhaloLenType": sub_len.astype("i4"), "SubhaloGrNr": np.array([0, 0, 2], "i4"),
                    "SubhaloPos": np.array([places[s] for s in range(3)], "f4"), "SubhaloVel": speeds.astype("f4"),
                    "SubhaloFlag": np.array([True, False, True]), "SubhaloMass": np.array([3.0, 1.0, 2.0], "f4"),
                    "SubhaloMassType": np.ones((3, 6), "f4"), "SubhaloSFR": np.array([1.0, 0.5, 0.0], "f4"),
                    "SubhaloHalfmassRad": np.array([10.0, 4.0, 5.0], "f4"),
                    "SubhaloHalfmassRadType": np.array([[9, 12, 0, 0, 3, 0]] * 2 + [[0, 12, 0, 0, 3, 0]], "f4")},
    }  # fmt: skip
    for i in range(chunks):
        with h5py.File(groups / f"fof_subhalo_tab_{snapshot:03d}.{i}.hdf5", "w") as file:
            file.create_group("Header").attrs.update(
                **head, NumFiles=np.int32(chunks), Ngroups_Total=np.int32(3), Nsubgroups_Total=np.int32(3)
            )
            for table, (first, last) in {n: (3 * i // chunks, 3 * (i + 1) // chunks) for n in tables}.items():
                prefix = "Ngroups" if table == "Group" else "Nsubgroups"
                file["Header"].attrs[f"{prefix}_ThisFile"] = np.int32(last - first)
                group = file.create_group(table)
                for name, values in tables[table].items() if last > first else ():
                    group[name] = values[first:last]
    starts = np.cumsum(lengths, axis=0) - lengths
    with h5py.File(offsets / f"offsets_{snapshot:03d}.hdf5", "w") as file:
        file["FileOffsets/SnapByType"] = edges[:-1]
        file["Group/SnapByType"] = np.cumsum(group_len, axis=0) - group_len
        file["Subhalo/SnapByType"] = starts[sub_rows]
    truth["dark_mass"] = dark_mass
    return truth


def physical_fields(rng, kind, n):
    """Random values in kpc, km/s, Msun, ... for n particles."""
    own = {"position": rng.normal(size=(n, 3)) * 30.0, "velocity": rng.normal(size=(n, 3)) * 90.0}
    own["id"] = rng.integers(0, 2**63, n).astype("u8")
    if kind != "dark_matter":
        own["mass"] = rng.uniform(0.5, 2.0, n) * 1e5
        own["metallicity"] = rng.uniform(0, 0.04, n)
    if kind == "gas":
        own |= {"density": rng.lognormal(12.0, 2.0, n), "internal_energy": rng.lognormal(6.0, 1.0, n)}
        own |= {"electron_abundance": rng.uniform(0, 1.16, n), "neutral_hydrogen_abundance": rng.random(n)}
        own |= {"star_formation_rate": np.where(rng.random(n) < 0.2, rng.random(n), 0.0)}
        own |= {"magnetic_field": rng.normal(size=(n, 3)) * 3e-6, "hydrogen_fraction": rng.uniform(0.6, 0.76, n)}
    if kind == "stars":
        own["formation_scale_factor"] = rng.uniform(0.1, 0.9, n)
        own["formation_scale_factor"][: n // 20] *= -1.0  # wind
    if kind == "dark_matter":
        own["smoothing_length"] = rng.uniform(1, 9, n)
    return own


def to_code(own, a, h):
    """Physical to code units by the formulas of simulations.md 2.1."""
    f = {
        "mass": ("Masses", h / 1e10), "metallicity": ("GFM_Metallicity", 1.0),
        "density": ("Density", a**3 / h**2 / 1e10),
        "internal_energy": ("InternalEnergy", 1.0), "electron_abundance": ("ElectronAbundance", 1.0),
        "neutral_hydrogen_abundance": ("NeutralHydrogenAbundance", 1.0),
        "star_formation_rate": ("StarFormationRate", 1.0),
        "magnetic_field": ("MagneticField", a**2 / h / 2.60190530e-6),
        "formation_scale_factor": ("GFM_StellarFormationTime", 1.0), "smoothing_length": ("SubfindHsml", h / a),
    }  # fmt: skip
    code = {f[n][0]: (v * f[n][1]).astype("f4") for n, v in own.items() if n in f}
    code["ParticleIDs"] = own["id"]
    if "hydrogen_fraction" in own:
        code["GFM_Metals"] = np.zeros((len(own["id"]), 10), "f4")
        code["GFM_Metals"][:, 0] = own["hydrogen_fraction"]
    return code


def put(group, columns, first, last):
    for name, values in columns.items():
        dataset = group.create_dataset(name, data=values[first:last])
        power_a, power_h, to_cgs = ATTRIBUTES[name]
        dataset.attrs.update(a_scaling=float(power_a), h_scaling=float(power_h), to_cgs=float(to_cgs))
