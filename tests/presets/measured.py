"""A true report, as metrics.json holds it, of a problem whose posterior is known."""

from functools import cache

from skazoo.metrics import Scale, evaluate
from skazoo.metrics.standards import GaussianField


@cache
def measured() -> dict:
    problem = GaussianField(size=16, lognormal=True)
    return evaluate(
        GaussianField(size=16, lognormal=True, width=1.4),
        problem.examples(6, 0),
        num_samples=8,
        baselines={"narrow": GaussianField(size=16, lognormal=True, width=0.5), "oracle": problem},
        progress=False,
        scales={"field": Scale("field", "Msun kpc-2", "gas", floor=1e-2)},
        name="ska_tng/toy_64, test split",
    ).to_dict()
