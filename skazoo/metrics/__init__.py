"""Are the samples right, and do we know how sure we are?"""

from importlib import import_module

_HOME = {
    "Report": "report",
    "Scale": "scales",
    "asymmetry": "morphology",
    "clumpiness": "morphology",
    "concentration": "morphology",
    "conditional_diversity": "diversity",
    "coverage": "calibration",
    "cross_correlation": "spectra",
    "cross_spectrum": "spectra",
    "crps": "probabilistic",
    "energy_score": "probabilistic",
    "evaluate": "evaluation",
    "fit_baselines": "baselines",
    "floor_fraction": "one_point",
    "gini": "morphology",
    "half_mass_radius": "profiles",
    "log_pixel_distance": "one_point",
    "log_pixel_histogram": "one_point",
    "m20": "morphology",
    "memorisation": "diversity",
    "nearest_neighbours": "diversity",
    "pit": "calibration",
    "power_spectrum": "spectra",
    "psnr": "image",
    "radial_profile": "profiles",
    "rank_histogram": "calibration",
    "scale_of": "scales",
    "spread_skill": "calibration",
    "ssim": "image",
    "tarp": "calibration",
    "threshold_radius": "profiles",
    "total": "one_point",
    "total_bias": "one_point",
    "transfer_function": "spectra",
    "wavenumber_bins": "spectra",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__():
    return sorted({*globals(), *__all__})
