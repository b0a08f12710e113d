"""The numbers that a report leads with: name, what it means, what is good. One table, used by text, page and board."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["GROUPS", "HEADLINES", "UNDEFINED", "Headline", "format_error", "format_number", "format_value", "unit_of"]

UNDEFINED = "–"


@dataclass(frozen=True)
class Headline:
    """One metric of a field.

    Attributes:
        key: its name in `Report.metrics[field]` and in report.json.
        label: a few words.
        group: the heading it stands under.
        unit: "step" for the unit of the comparison scale (dex, or the field's own), "dex", "dB", "sd", "%" or none.
        ideal: the value of a perfect sampler, None where that depends on the data.
        better: "low", "high" or "ideal" (nearer to `ideal`); None where the number only informs.
        explanation: one sentence.
    """

    key: str
    label: str
    group: str
    unit: str
    ideal: float | None
    better: str | None
    explanation: str


SCORE, SURE, SHAPE, AMOUNT, FORM = "Overall score", "Calibration", "Structure", "Amounts", "Morphology"
NOVEL, SKY = "Diversity and memory", "Telescope"
GROUPS = (SCORE, SURE, SHAPE, AMOUNT, FORM, NOVEL, SKY)

# fmt: off
HEADLINES = (
    Headline("crps", "CRPS, pixels", SCORE, "step", None, "low",
             "Fair CRPS, mean over pixels: accuracy and honest spread in one; mean error of a deterministic mapper."),
    Headline("energy_score", "Energy score, maps", SCORE, "step", None, "low",
             "The CRPS of whole maps, per root pixel: also sees whether pixels vary together as they should."),
    Headline("crps_total", "CRPS, total", SCORE, "step", None, "low",
             "Fair CRPS of the total of each map: log10 of the integral, or the mean of a signed field."),
    Headline("rmse", "RMSE of the mean", SCORE, "step", None, "low",
             "Root mean square error of the posterior mean over pixels; a blurred map does well here."),
    Headline("psnr", "PSNR of the mean", SCORE, "dB", None, "high",
             "Peak signal to noise of the posterior mean; the range is fixed for the dataset."),
    Headline("ssim", "SSIM of the mean", SCORE, "", 1.0, "high",
             "Structural similarity of the posterior mean."),
    Headline("ms_ssim", "MS-SSIM of the mean", SCORE, "", 1.0, "high",
             "The same over scales of 1, 2, 4 ... pixels."),
    Headline("bits_per_dim", "Bits per dimension", SCORE, "", None, "low",
             "-log2 p(truth | source) per pixel, a density in the unit of the map; of all targets together."),
    Headline("bits_per_dim_dex", "the same, per dex", SCORE, "", None, "low",
             "The density per dex instead, which does not depend on the unit."),
    Headline("spread_skill", "Spread / error, pixels", SURE, "", 1.0, "ideal",
             "Ensemble spread over the error of its mean: below 1 too sure, above 1 too unsure."),
    Headline("spread_skill_total", "Spread / error, total", SURE, "", 1.0, "ideal",
             "The same for the total of each map."),
    Headline("coverage_68", "Truth in 68 % interval", SURE, "%", 68.0, "ideal",
             "Share of pixels whose truth lies in the central 68 % of the samples."),
    Headline("coverage_95", "Truth in 95 % interval", SURE, "%", 95.0, "ideal",
             "Share of pixels whose truth lies in the central 95 % of the samples."),
    Headline("tarp_area", "TARP area", SURE, "", 0.0, "low",
             "Joint calibration of 4 × 4 block means, reference points from the source; 0 is right, but for chance."),
    Headline("tarp_deviation", "TARP, largest deviation", SURE, "", 0.0, "low",
             "Largest distance of the same curve from the diagonal; 1.36 / root of the number of galaxies by chance."),
    Headline("tarp_sample_area", "TARP area, inner", SURE, "", 0.0, "low",
             "The same with a held-out sample as reference point: very sensitive to a posterior of the wrong width."),
    Headline("tarp_null95", "TARP area by chance", SURE, "", None, None,
             "A right posterior stays below this area in 95 % of evaluations with as many galaxies."),
    Headline("exchange_gap", "r(truth) − r(samples)", SURE, "", 0.0, "ideal",
             "Correlation of a sample with the truth less that of two samples, k < 0.7 Nyquist: 0 where exchangeable."),
    Headline("exchange_sigma", "the same in sigma", SURE, "", 0.0, "ideal",
             "The gap over its standard error; beyond 3 the truth does not look like one more sample."),
    Headline("transfer_low", "T(k), large scales", SHAPE, "", 1.0, "ideal",
             "Root of the power of a sample over that of the truth, median over galaxies, k < 0.3 Nyquist."),
    Headline("transfer_high", "T(k), small scales", SHAPE, "", 1.0, "ideal",
             "The same for 0.3–0.7 Nyquist; below 1 means blurred."),
    Headline("transfer_misfit", "T(k), largest misfit", SHAPE, "", 0.0, "low",
             "Largest |T(k) − 1| of that median, k < 0.5 Nyquist."),
    Headline("transfer_oracle", "the same over the oracle's T(k)", SHAPE, "", 0.0, "low",
             "Largest |T(k) / T(k) of the oracle − 1|: free of the chance in which galaxies were tested."),
    Headline("transfer_mean_high", "T(k) of the mean, small", SHAPE, "", None, None,
             "The same for the posterior mean, which must be blurred: it only informs."),
    Headline("power_ratio", "Power, largest misfit", SHAPE, "%", 0.0, "low",
             "Largest |⟨P samples⟩ / ⟨P truth⟩ − 1| of the means over galaxies, k < 0.7 Nyquist."),
    Headline("power_sigma", "the same in sigma", SHAPE, "", None, "low",
             "Largest misfit over its standard error; up to about 3 is chance."),
    Headline("correlation_low", "r(k) with truth", SHAPE, "", None, "high",
             "Cross-correlation of a sample with the truth, k < 0.3 Nyquist: how much the source determines."),
    Headline("correlation_samples", "r(k) among samples", SHAPE, "", None, None,
             "Cross-correlation of two samples of one source: should equal the row above."),
    Headline("relation_source", "r(k) with the source, misfit", SHAPE, "", 0.0, "low",
             "Largest |difference| of the median correlation with the source, samples against truths, trusted k."),
    Headline("relation_targets", "r(k) among targets, misfit", SHAPE, "", 0.0, "low",
             "The same between this target and the others."),
    Headline("minkowski_misfit", "Minkowski functionals", SHAPE, "sd", 0.0, "low",
             "RMS over thresholds of the shift of area, border and Euler number, over the truths' scatter."),
    Headline("peaks_misfit", "Peak counts", SHAPE, "sd", 0.0, "low",
             "The same for the number of peaks in six classes of height."),
    Headline("bispectrum_equilateral", "Bispectrum, equilateral", SHAPE, "sd", 0.0, "low",
             "The same for the reduced bispectrum Q(k) of linear maps."),
    Headline("bispectrum_squeezed", "Bispectrum, squeezed", SHAPE, "sd", 0.0, "low",
             "The same for triangles with one side of the frame's size."),
    Headline("frechet_ratio", "Fréchet scattering, over real", SHAPE, "", 1.0, "ideal",
             "Fréchet distance of samples from other galaxies' truths, over that of truths from those: 1 is right."),
    Headline("frechet", "Fréchet scattering distance", SHAPE, "", None, "low",
             "Of the logarithms of scattering coefficients, over the truths' scatter."),
    Headline("frechet_floor", "the same, real against real", SHAPE, "", None, None,
             "Between the truths of two halves of the galaxies: what no sampler can beat but by chance."),
    Headline("total_bias", "Total, bias", AMOUNT, "dex", 0.0, "ideal",
             "Median of log10(total of a sample / total of the truth)."),
    Headline("total_scatter", "Total, scatter", AMOUNT, "dex", None, "low",
             "Half the 16–84 % range of the same ratio; has a floor set by what the source leaves open."),
    Headline("pixel_distance", "Pixel distribution", AMOUNT, "step", 0.0, "low",
             "Wasserstein-1 distance of the distributions of all pixels of samples and truths."),
    Headline("floor_excess", "Empty pixels, excess", AMOUNT, "%", 0.0, "ideal",
             "Share of pixels at the floor in the samples less that in the truth."),
    Headline("profile_error", "Radial profile", AMOUNT, "dex", None, "low",
             "Median |difference| of log10 of the azimuthal mean, sample against truth."),
    Headline("radius_bias", "Half-mass radius, bias", FORM, "dex", 0.0, "ideal",
             "Median of log10(half-mass radius of sample / truth)."),
    Headline("concentration_shift", "Concentration, shift", FORM, "sd", 0.0, "ideal",
             "Mean C of samples less that of truths, over the scatter of the truths."),
    Headline("asymmetry_shift", "Asymmetry, shift", FORM, "sd", 0.0, "ideal",
             "The same for the asymmetry A."),
    Headline("gini_shift", "Gini, shift", FORM, "sd", 0.0, "ideal",
             "The same for the Gini coefficient."),
    Headline("clumpiness_shift", "Clumpiness, shift", FORM, "sd", 0.0, "ideal",
             "The same for the clumpiness S."),
    Headline("m20_shift", "M20, shift", FORM, "sd", 0.0, "ideal",
             "The same for the second moment of the brightest fifth."),
    Headline("damped_excess", "Damped absorbers, excess", FORM, "%", 0.0, "ideal",
             "Share of the frame above log N_HI = 20.3 in the samples less that in the truths."),
    Headline("size_shift", "HI size-mass, shift", FORM, "dex", 0.0, "ideal",
             "Offset of the samples' HI diameters, at given mass, from the truths' (relation of Wang et al. 2016)."),
    Headline("size_scatter_samples", "HI size-mass, scatter", FORM, "dex", None, None,
             "Scatter of the samples about the relation; observed discs have 0.06 dex."),
    Headline("size_scatter_truth", "the same of the truths", FORM, "dex", None, None,
             "Scatter of the truths about the relation."),
    Headline("diversity", "Diversity of samples", NOVEL, "step", None, None,
             "Root mean square distance between two samples of one source, per pixel."),
    Headline("diversity_ratio", "the same over the oracle's", NOVEL, "", 1.0, "ideal",
             "1 for a right sampler, near 0 for one that ignores its noise; needs the oracle among the baselines."),
    Headline("precision", "Precision", NOVEL, "", None, "high",
             "Share of samples among real maps: within the ball of one, in scattering features."),
    Headline("recall", "Recall", NOVEL, "", None, "high",
             "Share of real maps among samples, within the ball of one."),
    Headline("density", "Density", NOVEL, "", 1.0, "ideal",
             "Mean number of real balls about a sample, over their expected number."),
    Headline("feature_coverage", "Coverage", NOVEL, "", 1.0, "high",
             "Share of real maps whose ball holds a sample; about 0.97 for a right sampler."),
    Headline("copied", "Copies of training maps", NOVEL, "%", 1.0, "low",
             "Share of samples nearer to a training map, turned or mirrored, than all but 1 % of the truths are."),
    Headline("memory_z", "Nearness to training maps", NOVEL, "", None, None,
             "z of the rank test of those distances, samples against truths: below −3 too near, or only too smooth."),
    Headline("chi_square", "χ² of samples, observed again", SKY, "", 1.0, "ideal",
             "Mean squared difference from the dirty image over the noise variance, median over galaxies."),
    Headline("chi_square_truth", "the same of the truth", SKY, "", None, None,
             "1 but for chance."),
    Headline("flux_error", "Flux on the sky, error", SKY, "%", 0.0, "ideal",
             "Median of flux of a sample / flux of the truth − 1."),
    Headline("flux_scatter", "Flux on the sky, scatter", SKY, "%", None, "low",
             "Half the 16–84 % range of the same."),
)
# fmt: on


def format_value(value: float | None, headline: Headline, step: str = "dex") -> str:
    """The value with three significant digits and its unit; an en dash where it is undefined."""
    number = format_number(value, headline)
    return number if number == UNDEFINED else f"{number} {unit_of(headline, step)}".strip()


def format_number(value: float | None, headline: Headline) -> str:
    """The value alone, for a column whose unit stands elsewhere; signed where 0 is ideal and either side possible."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    sign = "+" if headline.ideal == 0.0 and headline.better == "ideal" else ""
    if headline.unit == "%":
        return f"{value:{sign}.1f}" if abs(value) < 1e4 else f"{value:{sign}.1e}"
    free = headline.ideal is None or headline.unit == "step"  # any size is usual, as of Jy/beam
    small = free and value != 0 and not 1e-3 <= abs(value) < 1e4
    form = f"{sign}.2e" if small else f"{sign}.{3 if abs(value) < 10 else 1}f"
    return f"{value:{form}}"


def format_error(error: float) -> str:
    """A standard error with two significant digits, final zeros kept: 0.060, 4.0, 13."""
    if error == 0 or not 1e-4 <= abs(error) < 1e4:
        return f"{error:.1e}" if error else "0"
    return f"{error:.{max(0, 1 - math.floor(math.log10(abs(error))))}f}"


def unit_of(headline: Headline, step: str) -> str:
    """The unit of a metric, of a field that is compared in `step`; empty for none."""
    return step if headline.unit == "step" else headline.unit
