"""Visibilities that OSKAR wrote in its own binary format (`.vis`), for comparison with those of skazoo.

The format is a 64-byte header and chunks: a 20-byte tag (group, number, index, type, size), the payload, and a
checksum, which is not looked at (OSKAR 2.x, "Binary file format", versions 1 and 2).
"""

from __future__ import annotations

import struct
from pathlib import Path

import astropy.units as u
import numpy as np

from ..errors import ParameterError

__all__ = ["read_vis"]

MAGIC = b"OSKARBIN"
HEADER, BLOCK = 11, 12  # groups of tags
TIMES, CHANNELS, STATIONS, POLARISATION, CASA = 8, 10, 11, 12, 13
FREQUENCY, INCREMENT = 23, 24
SIZES, CROSS, BASELINE, STATION = 1, 3, 4, 7  # the first of three for the last two: u, v, w
SIMPLE = {1: "S1", 2: "<i4", 4: "<f4", 8: "<f8"}


def read_vis(path: Path) -> tuple[np.ndarray, np.ndarray, u.Quantity, np.ndarray]:
    """Stokes I of the cross-correlations, in the conventions of `predict`; see `export.read_visibilities`.

    OSKAR's baselines are antenna p minus antenna q for p < q; they are turned about.

    Raises:
        ParameterError: not an OSKAR file, cut short, without cross-correlations, of a polarisation that has no
            Stokes I, or in the CASA phase convention.
    """
    chunks = _chunks(path)
    header = {number: values for group, number, index, values in chunks if group == HEADER and index == 0}
    missing = {TIMES, CHANNELS, STATIONS, POLARISATION, FREQUENCY, INCREMENT} - set(header)
    if missing:
        raise ParameterError(f"{path} is no OSKAR visibility file: its header lacks tags {sorted(missing)}.")
    if CASA in header and int(header[CASA][0]):
        raise ParameterError(f"{path} is in the CASA phase convention; run OSKAR with casa_phase_convention=false.")
    times, channels, stations = (int(header[tag][0]) for tag in (TIMES, CHANNELS, STATIONS))
    p, q = np.triu_indices(stations, k=1)
    data = np.full((times, len(p), channels), np.nan, np.complex128)
    uvw = np.full((times, len(p), 3), np.nan)
    blocks: dict[int, dict[int, np.ndarray]] = {}
    for group, number, index, values in chunks:
        if group == BLOCK:
            blocks.setdefault(index, {})[number] = values
    for block in blocks.values():
        if SIZES not in block or CROSS not in block:
            raise ParameterError(f"{path} holds no cross-correlations.")
        first, channel, count, width = (int(n) for n in block[SIZES][:4])
        when, which = slice(first, first + count), slice(channel, channel + width)
        shape = (-1, width, len(p)) if block[CROSS].ndim == 1 else (-1, width, len(p), 4)
        data[when, :, which] = np.moveaxis(_intensity(block[CROSS].reshape(shape)[:count], header, path), 1, 2)
        uvw[when] = _baselines(block, count, p, q, path)
    frequencies = float(header[FREQUENCY][0]) + float(header[INCREMENT][0]) * np.arange(channels)
    pairs = np.tile(np.stack([p, q], axis=1), (times, 1))
    return data.reshape(-1, channels), uvw.reshape(-1, 3), frequencies * u.Hz, pairs


def _intensity(values: np.ndarray, header: dict, path: Path) -> np.ndarray:
    """Stokes I of scalars or of the four products: (T, channel, baseline[, 4]) to (T, channel, baseline)."""
    kind = int(header[POLARISATION][0])
    if values.ndim == 3:
        if kind not in (1, 11, 14):
            raise ParameterError(f"{path} holds polarisation type {kind}, which is neither Stokes I nor XX nor YY.")
        return values
    return values[..., 0] if kind == 0 else 0.5 * (values[..., 0] + values[..., 3])


def _baselines(block: dict, count: int, p, q, path: Path) -> np.ndarray:
    """Antenna q minus antenna p from the block's baselines or stations: (T, baseline, 3) m."""
    if STATION in block:
        stations = np.stack([block[STATION + i] for i in range(3)], axis=-1)
        stations = stations.reshape(-1, int(q.max()) + 1, 3)[:count]
        return stations[:, q] - stations[:, p]
    if BASELINE not in block:
        raise ParameterError(f"{path} holds neither baseline nor station coordinates.")
    return -np.stack([block[BASELINE + i] for i in range(3)], axis=-1).reshape(-1, len(p), 3)[:count]


def _chunks(path: Path) -> list[tuple[int, int, int, np.ndarray]]:
    """(group, tag, index, values) of every chunk with numeric tags."""
    raw = path.read_bytes()
    if raw[:8] != MAGIC or len(raw) < 64:
        raise ParameterError(f"{path} is not an OSKAR binary file: it does not begin with {MAGIC.decode()}.")
    found, at = [], 64
    while at + 20 <= len(raw):
        if raw[at : at + 1] != b"T" or raw[at + 2 : at + 3] != b"G":
            raise ParameterError(f"{path} is damaged at byte {at}: a tag was expected there.")
        flags, kind, group, number = raw[at + 4 : at + 8]
        index, size = struct.unpack("<iq", raw[at + 8 : at + 20])
        start, end = at + 20, at + 20 + size
        if size < 0 or end > len(raw):
            raise ParameterError(f"{path} is cut short in the chunk at byte {at}.")
        if not flags & 0x80:  # tags with names in place of numbers are not those of visibilities
            payload = raw[start : end - 4 if flags & 0x40 else end]
            found.append((group, number, index, _values(payload, kind, bool(flags & 0x20), path)))
        at = end
    return found


def _values(payload: bytes, kind: int, big_endian: bool, path: Path) -> np.ndarray:
    if kind & 0x0F not in SIMPLE:
        raise ParameterError(f"{path} has a chunk of the unknown type {kind}.")
    plain = SIMPLE[kind & 0x0F]
    values = np.frombuffer(payload, plain.replace("<", ">") if big_endian else plain)
    if kind & 0x20:
        values = values[0::2] + 1j * values[1::2]
    return values.reshape(-1, 4) if kind & 0x40 else values
