"""What SKA-Mid and SKA-Low would see of a sky: arrays, coverage, visibilities, thermal noise, images."""

_HOMES = {
    "Array": "array",
    "Beam": "beam",
    "Cleaned": "deconvolution",
    "CubeObservation": "cube",
    "DirtyImage": "operator",
    "GainErrors": "gains",
    "Observation": "observation",
    "Seen": "seen",
    "SeenCube": "cube",
    "Visibilities": "visibilities",
    "clean": "deconvolution",
    "fit_beam": "beam",
    "hour_angles": "coverage",
    "image": "imaging",
    "point_spread_function": "imaging",
    "predict": "imaging",
    "read_visibilities": "export",
    "uvw": "coverage",
    "wiener": "linear_inverse",
    "write_oskar": "oskar_files",
    "write_visibilities": "export",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
