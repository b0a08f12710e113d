"""Presets and datasets on the Hugging Face Hub: publish, fetch."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "fetch_preset": "fetching",
        "publish_dataset": "dataset_publishing",
        "publish_mapper": "publishing",
        "publish_preset": "publishing",
    },
)
