from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_lm_runs import (
    COEFFICIENTS,
    FITTED,
    FLOORS,
    HELD_OUT,
    SIZES,
    diverged,
    error_of,
    lm_table,
    loss_of,
    noisy,
    resamples_of,
)
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from downlaw.laws import LmLaws, TableError, fit_lm_runs
from downlaw.report.lm_figures import draw_error, draw_loss, write_lm_figures
from downlaw.report.lm_predictions_figure import draw_lm_predictions

Drawn = tuple[pd.DataFrame, LmLaws]


def fitted(runs: pd.DataFrame, **options) -> Drawn:
    return runs, fit_lm_runs(runs, **{"samples": 40} | options)


@pytest.fixture(scope="module")
def exact() -> Drawn:
    return fitted(lm_table())


@pytest.fixture(scope="module")
def measured() -> Drawn:
    runs = noisy(lm_table(), 0.002)
    return fitted(runs, resamples=resamples_of(runs, 0.002))


@pytest.fixture(scope="module")
def without_law() -> Drawn:
    """Two points for a law of three coefficients, and tasks at chance."""
    runs = lm_table()
    few = runs["model"].isin(["xs", "s"]) & (runs["multiplier_asked"] == 20)
    runs["loss_fit"], runs["error_fit"] = few, few
    runs.loc[runs["kind"] == "task", "value"] = 0.74
    return fitted(runs)


def loss_figure(drawn: Drawn, evaluation: str = "news") -> Figure:
    runs, found = drawn
    return draw_loss(runs, found.laws, found.predictions, found.lines, "news", evaluation)


def error_figure(drawn: Drawn) -> Figure:
    runs, found = drawn
    return draw_error(runs, found.laws, found.predictions, found.lines, "news", "news")


def lines_of(axes: Axes, style: str) -> list:
    return [line for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata()) > 2]


def points(axes: Axes) -> dict[tuple[float, float], object]:
    """Marks by where they lie."""
    marks = [line for line in axes.lines if line.get_marker() != "None" and len(line.get_xdata()) == 1]
    return {(mark.get_xdata()[0], mark.get_ydata()[0]): mark for mark in marks}


def bands(axes: Axes) -> list:
    return [each for each in axes.collections if isinstance(each, PolyCollection)]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def footnote(figure: Figure) -> str:
    return figure.texts[-1].get_text().replace("\n", " ")


def flops_of(model: str, multiplier: float) -> float:
    return 6 * SIZES[model] ** 2 * multiplier


def point_of(model: str, multiplier: float, floor: float = FLOORS["news"]) -> tuple[float, float]:
    return flops_of(model, multiplier), round(loss_of(SIZES[model], multiplier, floor), 6)


def test_points_are_reducible_losses_over_compute(exact: Drawn):
    axes = loss_figure(exact).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    marks = points(axes)
    expected = [point_of(*cell) for cell in (*FITTED, *HELD_OUT)]
    at = np.array([(x, y + FLOORS["news"]) for x, y in sorted(marks)])
    np.testing.assert_allclose(at, sorted(expected), rtol=1e-3)
    filled = [place for place, mark in marks.items() if mark.get_markerfacecolor() != "white"]
    assert sorted(x for x, _ in filled) == pytest.approx(sorted(flops_of(*cell) for cell in FITTED))


def test_each_multiplier_has_its_line_colour_and_marker(exact: Drawn):
    figure = loss_figure(exact)
    solid, marks = lines_of(figure.axes[0], "-"), points(figure.axes[0]).values()
    assert len(solid) == 4
    assert len({line.get_color() for line in solid}) == 4
    assert len({(mark.get_color(), mark.get_marker()) for mark in marks}) == 4
    assert legend(figure)[1:] == [
        "M = 20: 4 fitted, 1 held out",
        "M = 80: 1 fitted, 1 held out",
        "M = 160: 0 fitted, 1 held out",
        "M = 320: 1 fitted, 0 held out",
    ]


def test_lines_are_the_law_solid_over_fitted_compute_and_dashed_beyond(exact: Drawn):
    axes = loss_figure(exact).axes[0]
    first, last = flops_of("xs", 20), flops_of("l", 20)
    for solid, dashed in zip(lines_of(axes, "-"), lines_of(axes, "--"), strict=True):
        assert solid.get_xdata()[[0, -1]] == pytest.approx([first, last])
        assert dashed.get_xdata()[[0, -1]] == pytest.approx([last, flops_of("xl", 20)])
    x, y = lines_of(axes, "-")[0].get_data()
    p = COEFFICIENTS
    expected = (p["a"] * 20 ** p["eta"] + p["b"] * 20 ** -p["eta"]) * x ** -p["eta"]
    np.testing.assert_allclose(y, expected, rtol=2e-3)


def test_bands_are_drawn_where_the_noise_is_known_and_said(exact: Drawn, measured: Drawn):
    assert len(bands(loss_figure(measured).axes[0])) == 4
    assert "Bands: 90% interval of the law, with the fitted E taken off, from resampled test" in footnote(
        loss_figure(measured)
    )
    assert not bands(loss_figure(exact).axes[0])
    assert "No bands: the noise of the points is not known" in footnote(loss_figure(exact))
    assert "1 seed: how much another would change is not known." in footnote(loss_figure(exact))


def test_the_footnote_has_the_law_and_how_much_less_compute_it_read(exact: Drawn):
    said = footnote(loss_figure(exact))
    assert "L(C, M) = E + (a * M^eta + b * M^-eta) * C^-eta (Gadre et al. 2024)" in said
    assert "E = 1.8." in said
    ratio = flops_of("xl", 20) / sum(flops_of(*cell) for cell in FITTED)
    assert f"up to {ratio:.0f}x" in said


def test_a_law_without_numbers_is_said_and_not_drawn(without_law: Drawn):
    figure = loss_figure(without_law)
    assert len(points(figure.axes[0])) == 9
    assert not lines_of(figure.axes[0], "-") and not lines_of(figure.axes[0], "--")
    assert legend(figure)[0] == "no loss law: underdetermined"
    assert "Loss as measured: there is no law to tell E." in footnote(figure)
    assert point_of("xs", 20) in points(figure.axes[0])


def test_a_law_that_did_not_converge_is_not_drawn_though_there_are_lines(exact: Drawn):
    runs, found = exact
    laws = found.laws.assign(status="not converged")
    figure = draw_loss(runs, laws, found.predictions, found.lines, "news", "news")
    assert not lines_of(figure.axes[0], "-")
    assert legend(figure)[0] == "no loss law: not converged"


@pytest.mark.parametrize(
    ("floor", "why"), [(0.0, "the fitted E is 0"), (3.0, "1 point lies below the fitted E = 3.")]
)
def test_the_loss_itself_is_drawn_where_no_floor_can_be_taken_off(floor: float, why: str):
    runs = lm_table()
    runs = runs[runs["kind"] == "set"]
    held_out = runs["model"] == "xl"
    runs["value"] = [point_of(row.model, row.multiplier_asked, floor)[1] for row in runs.itertuples()]
    runs.loc[held_out & (floor > 0), "value"] = floor - 0.2
    figure = loss_figure(fitted(runs))
    assert why in footnote(figure)
    assert figure.axes[0].get_ylabel() == "L (nats per token)"
    assert point_of("xs", 20, floor) in points(figure.axes[0])
    assert len(lines_of(figure.axes[0], "-")) == 4


def test_several_seeds_are_a_mean_with_a_bar_and_a_diverged_run_is_counted():
    runs = lm_table(seeds=2, more=[diverged("xl", 20, seed=3)])
    second = (runs["seed"] == 2) & (runs["kind"] == "set")
    runs["value"] = runs["value"].where(~second, runs["value"] * 1.02)
    figure = loss_figure(fitted(runs))
    said = footnote(figure)
    assert "means over up to 2 seeds; bars: smallest and largest run" in said
    assert "1 run diverged; its size and multiplier are not drawn." in said
    assert "1 of 2 held-out points took more compute than all fitted runs together" in said
    assert len(points(figure.axes[0])) == 8
    assert flops_of("xl", 20) not in [x for x, _ in points(figure.axes[0])]
    bars = [c for c in figure.axes[0].collections if not isinstance(c, PolyCollection)]
    (x, low), (_, high) = bars[0].get_segments()[0]
    assert x == pytest.approx(flops_of("xs", 20))
    assert high - low == pytest.approx(0.02 * loss_of(1e7, 20))


def test_errors_lie_over_measured_losses_with_the_law_and_chance(exact: Drawn):
    figure = error_figure(exact)
    axes = figure.axes[0]
    expected = [loss_of(SIZES[model], multiplier) for model, multiplier in (*FITTED, *HELD_OUT)]
    at = np.array(sorted(points(axes)))
    np.testing.assert_allclose(at, [(loss, error_of(loss)) for loss in sorted(expected)], atol=2e-6)
    hollow = [place for place, mark in points(axes).items() if mark.get_markerfacecolor() == "white"]
    assert len(hollow) == 2, "(s, 80) is fitted by the error law alone"
    (solid,), (dashed, *_) = lines_of(axes, "-"), lines_of(axes, "--")
    np.testing.assert_allclose(solid.get_ydata(), [error_of(loss) for loss in solid.get_xdata()], rtol=2e-3)
    assert dashed.get_color() == solid.get_color()
    assert "guessing" in [text.get_text() for text in axes.texts]
    assert any(np.allclose(line.get_ydata(), 0.75) for line in axes.lines)
    assert "mean of 2 tasks: copa and piqa." in footnote(figure)


def test_an_error_law_that_could_not_be_fitted_is_said(without_law: Drawn):
    figure = error_figure(without_law)
    assert legend(figure)[0].startswith("no error law: not fittable (0 of 2 tasks enter the average")
    assert not lines_of(figure.axes[0], "-")
    assert "so all are shown): copa and piqa" in footnote(figure)


def test_predictions_are_drawn_with_their_errors_and_intervals(measured: Drawn):
    runs, found = measured
    figure = draw_lm_predictions(runs, found.predictions)
    assert len(figure.axes) == 4
    off = found.predictions[found.predictions["metric"] == "cross_entropy"]
    upper, lower = figure.axes[1], figure.axes[0]
    assert set(points(upper)) == set(zip(off["observed"], off["predicted"], strict=True))
    assert set(points(lower)) == set(zip(off["observed"], off["relative_error"], strict=True))
    assert len(upper.collections) == len(off) == 6
    errors = off["relative_error"].abs()
    assert f"6 predictions of loss: off by {100 * errors.mean():.1f}% on average" in legend(figure)[1]
    assert "(90%), from resampled test segments" in footnote(figure)


def test_nothing_predicted_is_no_figure(without_law: Drawn):
    assert draw_lm_predictions(without_law[0], without_law[1].predictions) is None


def test_all_files_and_the_same_bytes_twice(measured: Drawn, tmp_path: Path):
    runs, found = measured
    tables = found.laws, found.predictions, found.lines
    paths = write_lm_figures(runs, *tables, tmp_path / "a", formats=["svg"])
    names = ["loss_news_news", "loss_news_web", "error_news", "predictions"]
    assert [path.name for path in paths] == [f"{name}.svg" for name in names]
    shuffled = runs.sample(frac=1, random_state=5)
    again = write_lm_figures(shuffled, *tables, tmp_path / "b", formats=["svg"])
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_any_name_makes_a_file_of_its_own(tmp_path: Path):
    names = {"news": "новости/2024 $a$" + "x" * 60, "web": "новости:2024 $a$" + "x" * 60}
    runs = lm_table(training_set=names["news"])
    runs = runs[runs["kind"] == "set"].replace({"evaluation": names})
    _, found = fitted(runs)
    paths = write_lm_figures(
        runs, found.laws, found.predictions, found.lines, tmp_path, formats=["png"], dpi=20
    )
    assert len({path.name for path in paths}) == 3
    assert all(path.parent == tmp_path and path.stat().st_size for path in paths)


def test_a_broken_table_is_refused(exact: Drawn, tmp_path: Path):
    runs, found = exact
    with pytest.raises(TableError, match="'training_set' is missing"):
        write_lm_figures(
            runs.drop(columns="training_set"), found.laws, found.predictions, found.lines, tmp_path
        )
