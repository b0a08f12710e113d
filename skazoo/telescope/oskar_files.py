"""The same observation for OSKAR and for Karabo: sky model, telescope folder, settings, and a script that runs it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np

from ..errors import ParameterError
from ..files import replacing_folder
from .export import times_of

if TYPE_CHECKING:
    from .array import Array
    from .seen import Seen

__all__ = ["write_oskar"]

SCRIPT = '''\
"""Observe the sky of this folder with OSKAR through Karabo (https://github.com/i4Ds/Karabo-Pipeline).

Run it in Karabo's environment, in this folder: python karabo_run.py
"""

from datetime import datetime, timedelta

import numpy as np
from astropy.coordinates import SkyCoord
from karabo.simulation.interferometer import InterferometerSimulation
from karabo.simulation.observation import Observation
from karabo.simulation.sky_model import SkyModel
from karabo.simulation.telescope import Telescope

# right ascension, declination (deg), I, Q, U, V (Jy), reference frequency (Hz), spectral index
sources = np.loadtxt("sky.osm", delimiter=",", ndmin=2)
sky = SkyModel()
sky.add_point_sources(np.hstack([sources, np.zeros((len(sources), 4))]))
telescope = Telescope.read_OSKAR_tm_file("telescope.tm")
observation = Observation(
    start_frequency_hz={start_frequency!r},
    start_date_and_time=datetime.fromisoformat({start!r}),
    length=timedelta(seconds={seconds!r}),
    number_of_channels={channels},
    frequency_increment_hz={increment!r},
    number_of_time_steps={steps},
    phase_center=SkyCoord({right!r}, {declination!r}, unit="deg"),
)
simulation = InterferometerSimulation(channel_bandwidth_hz={bandwidth!r})
simulation.run_simulation(telescope, sky, observation)
'''

SETTINGS = """\
[General]
app=oskar_sim_interferometer

[simulator]
double_precision=true

[sky]
oskar_sky_model\\file=sky.osm

[observation]
mode=Tracking
phase_centre_ra_deg={right!r}
phase_centre_dec_deg={declination!r}
start_frequency_hz={start_frequency!r}
num_channels={channels}
frequency_inc_hz={increment!r}
start_time_utc={start}
length={seconds!r}
num_time_steps={steps}

[telescope]
input_directory=telescope.tm
pol_mode=Scalar
station_type=Isotropic beam

[interferometer]
channel_bandwidth_hz=0
time_average_sec=0
oskar_vis_filename=oskar.vis
"""


def write_oskar(seen: Seen, folder: str | os.PathLike) -> Path:
    """Write `sky.osm`, `telescope.tm/`, `settings.ini` and `karabo_run.py` into a folder; returns its path.

    In it, `oskar_sim_interferometer settings.ini` predicts the noiseless visibilities of this sky, seen through
    the primary beam; `read_visibilities("oskar.vis")` reads them. Every pixel that is not zero is a point source
    at its own place, so that w and the curvature of the sky are in. Baselines that skazoo leaves out are in too.
    Smearing over the channel and the integration is off, as it is in skazoo.

    Raises:
        ParameterError: a sky of zeros, or one seen with a map of the spectral index, or times with a gap in them.
        OutputError: the folder cannot be written.
    """
    observation = seen.observation
    if not seen.sky.any():
        raise ParameterError("the sky is zero everywhere: OSKAR needs a source.")
    if seen.how.get("spectral_index") is not None:
        raise ParameterError("write_oskar() takes one spectral index for the whole sky, not a map of it.")
    facts = _facts(seen)
    with replacing_folder(folder) as partial:
        _write_sky(seen, partial / "sky.osm")
        _write_telescope(observation.array, partial / "telescope.tm")
        (partial / "settings.ini").write_text(SETTINGS.format(**facts), encoding="utf-8")
        (partial / "karabo_run.py").write_text(SCRIPT.format(**facts), encoding="utf-8")
    return Path(folder)


def _facts(seen: Seen) -> dict:
    """What settings and script are told: one unbroken run of equal integrations, seconds and hertz."""
    observation = seen.observation
    visibilities = _bare(observation)
    hours = np.unique(observation.samples().hour_angle)
    steps = len(hours)
    step = observation.hours_per_night * 3600 / len(observation.track)
    gaps = np.diff(hours)
    if steps > 1 and gaps.max() > 1.5 * gaps.min():
        raise ParameterError("the track has a gap (the source sets in it); choose hours_per_night without one.")
    first = times_of(visibilities, hours[:1])[0] - step / 2 * u.s
    ratios = np.array([(part.frequency / observation.frequency).value for part in observation.subbands])
    frequencies = observation.frequency.to_value(u.Hz) * ratios
    return {
        "right": float(observation.right_ascension.to_value(u.deg)),
        "declination": float(observation.declination.to_value(u.deg)),
        "start_frequency": float(frequencies[0]),
        "channels": len(frequencies),
        "increment": float(frequencies[1] - frequencies[0]) if len(frequencies) > 1 else 0.0,
        "bandwidth": float(observation.channel_width.to_value(u.Hz)) / len(frequencies),
        "start": first.utc.isot.replace("T", " "),
        "seconds": float(step * steps),
        "steps": steps,
    }


def _bare(observation):
    """What `times_of` needs to know of an observation."""
    from types import SimpleNamespace

    return SimpleNamespace(
        start=observation.start, right_ascension=observation.right_ascension, array=observation.array
    )


def _write_sky(seen: Seen, path: Path) -> None:
    """One line for each pixel: RA, Dec (deg), I, Q, U, V (Jy), reference frequency (Hz), spectral index."""
    observation = seen.observation
    dimmed = seen.sky * observation.attenuation
    row, column = np.nonzero(dimmed)
    pixel = observation.pixel_scale.to_value(u.rad)
    right, declination = lines_of_sight(
        -(column - observation.npix // 2) * pixel,  # columns run to the west
        (row - observation.npix // 2) * pixel,
        observation.right_ascension.to_value(u.rad),
        observation.declination.to_value(u.rad),
    )
    index = observation.spectral_index if len(observation.subbands) > 1 else 0.0
    reference = observation.frequency.to_value(u.Hz)
    with path.open("w", encoding="utf-8") as file:
        file.write("# RA deg, Dec deg, I Jy, Q, U, V, reference frequency Hz, spectral index\n")
        for each in zip(np.degrees(right), np.degrees(declination), dimmed[row, column], strict=True):
            file.write(f"{each[0]:.12f}, {each[1]:.12f}, {each[2]:.9e}, 0, 0, 0, {reference:.6f}, {index:g}\n")


def lines_of_sight(l, m, right: float, declination: float) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination (rad) of direction cosines about a phase centre (SIN projection)."""
    n = np.sqrt(1 - l**2 - m**2)
    toward = n * np.cos(declination) - m * np.sin(declination)
    return (right + np.arctan2(l, toward)) % (2 * np.pi), np.arcsin(m * np.cos(declination) + n * np.sin(declination))


def _write_telescope(array: Array, folder: Path) -> None:
    """`position.txt`, `layout.txt`, and one station of one element for each antenna."""
    folder.mkdir()
    (folder / "position.txt").write_text(f"{array.longitude!r}, {array.latitude!r}, {array.height!r}\n")
    np.savetxt(folder / "layout.txt", array.enu, fmt="%.4f", delimiter=", ", header="east, north, up (m)")
    for number in range(len(array)):
        station = folder / f"station{number:03d}"
        station.mkdir()
        (station / "layout.txt").write_text("0.0, 0.0\n")
