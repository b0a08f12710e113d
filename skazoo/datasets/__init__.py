"""Paired maps for training: generation, splits, statistics, transforms, batches."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "FieldStatistics": "statistics",
        "examples": "generate",
        "make_example": "generate",
        "pairs": "batches",
        "split_of": "splits",
    },
)
