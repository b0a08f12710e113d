"""The web-API client against a server with faults; no test leaves this machine."""

import copy
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from skazoo.cli.main import main
from skazoo.errors import ParameterError, SimulationError
from skazoo.simulations import TNGClient, open_cutout
from tests.conftest import write_cutout
from tests.simulations.fault_server import FAULTS, FaultServer

KEY = "secret-key-1234"


@pytest.fixture(scope="module")
def cutout_bytes(tmp_path_factory):
    """A cutout as the API sends it: the galaxy's position is not in it."""
    path = tmp_path_factory.mktemp("api") / "c.hdf5"
    write_cutout(path, count=500)
    with h5py.File(path, "a") as file:
        del file["Header"].attrs["SubhaloPos"], file["Header"].attrs["SubhaloVel"]
    return path.read_bytes()


def api(cutout, number=250):
    """A function that answers as the API does; every subhalo's cutout has bytes of its own."""

    def answer(path, query):
        root = "/api/TNG50-1/snapshots/99/"
        if path == "/api/":
            return {"simulations": [{"name": "TNG50-1"}, {"name": "TNG100-1"}]}
        if path == root + "subhalos/":
            first, size = int(query.get("offset", ["0"])[0]), int(query["limit"][0])
            more = f"?limit={size}&offset={first + size}&order_by={query['order_by'][0]}"
            following = f"http://{answer.host}{root}subhalos/{more}" if first + size < number else None
            rows = [{"id": i, "sfr": 0.1, "url": "x"} for i in range(first, min(first + size, number))]
            return {"count": number, "next": following, "results": rows}
        if path.startswith(root + "subhalos/") and path.endswith("cutout.hdf5"):
            return cutout + f"subhalo {path.split('/')[-2]}".encode() * 50  # HDF5 ignores what follows its end
        if path.startswith(root + "halos/") and path.endswith("cutout.hdf5"):
            return cutout
        if path.startswith(root + "subhalos/"):
            i = int(path.rstrip("/").split("/")[-1])
            place = {"pos_x": 20.0, "pos_y": 34985.0, "pos_z": 14000.0, "vel_x": 1.0, "vel_y": i, "vel_z": 0.0}
            return {"id": i, "grnr": i // 2, **place, "supplementary_data": {"hih2": "url"}}
        if path == "/api/TNG50-1/files/snapshot-99.3.hdf5":
            return cutout
        return {"files": ["a"]} if path == "/api/TNG50-1/files/" else None

    return answer


def serve(cutout, **options):
    answer = api(cutout)
    server = FaultServer(answer, **options)
    answer.host = f"127.0.0.1:{server.server_port}"
    return server


def client_of(server, cache, **options):
    return TNGClient(KEY, cache, server.base, **{"timeout": 0.5, "backoff": 0.005, "progress": False, **options})


def test_search_pages(tmp_path, cutout_bytes):
    with serve(cutout_bytes) as server:
        client = client_of(server, tmp_path)
        assert client.simulations() == ["TNG50-1", "TNG100-1"]
        assert [s["id"] for s in client.search("TNG50-1", 99, 230, mass_stars__gt=1.0)] == list(range(230))
        assert len(client.search("TNG50-1", 99)) == 250
        assert len([r for r in server.requests if "offset=" in r]) == 4
        assert "mass_stars__gt=1.0" in server.requests[1] and "order_by=-mass_stars" in server.requests[1]


def test_cutout_knows_where_its_galaxy_is(tmp_path, cutout_bytes):
    with serve(cutout_bytes) as server:
        client = client_of(server, tmp_path)
        path = client.cutout("TNG50-1", 99, 7)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            particles = open_cutout(path)
        np.testing.assert_allclose(particles.metadata["centre_code"], [20.0, 34985.0, 14000.0])
        assert np.linalg.norm(particles.gas.position.value.mean(axis=0)) < 5
        first, second = client.cutout("TNG50-1", 99, 4, scope="halo"), client.cutout("TNG50-1", 99, 5, scope="halo")
        assert first != second  # one halo, two galaxies, two centres
        before = len(server.requests)
        assert client.cutout("TNG50-1", 99, 7) == path
        assert len(server.requests) == before + 1  # the position only
        assert h5py.is_hdf5(client.chunk("TNG50-1", 99, 3))
        assert client.files("TNG50-1") == ["a"] and client.supplementary("TNG50-1", 99, 7) == {"hih2": "url"}


def test_fields_are_asked_for_and_reduced_for_mini_snapshots(tmp_path, cutout_bytes):
    with serve(cutout_bytes) as server:
        client = client_of(server, tmp_path)
        client.cutout("TNG50-1", 99, 1, {"gas": ("Coordinates", "MagneticField"), "dm": "all"})
        assert any("gas=Coordinates,MagneticField&dm=all" in r for r in server.requests)
        server.unknown_fields = ("MagneticField", "GFM_Metals", "NeutralHydrogenAbundance")
        client.cutout("TNG50-1", 99, 2)
        asked = [r for r in server.requests if "/2/cutout" in r]
        assert len(asked) == 2 and "MagneticField" in asked[0] and "MagneticField" not in asked[1]
        assert "ElectronAbundance" in asked[1]
        server.unknown_fields = ("Coordinates",)
        with pytest.raises(SimulationError, match="HTTP 400.*does not know a field"):
            client.cutout("TNG50-1", 99, 3)


@pytest.mark.parametrize("ranges", [True, False])
def test_two_hundred_cutouts_through_thirty_percent_faults(tmp_path, cutout_bytes, ranges):
    """The issue's number; the reduced run is 40 cutouts without Range."""
    number = 200 if ranges else 40
    with serve(cutout_bytes) as server:
        clean = client_of(server, tmp_path / "clean", timeout=20.0).cutouts("TNG50-1", 99, range(number))
    with serve(cutout_bytes, rate=0.3, ranges=ranges, seed=5, stall=0.6) as server:
        client = client_of(server, tmp_path / "faulty", attempts=30, timeout=0.25)
        faulty = client.cutouts("TNG50-1", 99, range(number))
    assert len(server.faults) > 0.25 * len(server.requests) and set(server.faults) == set(FAULTS)
    assert server.most == 2
    for ours, theirs in zip(faulty, clean, strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
    assert not ranges or server.resumed > 5
    assert not list((tmp_path / "faulty").glob("*.part")) and not list((tmp_path / "faulty").glob("*.edit"))


def test_at_most_two_at_a_time(tmp_path, cutout_bytes):
    from concurrent.futures import ThreadPoolExecutor

    with serve(cutout_bytes, pace=0.01) as server, ThreadPoolExecutor(6) as pool:
        clients = [client_of(server, tmp_path, timeout=20.0) for _ in range(6)]  # also of different clients
        list(pool.map(lambda c, i: c.cutout("TNG50-1", 99, i), clients, range(6)))
        assert server.most == 2


_FETCH = """
import sys
from skazoo.simulations import TNGClient
client = TNGClient("secret-key-1234", sys.argv[2], sys.argv[1], timeout=20.0, backoff=0.01, progress=False)
print("go", flush=True)
print(client.cutout("TNG50-1", 99, 7))
"""


def killed_downloads(tmp_path, body, kills, seconds, seed):
    """Kill a download again and again; returns its final bytes, the bytes of a quiet one, and the server."""
    draw = random.Random(seed)
    with serve(body, pace=seconds * 16384 / len(body)) as server:
        command = [sys.executable, "-c", _FETCH, server.base, str(tmp_path / "killed")]
        for kill in range(kills):
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                time.sleep(draw.uniform(0.0, 0.35) * seconds)
                if kill == 0:  # so that there is something to resume, however busy the machine
                    for _ in range(2000):
                        if any(part.stat().st_size for part in (tmp_path / "killed").glob("*.part")):
                            break
                        time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
            if any((tmp_path / "killed").glob("*.manifest.json")):
                break
        last = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()[-1]
    with serve(body) as quiet:
        expected = client_of(quiet, tmp_path / "quiet", timeout=20.0).cutout("TNG50-1", 99, 7)
        assert not list((tmp_path / "killed").glob("*.part*"))
        return Path(last).read_bytes(), expected.read_bytes(), server


def big_body(tmp_path, count):
    path = tmp_path / "big.hdf5"
    write_cutout(path, count=count)
    with h5py.File(path, "a") as file:
        del file["Header"].attrs["SubhaloPos"], file["Header"].attrs["SubhaloVel"]
    return path.read_bytes()


def test_killed_download_resumes(tmp_path):
    found, expected, server = killed_downloads(tmp_path, big_body(tmp_path, 8000), kills=4, seconds=1.5, seed=1)
    assert found == expected and server.resumed >= 1


@pytest.mark.slow
def test_download_killed_at_twenty_random_moments_resumes(tmp_path):
    """pytest -m slow tests/simulations/test_tng_api.py"""
    body = big_body(tmp_path, 40000)
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found, expected, server = killed_downloads(folder, body, kills=5, seconds=4.0, seed=seed)
        assert found == expected and server.resumed >= 1


@pytest.mark.parametrize("damage", ["flip", "cut", "manifest", "gone", "stale edit"])
def test_damaged_cache_entries_are_fetched_again(tmp_path, cutout_bytes, damage):
    with serve(cutout_bytes) as server:
        client = client_of(server, tmp_path)
        path = client.cutout("TNG50-1", 99, 7)
        good, manifest = path.read_bytes(), path.with_suffix(".manifest.json")
        if damage == "flip":
            path.write_bytes(good[:5000] + bytes([good[5000] ^ 1]) + good[5001:])
        elif damage == "cut":
            path.write_bytes(good[:-10])
        elif damage == "manifest":
            manifest.write_text("{")
        elif damage == "gone":
            manifest.unlink()
        else:
            path.rename(path.with_suffix(".edit"))
        before = len(server.requests)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert client.cutout("TNG50-1", 99, 7).read_bytes() == good
        assert len(server.requests) == before + 2
        assert damage in ("gone", "stale edit") or "fetched again" in str(said[0].message)


def test_refusals(tmp_path, cutout_bytes):
    with serve(cutout_bytes) as server:
        with pytest.raises(SimulationError, match="HTTP 403: the API key is refused; check TNG_API_KEY"):
            TNGClient("other", tmp_path, server.base).simulations()
        client = client_of(server, tmp_path)
        with pytest.raises(SimulationError, match="HTTP 404"):
            client.subhalo("TNG51", 99, 3)
        with pytest.raises(ParameterError, match="not the name"):
            client.subhalo("../secret", 99, 3)
        with pytest.raises(ParameterError, match="particle type"):
            client.cutout("TNG50-1", 99, 3, {"gass": "all"})
    with pytest.raises(SimulationError, match="could not be fetched.*3 times"):
        client_of(server, tmp_path, attempts=3).simulations()


def test_the_key_stays_unseen(tmp_path, cutout_bytes, monkeypatch, caplog, capfd):
    with serve(cutout_bytes) as server:
        client = client_of(server, tmp_path, attempts=2)
        client.cutout("TNG50-1", 99, 7)
        monkeypatch.setenv("TNG_API_KEY", KEY)
        seen = [repr(client), str(vars(client)), f"{client._key()}", repr(client._transfer)]
        again = pickle.loads(pickle.dumps(client))
        seen += [pickle.dumps(client).decode("latin1"), repr(vars(copy.deepcopy(client)))]
        assert again.simulations()  # finds the key in the environment
        for wrong in (lambda: client.subhalo("no", 1, 1), lambda: pickle.dumps(client._key())):
            try:
                wrong()
            except Exception as error:  # noqa: BLE001, whatever it is must not show the key
                text = io.StringIO()
                traceback.print_exception(error, file=text)
                seen += [text.getvalue(), str(error.args), repr(error.__cause__)]
    with pytest.raises(SimulationError) as caught:  # the server is gone
        client.simulations()
    seen += [repr(caught.value), "".join(traceback.format_exception(caught.value)), caplog.text, *capfd.readouterr()]
    seen += [path.read_bytes().decode("latin1") for path in tmp_path.iterdir()]
    assert not [text for text in seen if KEY in text]


def test_the_key_does_not_follow_redirects(tmp_path, cutout_bytes):
    """To another host it is not sent, so the server there, which asks for it, refuses."""
    with serve(cutout_bytes) as other:
        target = other.base.replace("127.0.0.1", "localhost")
        client = TNGClient(KEY, tmp_path, "http://127.0.0.1:1/api/", attempts=1)
        with pytest.raises(SimulationError, match="403"):
            client._transfer.json(target)


def test_where_the_key_comes_from(tmp_path, monkeypatch):
    from skazoo.simulations.api_key import find_key

    monkeypatch.delenv("TNG_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ParameterError, match="set the environment variable TNG_API_KEY, or put the key into"):
        find_key()
    path = tmp_path / ".config/skazoo/tng_api_key"
    path.parent.mkdir(parents=True)
    path.write_text(KEY + "\n")
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="rights 0644; run: chmod 600") as caught:
        find_key()
    assert KEY not in str(caught.value)
    path.chmod(0o600)
    assert find_key().reveal() == KEY
    monkeypatch.setenv("TNG_API_KEY", "of-the-environment")
    assert find_key().reveal() == "of-the-environment" and find_key(path).reveal() == KEY
    with pytest.raises(ParameterError, match="characters that a key cannot have"):
        find_key("two\nlines")


def test_command(tmp_path, cutout_bytes, monkeypatch, capsys):
    monkeypatch.setenv("TNG_API_KEY", KEY)
    with serve(cutout_bytes) as server:
        options = ["--simulation", "TNG50-1", "--snapshot", "99", "--number", "3", "--cache", str(tmp_path / "cache")]
        options += ["--out", str(tmp_path / "out"), "--base", server.base, "--where", "mass_stars__gt=1"]
        assert main(["data", "fetch", *options]) == 0
        assert "3 cutouts of TNG50-1 snapshot 99" in capsys.readouterr().out
        files = sorted(p.name for p in (tmp_path / "out").iterdir())
        assert files == [f"TNG50-1_099_subhalo_{i}.hdf5" for i in range(3)]
        assert open_cutout(tmp_path / "out" / files[0]).gas is not None
        assert main(["data", "fetch", *options[:-1], "nonsense"]) == 2
    monkeypatch.delenv("TNG_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["data", "fetch", *options]) == 2
    assert "TNG_API_KEY" in capsys.readouterr().err
    assert os.environ["HOME"] == str(tmp_path)
