"""Problems whose posterior is known exactly, and so are the best possible scores."""

from ...lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"GaussianField": "grf", "score": "grf"})
