"""What happens around `model.fit`: averages of the weights, schedules, guards."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "StopOnNaN": "callbacks",
        "WeightAverage": "ema",
        "combine_averages": "ema",
        "power_of_length": "ema",
        "warmup_cosine": "schedules",
    },
)
