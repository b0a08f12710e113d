import base64
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from skazoo.errors import DatasetError, OutputError
from skazoo.metrics import Report, Scale, evaluate, scale_of
from skazoo.metrics.figures import calibration_figure, image_sheet
from skazoo.metrics.headlines import HEADLINES, format_error, format_value
from skazoo.metrics.page import table
from skazoo.metrics.standards import GaussianField
from skazoo.metrics.style import figure_style


@pytest.fixture(scope="module")
def report() -> Report:
    problem = GaussianField(size=32, lognormal=True)
    scales = {"field": Scale("field", "Msun kpc-2", "gas <hot>", floor=1e-2)}
    return evaluate(
        problem,
        problem.examples(10, 0),
        num_samples=8,
        baselines={"narrow": GaussianField(size=32, lognormal=True, width=0.5)},
        progress=False,
        scales=scales,
        name="the standard & its test",
        command="skazoo evaluate some_preset",
    )


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    return report.save(tmp_path_factory.mktemp("reports") / "one")


def test_the_page_needs_nothing_else(saved):
    page = (saved / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|@import|url\(|src=\"(?!data:)", page)
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(images) == 6 and all(base64.b64decode(one).startswith(b"\x89PNG") for one in images)
    assert "observed → gas &lt;hot&gt;".replace("→", '<span class="arrow">→</span>') in page
    assert "the standard &amp; its test" in page and "skazoo evaluate some_preset" in page and "narrow" in page


def test_the_json_is_strict_and_complete(saved, report):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    found = json.loads((saved / "report.json").read_text(), parse_constant=refuse)
    assert found["metrics"]["field"]["crps"] == report.metrics["field"]["crps"]
    assert found["fields"]["field"] == {"unit": "Msun kpc-2", "floor": 0.01, "compared_in": "dex"}
    assert set(found["baselines"]) == {"narrow"}
    for key in ("mapper", "parameters", "git_commit", "versions", "dataset", "maps", "num_samples", "seed", "seconds"):
        assert key in found["provenance"]
    assert len(found["curves"]["field"]["k_per_kpc"]) == 15
    assert "numpy" in found["provenance"]["versions"]


def test_every_headline_is_measured(report):
    missing = {one.key for one in HEADLINES if not math.isfinite(report.metrics["field"].get(one.key, math.nan))}
    other = {
        "relation_targets",
        "diversity_ratio",
        "transfer_oracle",
        "copied",
        "memory_z",
    }  # several targets, an oracle, training maps
    hydrogen = {"damped_excess", "size_shift", "size_scatter_samples", "size_scatter_truth"}
    telescope = {"chi_square", "chi_square_truth", "flux_error", "flux_scatter"}
    assert missing == other | hydrogen | telescope


def test_the_summary_is_a_table_with_a_column_for_each_mapper(report):
    lines = report.summary().splitlines()
    assert lines[0].startswith("observed -> field: 10 maps of 10 galaxies, 8 samples each")
    assert lines[1].split() == ["GaussianField", "narrow"]
    assert any(line.startswith("CRPS, pixels") and line.count("dex") == 2 for line in lines)


def test_saving_again_replaces_and_a_file_in_the_way_is_named(saved, report, tmp_path):
    assert report.save(saved) == saved
    assert sorted(path.name for path in saved.iterdir()) == ["report.html", "report.json"]
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        report.save(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_report_without_maps_cannot_be_drawn(report):
    bare = Report(report.source, report.target, report.scales, report.metrics, report.cases, report.curves, {})
    with pytest.raises(DatasetError, match="image sheet"):
        bare.save("/tmp/never")


def test_values_are_written_with_their_unit():
    known = {one.key: one for one in HEADLINES}
    assert format_value(0.12345, known["crps"], "dex") == "0.123 dex"
    assert format_value(-0.0123, known["total_bias"]) == "-0.012 dex"
    assert format_value(67.96, known["coverage_68"]) == "68.0 %"
    assert format_value(2.5e-7, known["crps"], "G") == "2.50e-07 G"
    assert format_value(float("nan"), known["crps"]) == format_value(None, known["crps"]) == "–"


def test_errors_keep_two_digits():
    assert [format_error(one) for one in (0.06, 4.0, 13.2, 0.0093)] == ["0.060", "4.0", "13", "0.0093"]
    assert format_error(0.0) == "0" and format_error(2.5e-7) == "2.5e-07"


def test_the_table_names_units_once_and_marks_the_best_but_never_the_oracle(report):
    found = replace(report, baselines={**report.baselines, "oracle": report.metrics})
    rows = dict(re.findall(r"<tr><td>([^<]+)(<.*?)</tr>", table(found, "field", "dex")))
    assert rows["CRPS, pixels"].count("[dex]") == 1 and rows["CRPS, pixels"].count("dex") == 1
    own, narrow, oracle = re.findall(r"<td(?: class=(\w+))?>", rows["CRPS, pixels"])
    assert {own, narrow} == {"best", ""} and oracle == "oracle"
    assert "68" in rows["Truth in 68 % interval"] and "[%]" in rows["Truth in 68 % interval"]


def test_one_sample_leaves_no_empty_panels():
    problem = GaussianField(size=16)
    report = evaluate(problem, problem.examples(4, 0), 1, progress=False)
    with figure_style():
        sheet = image_sheet(report, "field")
    titles = [axes.get_title() for axes in sheet.axes if axes.get_title()]
    assert titles == ["source", "truth", "sample"] and len(sheet.axes) == 4 * 3 + 2


def test_ranks_of_totals_stay_within_the_frame(report):
    curves = {**report.curves["field"], "pit_total": np.full(10, 0.99)}  # all in the highest of ten classes
    with figure_style():
        ranks = calibration_figure(replace(report, curves={"field": curves}), "field").axes[0]
    assert ranks.get_ylim()[1] > 10


def test_scales_of_registered_and_other_fields():
    hi, velocity, other = scale_of("hi"), scale_of("velocity"), scale_of("no such field")
    assert hi.logarithmic and hi.unit == "Msun kpc-2" and hi.step == "dex"
    np.testing.assert_allclose(hi.apply(np.array([0.0, 1e5])), [np.log10(hi.floor), 5.0])
    assert not velocity.logarithmic and velocity.step == "km s-1" and not other.logarithmic and other.unit == ""
    assert np.isnan(hi.apply(np.array([np.nan]))).all()
