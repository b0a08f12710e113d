"""What happens around `model.fit`: averages of the weights, schedules, guards, logs, recipes, devices."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "EpochLog": "epoch_log",
        "Run": "run_of_recipe",
        "SampleSheet": "sample_sheet",
        "StopOnNaN": "callbacks",
        "TrainingState": "training_state",
        "WeightAverage": "ema",
        "combine_averages": "ema",
        "find_recipe": "recipe",
        "on_devices": "devices",
        "power_of_length": "ema",
        "read_recipe": "recipe",
        "slow_precision": "precision",
        "warmup_cosine": "schedules",
    },
)
