"""Paired maps for training: generation, splits, statistics, transforms, batches."""

from ..lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "FieldStatistics": "statistics",
        "PairSequence": "sequences",
        "SkaTngConfig": "configurations",
        "examples": "generate",
        "export_hdf5": "export",
        "export_npy": "export",
        "make_example": "generate",
        "pairs": "batches",
        "split_of": "splits",
        "unpaired": "batches",
    },
)
