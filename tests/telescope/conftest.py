"""A small array, a cache of their own and the real data for the tests of the telescope."""

import os
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from skazoo.telescope import Array, Observation


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Nothing is read from, or left in, the user's cache."""
    before = os.environ.get("SKAZOO_CACHE")
    os.environ["SKAZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SKAZOO_CACHE"]
    else:
        os.environ["SKAZOO_CACHE"] = before


@pytest.fixture(scope="session")
def ska_data():
    """The folder of SKAO's numbers, or a skip that says how to get it."""
    root = os.environ.get("SKAZOO_REAL_DATA")
    if not root or not (Path(root) / "ska").is_dir():
        pytest.skip("SKAZOO_REAL_DATA is not set to the folder of real data, which holds ska/")
    return Path(root)


@pytest.fixture(scope="session")
def small_array():
    """24 dishes of ska-mid in a disc of 1.2 km, denser in the middle."""
    rng = np.random.default_rng(5)
    radius, angle = 1200 * rng.random(24) ** 0.8 + 30, 2 * np.pi * rng.random(24)
    enu = np.stack([radius * np.cos(angle), radius * np.sin(angle), 2 * rng.standard_normal(24)], axis=1)
    return Array(enu, np.where(np.arange(24) < 8, 13.5, 15.0), -30.7, 21.4, name="small", telescope="ska-mid")


@pytest.fixture(scope="session")
def small(small_array):
    """An observation with that array: 48 pixels of 8 arcsec, a beam of a few of them."""
    return Observation(
        small_array, npix=48, pixel_scale=8 * u.arcsec, taper=25 * u.arcsec, hours_per_night=4, integration=600 * u.s
    )


@pytest.fixture(scope="session")
def blobs():
    """A lopsided sky, (48, 48) K, that no mirror image or rotation of it equals."""
    row, column = np.mgrid[:48, :48]
    sky = np.zeros((48, 48))
    for y, x, width, height in ((20, 12, 2.0, 30.0), (33, 30, 4.0, 12.0), (10, 37, 1.0, 50.0)):
        sky += height * np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * width**2))
    return sky * u.K
