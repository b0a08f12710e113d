"""The mathematics of EDM, with weights that are known."""

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine, Log10
from skazoo.errors import ParameterError
from skazoo.mappers import Diffusion
from skazoo.mappers.parametrisation import preconditioning, prediction, skip_and_out

SIGMAS = np.geomspace(0.002, 80.0, 25).astype(np.float32)
PLAIN = {"a": Affine(), "b": Affine()}


def tiny(**arguments):
    arguments = {"transforms": PLAIN, "width": 8, "multipliers": (1, 2), "stem": 2, **arguments}
    return Diffusion("a", "b", 16, **arguments)


class Exact:
    """Stands where the network is: the prediction that makes D exact for y ~ N(slope * source, spread^2)."""

    def __init__(self, slope, spread, sigma_data=1.0, kind="edm"):
        self.slope, self.spread, self.sigma_data, self.kind = slope, spread, sigma_data, kind

    def __call__(self, inputs, training=False):
        scaled, source, level = inputs
        sigma = ops.exp(4.0 * ops.reshape(level, (-1, 1, 1, 1)))
        inward, _ = preconditioning(sigma, self.sigma_data)
        x = scaled / inward
        mean = self.slope * source
        denoised = mean + self.spread**2 / (self.spread**2 + sigma**2) * (x - mean)
        return prediction(self.kind, denoised, x, sigma, self.sigma_data)


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_preconditioning_keeps_unit_variance(sigma_data):
    inward, level = (ops.convert_to_numpy(c) for c in preconditioning(ops.array(SIGMAS), sigma_data))
    skip, out = skip_and_out("edm", SIGMAS, sigma_data)
    s2 = SIGMAS.astype(float) ** 2
    assert np.allclose(inward**2 * (sigma_data**2 + s2), 1.0, rtol=1e-5)  # input of F
    residual = (1 - skip) ** 2 * sigma_data**2 + skip**2 * s2  # Var(y - c_skip x), the target of F times c_out
    assert np.allclose(residual / out**2, 1.0, rtol=1e-4)
    weight = (s2 + sigma_data**2) / (SIGMAS * sigma_data) ** 2
    assert np.allclose(weight * out**2, 1.0, rtol=1e-5)
    assert np.allclose(level, np.log(SIGMAS) / 4, rtol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"weighting": "uniform"},
        {"parametrisation": "eps", "schedule": "linear"},
        {"parametrisation": "v", "schedule": "cosine"},
        {"parametrisation": "x0"},
    ],
)
def test_loss_is_one_before_training(arguments):
    mapper = tiny(**arguments)
    y = np.random.default_rng(0).normal(size=(64, 16, 16, 1)).astype(np.float32)
    losses = ops.convert_to_numpy(mapper.network_loss(ops.array(y), ops.zeros_like(y), training=True))
    assert losses.shape == (64,)
    assert losses.mean() == pytest.approx(1.0, abs=5 / np.sqrt(64 * 256))
    assert np.abs(losses - 1).max() < 0.5  # at every noise level, not on average


def test_denoiser_before_training_is_the_linear_one():
    mapper = tiny()
    x = np.random.default_rng(0).normal(size=(25, 16, 16, 1)).astype(np.float32)
    denoised = ops.convert_to_numpy(mapper.denoise(ops.array(x), ops.array(SIGMAS), ops.zeros_like(x)))
    assert np.allclose(denoised, x / (1 + SIGMAS**2)[:, None, None, None], rtol=1e-5)


def test_exact_network_has_the_lowest_loss():
    """The expected loss of the exact denoiser is its posterior variance, in units of c_out^2."""
    mapper = tiny(weighting="uniform", noise_mean=0.0, noise_std=1.0)
    mapper.network = Exact(slope=2.0, spread=0.3, sigma_data=1.0)
    rng = np.random.default_rng(0)
    c = rng.normal(size=(256, 16, 16, 1)).astype(np.float32)
    y = 2.0 * c + 0.3 * rng.normal(size=c.shape).astype(np.float32)
    loss = float(np.mean(ops.convert_to_numpy(mapper.network_loss(ops.array(y), ops.array(c), training=True))))
    s2 = np.exp(2 * np.random.default_rng(1).normal(size=400_000))
    expected = np.mean(0.3**2 * s2 / (0.3**2 + s2) * (s2 + 1) / s2)
    assert loss == pytest.approx(expected, rel=0.05)


def test_samples_of_the_exact_network_have_the_right_distribution():
    """Through the whole of `sample`: transforms, noise per row, sampler."""
    mapper = tiny(transforms={"a": Log10(1.0), "b": Affine(100.0, 10.0)})
    mapper.network = Exact(slope=-0.5, spread=0.4, sigma_data=1.0)
    source = np.full((2, 16, 16, 1), 10.0, np.float32)
    source[1] = 1000.0
    samples = mapper.sample(source, num_samples=24)
    assert samples.shape == (24, 2, 16, 16, 1)
    for row, power in enumerate((1.0, 3.0)):
        assert samples[:, row].mean() == pytest.approx(100 - 5 * power, abs=0.3)
        assert samples[:, row].std() == pytest.approx(4.0, rel=0.04)
    posterior = mapper.posterior(source, num_samples=24, quantiles=(0.1, 0.5, 0.9))
    assert np.allclose(posterior.mean, samples.mean(0), atol=1e-3)
    assert np.allclose(posterior.std, samples.std(0, ddof=1), atol=1e-3)
    assert np.allclose(posterior.quantiles, np.quantile(samples, (0.1, 0.5, 0.9), axis=0), atol=1e-3)


def test_noise_levels_of_training_are_stratified(monkeypatch):
    mapper = tiny(noise_mean=-0.3, noise_std=1.1, weighting="uniform")
    seen = []

    def spy(inputs, training=False):
        seen.append(4.0 * ops.convert_to_numpy(inputs[2])[:, 0])
        return ops.zeros_like(inputs[0])

    mapper.network = spy
    y = np.zeros((64, 16, 16, 1), np.float32)
    for training in (True, False, False):
        mapper.network_loss(ops.array(y), ops.array(y), training=training)
    from scipy.stats import norm

    share = norm.cdf((seen[0] + 0.3) / 1.1)
    assert np.array_equal(np.floor(share * 64 + 1e-4 * (share < 0.5) - 1e-4 * (share > 0.5)), np.arange(64))
    assert np.array_equal(seen[1], seen[2])  # validation always sees the same noise
    assert np.allclose(norm.cdf((seen[1] + 0.3) / 1.1), (np.arange(64) + 0.5) / 64, atol=1e-3)


def test_churn_needs_no_global_state_and_is_reproducible():
    mapper = tiny()
    source = np.zeros((1, 16, 16, 1), np.float32)
    first, again = (mapper.sample(source, 2, seed=3, steps=4, sampler="heun", churn=8.0) for _ in range(2))
    plain = mapper.sample(source, 2, seed=3, steps=4, sampler="heun")
    assert np.array_equal(first, again) and not np.allclose(first, plain)


@pytest.mark.parametrize("kind", ["eps", "v", "x0"])
def test_every_parametrisation_is_the_same_denoiser(kind):
    one, other = tiny(), tiny(parametrisation=kind)
    one.network, other.network = Exact(2.0, 0.3), Exact(2.0, 0.3, kind=kind)
    x = np.random.default_rng(0).normal(size=(25, 16, 16, 1)).astype(np.float32) * (1 + SIGMAS[:, None, None, None])
    found = (
        ops.convert_to_numpy(each.denoise(ops.array(x), ops.array(SIGMAS), ops.ones_like(x))) for each in (one, other)
    )
    assert np.allclose(*found, atol=3e-5)  # eps at sigma = 80: 80 float32 roundings
    source = np.ones((1, 16, 16, 1), np.float32)
    assert np.allclose(one.sample(source, 2, steps=8), other.sample(source, 2, steps=8), atol=1e-4)


def test_noise_levels_of_the_schedules_and_min_snr(monkeypatch):
    seen = []

    def spy(inputs, training=False):
        seen.append(np.exp(4.0 * ops.convert_to_numpy(inputs[2])[:, 0].astype(float)))
        return ops.zeros_like(inputs[0])

    y = np.random.default_rng(0).normal(size=(64, 16, 16, 1)).astype(np.float32)
    share = (np.arange(64) + 0.5) / 64
    beta = 0.1 * share + 0.5 * 19.9 * share**2
    for schedule, sigma in {"cosine": np.tan(np.pi / 2 * share), "linear": np.sqrt(np.exp(beta) - 1)}.items():
        mapper = tiny(schedule=schedule, parametrisation="eps", weighting="min_snr")
        mapper.network = spy
        loss = ops.convert_to_numpy(mapper.network_loss(ops.array(y), ops.array(y), training=False))
        assert np.allclose(seen[-1], sigma, rtol=1e-4)
        assert np.allclose(loss, np.minimum(sigma**-2.0, 5.0) * sigma**2, rtol=0.3)  # of eps: min(SNR, 5) / SNR


@pytest.mark.parametrize("sampler", ["ddim", "ancestral", "dpm_solver"])
def test_other_samplers_reach_the_distribution(sampler):
    mapper = tiny()
    mapper.network = Exact(slope=-0.5, spread=0.4)
    samples = mapper.sample(np.ones((1, 16, 16, 1), np.float32), 24, sampler=sampler, steps=100)
    assert samples.mean() == pytest.approx(-0.5, abs=0.03) and samples.std() == pytest.approx(0.4, rel=0.1)


def test_wrap_stands_between_denoiser_and_sampler():
    mapper = tiny()
    mapper.network = Exact(slope=1.0, spread=0.3)
    source = np.zeros((1, 16, 16, 1), np.float32)
    plain = mapper.sample(source, 2)
    assert np.array_equal(mapper.sample(source, 2, wrap=lambda denoise: denoise), plain)
    shifted = mapper.sample(source, 2, wrap=lambda denoise: lambda x, sigma: denoise(x - 2.0, sigma) + 2.0)
    assert np.allclose(shifted.mean() - plain.mean(), 2.0, atol=0.02)


@pytest.mark.parametrize(
    ("noise", "sampler", "first"),
    [((-0.8, 1.4), "multistep", 60.34), ((0.5, 1.8), "multistep", 200), ((0.5, 1.8), "narrow", 20)],
)
def test_sampling_starts_at_noise_that_training_saw(noise, sampler, first):
    levels = []

    def wrap(denoise):
        return lambda x, sigma: levels.append(sigma) or denoise(x, sigma)

    mapper = tiny(noise_mean=noise[0], noise_std=noise[1])
    mapper.sample(np.ones((1, 16, 16, 1), np.float32), 1, steps=3, sampler=sampler, wrap=wrap)
    assert levels[0] == pytest.approx(first, rel=1e-3) and len(levels) == 4  # one call to start, one per level


def test_large_scales_keep_their_mean():
    """A map's mean is a Fourier mode n times as far out as a pixel: here 64 +- 30 beside a first noise of 200."""
    mapper = tiny(noise_mean=0.5, noise_std=1.8)
    mapper.network = Exact(slope=64.0, spread=30.0)
    samples = mapper.sample(np.ones((1, 16, 16, 1), np.float32), 24)
    error = 30 / samples.size**0.5
    assert samples.mean() == pytest.approx(64, abs=0.5 + 4 * error)  # 10 less, were the start noise alone
    assert samples.std() == pytest.approx(30, rel=0.05)


def test_guidance():
    mapper = tiny(source_dropout=0.2)
    mapper.network = Exact(slope=1.0, spread=0.3)
    source = np.ones((1, 16, 16, 1), np.float32)
    plain = mapper.sample(source, 2)
    assert np.array_equal(mapper.sample(source, 2, guidance=1.0), plain)
    with pytest.warns(UserWarning, match="calibration"):
        pushed = mapper.sample(source, 2, guidance=2.0)
    assert pushed.mean() == pytest.approx(2.0, abs=0.05)  # without source the mean is 0


def exact_log_prob(y, mean, spread):
    residual = ((y - mean) / spread).reshape(len(y), -1).astype(float)
    return -0.5 * np.sum(residual**2, 1) - residual.shape[1] * np.log(np.sqrt(2 * np.pi) * spread)


def test_log_prob_and_elbo_of_the_exact_network_in_physical_units():
    mapper = tiny(transforms={"a": Affine(), "b": Affine(100.0, 10.0)})
    mapper.network = Exact(slope=2.0, spread=0.3)
    rng = np.random.default_rng(0)
    c = rng.normal(size=(5, 16, 16, 1)).astype(np.float32)
    y = 100 + 10 * (2.0 * c + 0.3 * rng.normal(size=c.shape)).astype(np.float32)
    exact = exact_log_prob(y, 100 + 20 * c, 3.0) / 256
    found = mapper.log_prob(y, c)
    assert mapper.likelihood == "exact" and np.abs(found / 256 - exact).max() < 1e-3
    assert np.allclose(found, mapper.log_prob(y, c, chunk=2), atol=1e-2)
    assert np.allclose(found[3:], mapper.log_prob(y, c, probes=2)[3:], atol=1e-2)  # dD/dx is a multiple of 1 here
    many = np.tile(y, (8, 1, 1, 1)), np.tile(c, (8, 1, 1, 1))
    bound = mapper.elbo(*many, steps=128).reshape(8, 5) / 256
    assert np.mean(exact - bound) == pytest.approx(0.0, abs=0.03)  # tight here; its noise is 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(transforms={"a": Affine()}), "unknown field 'b'"),
        (dict(transforms={**PLAIN, "c": Affine()}), "field in transforms"),
        (dict(sigma_data=0.0), "sigma_data"),
        (dict(padding="same"), "padding"),
        (dict(parametrisation="score"), "parametrisation"),
        (dict(schedule="sine"), "schedule"),
        (dict(weighting="snr"), "weighting"),
        (dict(source_dropout=1.0), "source_dropout"),
        (dict(multipliers=(1, 2, 2, 2), stem=4), "image_size"),
    ],
)
def test_constructor_refusals(arguments, message):
    with pytest.raises(ParameterError, match=message):
        tiny(**arguments)


def test_refusals_in_use():
    mapper, source = tiny(), np.zeros((1, 16, 16, 1), np.float32)
    for call, message in [
        (lambda: mapper.sample(source, sampler="ddpm2"), "sampler"),
        (lambda: mapper.sample(source, sampler="heun", eta=1.0), "sampler with eta"),
        (lambda: mapper.sample(source, guidance=2.0), "source_dropout"),
        (lambda: mapper.elbo(source, source, steps=0), "steps"),
        (lambda: mapper.sample(source, num_samples=0), "num_samples"),
        (lambda: mapper.sample(source, steps=0), "steps"),
        (lambda: mapper.sample(source, churn=1.0), "churn"),
        (lambda: mapper.sample(source, rows=[1, 2]), "rows"),
        (lambda: mapper.posterior(source, num_samples=1), "two samples"),
        (lambda: mapper.posterior(source, num_samples=4, quantiles=(2.0,)), "quantiles"),
        (lambda: mapper.fit(source, source), "compile"),
        (lambda: mapper.compile(loss="mse"), "own loss"),
        (lambda: Diffusion("a", "b", transforms=PLAIN, dtype="float32", source_=1), "source_"),
    ]:
        with pytest.raises((ParameterError, TypeError), match=message):
            call()
