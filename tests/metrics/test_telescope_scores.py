import numpy as np
import pytest

from skazoo.datasets.generate import Galaxy, View, examples
from skazoo.errors import DatasetError, ParameterError
from skazoo.metrics import Clean, WienerFilter, evaluate
from skazoo.metrics.noise_bins import NoiseBins
from skazoo.metrics.reobservation import jansky_per_unit, observation_of, reduced_chi_square
from skazoo.metrics.scales import scale_of

VIEW = View(npix=32, fields=("dark_matter", "hi", "brightness_temperature"))


@pytest.fixture(scope="module")
def seen():
    return list(examples([Galaxy("toy", number, snapshot=99) for number in (3, 4, 7)], 1, VIEW))


def test_the_true_sky_explains_its_own_image_and_both_fields_are_the_same_sky(seen):
    for example in seen:
        observation = observation_of(example)
        hi, temperature = (
            example[field].astype(float) * jansky_per_unit(field, observation, float(example["redshift"]))
            for field in ("hi", "brightness_temperature")
        )
        np.testing.assert_allclose(hi, temperature, rtol=1e-4, atol=1e-6 * temperature.max())
        right, empty = reduced_chi_square(np.stack([temperature, 0 * temperature]), example["ska"], observation)
        assert right == pytest.approx(1, abs=0.25)
        assert empty == pytest.approx(
            np.mean(example["ska"].astype(float) ** 2) / float(example["noise_rms"]) ** 2, rel=1e-3
        )


class Truth:
    """Gives the truth, times a factor."""

    source, target = ("ska",), ("hi",)

    def __init__(self, factor):
        self.factor = factor

    def sample_examples(self, examples, num_samples, seed):
        maps = np.stack([one["hi"] for one in examples])[None, ..., None]
        return self.factor * np.repeat(maps, num_samples, axis=0)


def test_chi_square_and_flux_in_a_report(seen):
    baselines = {"double": Truth(2.0), "CLEAN": Clean(), "Wiener": WienerFilter()}
    report = evaluate(Truth(1.0), seen, 4, baselines=baselines, progress=False)
    found = report.metrics["hi"]
    assert found["chi_square"] == pytest.approx(found["chi_square_truth"]) and abs(found["chi_square"] - 1) < 0.2
    assert found["flux_error"] == pytest.approx(0, abs=1e-9)
    double = report.baselines["double"]["hi"]
    assert double["flux_error"] == pytest.approx(100) and double["chi_square"] > found["chi_square"]
    for name in ("CLEAN", "Wiener"):
        assert np.isfinite(report.baselines[name]["hi"]["rmse"])


def test_scores_by_signal_to_noise(seen):
    cases = {"faint": 2.0, "middle": 7.0, "bright": 40.0}
    told = [{**one, "noise_rms": one["ska"].max() / ratio} for one, ratio in zip(seen, cases.values(), strict=True)]
    bins = NoiseBins(scale_of("hi"))
    for one, factor in zip(told, (1.0, 2.0, 0.5), strict=True):
        truth = one["hi"].astype(np.float64)
        bins.add(one, truth, factor * truth[None])
    found = bins.metrics()
    for name, off in zip(cases, (0, 100, 50), strict=True):
        assert found[f"cases_{name}"] == 1 and found[f"correlation_{name}"] == pytest.approx(1)
        assert found[f"flux_error_{name}"] == pytest.approx(off, abs=1e-9)
    assert found["crps_faint"] == 0 < found["crps_middle"] < np.log10(2)  # pixels at the floor stay there
    bins.add(told[0], told[0]["hi"].astype(np.float64), np.zeros((1, 32, 32)))  # an empty map has no r(k)
    assert bins.metrics()["correlation_faint"] == pytest.approx(1) and bins.metrics()["flux_error_faint"] == 50
    empty = NoiseBins(scale_of("hi")).metrics()
    assert empty["cases_faint"] == 0 and np.isnan(empty["crps_faint"])


def test_a_brighter_sky_is_deconvolved_better_than_it_was_seen(seen):
    observation = observation_of(seen[0]).with_hours(1e3)
    factor = jansky_per_unit("hi", observation, 0.0)
    sky = np.zeros((32, 32))
    sky[12:20, 12:20] = 1e7
    image = observation.observe(sky * factor * jansky_pixel(), seed=0)
    example = {**seen[0], "ska": image.dirty.data, "hours": 1e3, "noise_rms": float(image.noise_rms.value)}
    for baseline in (Clean(), WienerFilter()):
        found = baseline.sample_examples([example], 2)
        assert found.shape == (2, 1, 32, 32, 1) and np.all(found >= 0)
        assert found[0].sum() == pytest.approx(sky.sum(), rel=0.25)
        assert np.corrcoef(found[0].ravel(), sky.ravel())[0, 1] > 0.7


def jansky_pixel():
    import astropy.units as u

    return u.Jy / u.pix


def test_mistakes_are_named(seen):
    with pytest.raises(ParameterError, match="source field 'ska'"):
        Clean("dark_matter")
    with pytest.raises(ParameterError, match="gives hi"):
        WienerFilter(target="gas")
    with pytest.raises(DatasetError, match="lacks 'hours'"):
        observation_of({name: value for name, value in seen[0].items() if name != "hours"})
    with pytest.raises(DatasetError, match="view of the dataset's own"):
        observation_of({**seen[0], "noise_rms": 2 * seen[0]["noise_rms"]})
