"""A mapper that forgot its source and follows the telescope's equation instead."""

import numpy as np
import pytest

from skazoo.datasets.generate import Galaxy, View, examples
from skazoo.errors import ParameterError
from skazoo.mappers import Diffusion, guidance_for
from skazoo.metrics.guided import Guided

VIEW = View(npix=32, array="ska-mid-aa2", taper_arcsec=20.0, fields=("hi",))


@pytest.fixture(scope="module")
def seen():
    return list(examples([Galaxy("toy", number, snapshot=99) for number in (0, 1, 2)], 1, VIEW))


def test_its_samples_fit_the_image_and_repeat(seen):
    mapper = Diffusion("ska", "hi", 32, width=8, multipliers=(1,), stem=2, source_dropout=0.1)
    guided = Guided(mapper, VIEW, np.stack([one["hi"] for one in seen]))
    drawn = guided.sample_examples(seen, 2, seed=3)
    assert drawn.shape == (2, 3, 32, 32, 1) and np.all(drawn >= 0)
    assert np.array_equal(drawn, guided.sample_examples(seen, 2, seed=3))
    guide = guidance_for(VIEW, {key: np.stack([one[key] for one in seen]) for key in ("ska", "noise_rms", "redshift")})
    free = mapper.sample(np.stack([one["ska"] for one in seen])[..., None], 2)
    found, before = guide.reduced_chi_square(drawn), guide.reduced_chi_square(free)
    assert np.median(found / before) < 0.6 and found.max() < 4  # of an untrained network


def test_another_mapper_is_refused(seen):
    maps = np.stack([one["hi"] for one in seen])
    for mapper in (
        Diffusion("ska", "hi", 32, width=8, multipliers=(1,), stem=2),
        Diffusion("dark_matter", "hi", 32, width=8, multipliers=(1,), stem=2, source_dropout=0.1),
    ):
        with pytest.raises(ParameterError, match="source_dropout"):
            Guided(mapper, VIEW, maps)
