from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from downlaw.laws import TableError
from downlaw.report.figures import draw_figure, write_figures


def lines_of(axes: Axes, style: str) -> list:
    return [line for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata()) > 2]


def points(axes: Axes) -> list:
    return [line for line in axes.lines if line.get_marker() != "None" and len(line.get_xdata()) == 1]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def footnote(figure: Figure) -> str:
    return figure.texts[-1].get_text()


def test_a_figure_for_each_metric_as_png_and_svg(runs: pd.DataFrame, laws: pd.DataFrame, tmp_path: Path):
    paths = write_figures(runs, laws, tmp_path / "figures")
    metrics = ("cross_entropy", "bleu", "chrf")
    assert [path.name for path in paths] == [
        f"en-de_8000_{metric}.{ending}" for metric in metrics for ending in ("png", "svg")
    ]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {path.name for path in paths}
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()


def test_a_study_can_choose_formats_and_resolution(runs: pd.DataFrame, laws: pd.DataFrame, tmp_path: Path):
    sizes = {}
    for dpi in (50, 200):
        paths = write_figures(runs, laws, tmp_path / str(dpi), formats=["pdf", "png"], dpi=dpi)
        assert {path.suffix for path in paths} == {".pdf", ".png"}
        sizes[dpi] = [path.stat().st_size for path in paths if path.suffix == ".png"]
        assert paths[0].read_bytes().startswith(b"%PDF")
    assert all(small < large for small, large in zip(sizes[50], sizes[200], strict=True))


def test_the_same_tables_give_the_same_bytes(runs: pd.DataFrame, laws: pd.DataFrame, tmp_path: Path):
    formats = ["png", "svg", "pdf"]
    first = [path.read_bytes() for path in write_figures(runs, laws, tmp_path / "a", formats=formats)]
    shuffled = runs.sample(frac=1, random_state=5)
    again = write_figures(shuffled, laws, tmp_path / "b", formats=formats)
    assert [path.read_bytes() for path in again] == first


def test_fitted_points_are_filled_and_held_out_ones_hollow(runs: pd.DataFrame, laws: pd.DataFrame):
    axes = draw_figure(runs, laws, "en-de", 8000, "cross_entropy").axes[0]
    drawn = points(axes)
    hollow = [point for point in drawn if point.get_markerfacecolor() == "white"]
    assert (len(drawn), len(hollow)) == (18, 6)
    assert min(point.get_xdata()[0] for point in hollow) == 32_768 * 16


def test_laws_are_solid_over_fitted_points_and_dashed_beyond(runs: pd.DataFrame, laws: pd.DataFrame):
    axes = draw_figure(runs, laws, "en-de", 8000, "cross_entropy").axes[0]
    assert [len(lines_of(axes, style)) for style in ("-", "--")] == [3, 3]
    for solid, dashed in zip(lines_of(axes, "-"), lines_of(axes, "--"), strict=True):
        assert solid.get_xdata()[[0, -1]] == pytest.approx([32_768, 32_768 * 8])
        assert dashed.get_xdata()[[0, -1]] == pytest.approx([32_768 * 8, 32_768 * 32])
        assert solid.get_color() == dashed.get_color()
    expected = 3.3 + 60 * lines_of(axes, "-")[0].get_xdata() ** -0.35
    np.testing.assert_allclose(lines_of(axes, "-")[0].get_ydata(), expected, rtol=1e-6)


def test_a_law_that_could_not_be_fitted_is_said_and_not_drawn(runs: pd.DataFrame, laws: pd.DataFrame):
    figure = draw_figure(runs, laws, "en-de", 8000, "bleu")
    assert len(lines_of(figure.axes[0], "-")) == 2
    assert len(points(figure.axes[0])) == 18
    assert legend(figure)[2] == "fr+ro (neither, score 0.0): no law: flat"
    assert legend(figure)[0].startswith("en+de (both languages, score 1.0): held-out error 0.0")


def test_an_unidentified_law_is_drawn_and_said(runs: pd.DataFrame, fit):
    runs["bleu"] = runs["pretrain_tokens"].clip(lower=1) ** 0.3
    figure = draw_figure(runs, fit(runs, "bleu"), "en-de", 8000, "bleu")
    assert len(lines_of(figure.axes[0], "-")) == 3
    assert legend(figure)[0].endswith(", unidentified")


def test_mixtures_differ_in_marker_and_are_named_at_the_edge(runs: pd.DataFrame, laws: pd.DataFrame):
    axes = draw_figure(runs, laws, "en-de", 8000, "bleu").axes[0]
    assert len({point.get_marker() for point in points(axes)}) == 3
    assert {text.get_text() for text in axes.texts} == {"en+de", "en", "fr+ro", "no pretraining"}


def test_a_mixture_looks_the_same_at_every_finetuning_size(runs: pd.DataFrame, fit):
    some = runs[runs["mixture"] != "en+de"].assign(finetune_pairs=1000)
    both = pd.concat([runs, some], ignore_index=True)
    looks = []
    for pairs in (1000, 8000):
        axes = draw_figure(both, fit(both, "bleu").iloc[:0], "en-de", pairs, "bleu").axes[0]
        looks.append({text.get_text(): text.get_color() for text in axes.texts})
    assert looks[0].items() < looks[1].items()


def test_names_at_the_edge_do_not_overlap(runs: pd.DataFrame, fit):
    runs["bleu"] = 5.0 + 0.001 * np.arange(len(runs))
    figure = draw_figure(runs, fit(runs, "bleu"), "en-de", 8000, "bleu")
    boxes = [text.get_window_extent(figure.canvas.get_renderer()) for text in figure.axes[0].texts]
    assert len(boxes) == 4
    for number, box in enumerate(boxes):
        assert box.x1 < figure.bbox.width
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_token_labels_do_not_overlap(runs: pd.DataFrame, fit):
    close = runs[runs["pretrain_tokens"] == 32_768].assign(pretrain_tokens=33_500)
    runs = pd.concat([runs, close], ignore_index=True)
    figure = draw_figure(runs, fit(runs, "bleu"), "en-de", 8000, "bleu")
    figure.draw_without_rendering()
    labels = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
    boxes = [label.get_window_extent() for label in labels]
    assert [label.get_text() for label in labels] == ["32.8k", "65.5k", "131k", "262k", "524k", "1.05M"]
    assert not any(left.overlaps(right) for left, right in pairwise(boxes))


def test_the_baseline_is_a_horizontal_line_and_may_be_missing(runs: pd.DataFrame, laws: pd.DataFrame):
    axes = draw_figure(runs, laws, "en-de", 8000, "bleu").axes[0]
    assert [list(line.get_ydata()) for line in axes.lines].count([1.9, 1.9]) == 1
    without = draw_figure(runs[runs["mixture"] != ""], laws, "en-de", 8000, "bleu").axes[0]
    assert "no pretraining" not in {text.get_text() for text in without.texts}


def test_the_footnote_says_what_was_fitted_and_on_how_much(runs: pd.DataFrame, laws: pd.DataFrame):
    words = footnote(draw_figure(runs, laws, "en-de", 8000, "bleu"))
    assert "fitted (4 smallest Dp)" in words
    assert "(ln(A * Dp^alpha))^beta (Isik et al. 2024)" in words
    assert "1 pretraining seed, 1 finetuning seed. Bars: 95% bootstrap interval" in words
    assert "500 test segments" in words
    assert "Bars" not in footnote(draw_figure(runs, laws, "en-de", 8000, "chrf"))


def test_with_several_seeds_the_bars_are_their_range(runs: pd.DataFrame, fit):
    again = runs[runs["mixture"] != ""].assign(finetuning_seed=2)
    again["bleu"] += 0.4
    both = pd.concat([runs, again], ignore_index=True)
    words = footnote(draw_figure(both, fit(both, "bleu"), "en-de", 8000, "bleu"))
    assert "2 finetuning seeds. Bars: smallest and largest run." in words


def test_a_table_without_laws_shows_points_only(runs: pd.DataFrame, laws: pd.DataFrame):
    figure = draw_figure(runs, laws.iloc[:0], "en-de", 8000, "bleu")
    assert not lines_of(figure.axes[0], "-")
    assert legend(figure)[0].endswith("no law fitted")
    assert "Law:" not in footnote(figure)


def test_a_curve_of_a_single_point_is_drawn(runs: pd.DataFrame, fit):
    few = runs[runs["pretrain_tokens"].isin([0, 32_768])]
    figure = draw_figure(few, fit(few, "bleu"), "en-de", 8000, "bleu")
    assert len(points(figure.axes[0])) == 3
    assert legend(figure)[0].endswith("no law: underdetermined")


@pytest.mark.parametrize(("task", "pairs"), [("de-en", 8000), ("en-de", 10)])
def test_a_figure_of_nothing_is_refused(runs: pd.DataFrame, laws: pd.DataFrame, task: str, pairs: int):
    with pytest.raises(ValueError, match=f"no finished runs of {task} with {pairs} pairs have a bleu"):
        draw_figure(runs, laws, task, pairs, "bleu")


def test_a_broken_table_leaves_no_figure(runs: pd.DataFrame, laws: pd.DataFrame, tmp_path: Path):
    with pytest.raises(TableError, match="line 3: bleu is 'x'"):
        write_figures(runs.astype({"bleu": object}).replace({"bleu": {runs["bleu"][1]: "x"}}), laws, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_study_that_diverged_everywhere_has_no_figures(runs: pd.DataFrame, tmp_path: Path, fit):
    runs.loc[runs["pretrain_tokens"] > 0, "status"] = "diverged in pretraining"
    assert write_figures(runs, fit(runs), tmp_path) == []


@pytest.fixture
def drawn(
    runs: pd.DataFrame, laws: pd.DataFrame, lines: pd.DataFrame, verdicts: pd.DataFrame
) -> Callable[[str], Figure]:
    return lambda metric: draw_figure(runs, laws, "en-de", 8000, metric, lines=lines, verdicts=verdicts)


def bands(axes: Axes) -> list[np.ndarray]:
    """The corners of each band, (n, 2)."""
    return [each.get_paths()[0].vertices for each in axes.collections if isinstance(each, PolyCollection)]


def test_a_law_has_a_band_and_goes_on_to_the_largest_budget(
    drawn: Callable[[str], Figure], lines: pd.DataFrame
):
    axes = drawn("cross_entropy").axes[0]
    assert [len(lines_of(axes, style)) for style in ("-", "--", ":")] == [3, 3, 3]
    last = 32_768 * 32
    for dotted in lines_of(axes, ":"):
        assert dotted.get_xdata()[[0, -1]] == pytest.approx([last, 8 * last])
    assert axes.get_xlim()[1] > 8 * last
    assert len(bands(axes)) == 9
    here = lines[(lines["mixture"] == "en+de") & (lines["metric"] == "cross_entropy")]
    beyond = here[here["fitted"] == "all"]
    band = next(b for b in bands(axes) if np.isclose(b[:, 1], beyond["high"].iloc[-1]).any())
    assert band[:, 1].min() == pytest.approx(beyond["low"].min())
    assert band[:, 0].max() == pytest.approx(8 * last)


def test_the_footnote_says_how_wide_the_bands_are_and_why(drawn: Callable[[str], Figure]):
    words = footnote(drawn("cross_entropy"))
    assert "Dotted line: the law of all points, extrapolated." in words
    assert "Bands: 90% interval of the law, from the intervals of the scores, taken as independent." in words


def test_a_metric_without_noise_has_no_bands_and_says_so(drawn: Callable[[str], Figure]):
    figure = drawn("chrf")
    assert not bands(figure.axes[0])
    assert "No bands: the noise of the points is not known, or not used." in footnote(figure)


def test_the_legend_begins_with_the_verdict(drawn: Callable[[str], Figure], verdicts: pd.DataFrame):
    said = verdicts[verdicts["metric"] == "bleu"].set_index("mixture")["verdict"]
    texts = legend(drawn("bleu"))
    assert texts[0].startswith(f"en+de (both languages, score 1.0): {said['en+de']}, held-out error")
    assert texts[2] == f"fr+ro (neither, score 0.0): {said['fr+ro']}, no law: flat"
    assert legend(drawn("cross_entropy"))[0].startswith("en+de (both languages, score 1.0): held-out error")


def test_a_misaligned_curve_is_not_extrapolated(
    runs: pd.DataFrame, laws: pd.DataFrame, lines: pd.DataFrame, verdicts: pd.DataFrame
):
    said = verdicts.assign(verdict="misaligned")
    axes = draw_figure(runs, laws, "en-de", 8000, "bleu", lines=lines, verdicts=said).axes[0]
    assert [len(lines_of(axes, style)) for style in ("-", "--", ":")] == [2, 2, 0]


def test_a_band_beyond_all_bounds_does_not_flatten_the_points(
    runs: pd.DataFrame, laws: pd.DataFrame, lines: pd.DataFrame
):
    wide = lines.assign(high=1000.0)
    figure = draw_figure(runs, laws, "en-de", 8000, "bleu", lines=wide)
    low, high = figure.axes[0].get_ylim()
    points = runs["bleu"].max() - runs["bleu"].min()
    assert high - low < 3 * points
    names = [text for text in figure.axes[0].texts]
    heights = [text.get_window_extent(figure.canvas.get_renderer()).y1 for text in names]
    assert max(heights) < figure.bbox.height


def test_figures_of_budgets_are_written_beside_the_curves(
    runs: pd.DataFrame, laws: pd.DataFrame, valuations: pd.DataFrame, tmp_path: Path
):
    names = [path.name for path in write_figures(runs, laws, tmp_path, valuations=valuations)]
    assert names[:4] == [
        f"en-de_8000_cross_entropy{budgets}.{ending}"
        for budgets in ("", "_budgets")
        for ending in ("png", "svg")
    ]
    assert len(names) == 12
