from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from downlaw.laws import TableError
from downlaw.laws.relations import relate_runs
from downlaw.report.figures import write_figures
from downlaw.report.labels import mixture_styles
from downlaw.report.metrics_figure import draw_metrics
from downlaw.report.tables import read_relations


@pytest.fixture
def related(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs whose BLEU follows cross-entropy for two mixtures, and goes against it for the third."""
    follows = 900 * np.exp(-1.1 * runs["cross_entropy"])
    runs["bleu"] = follows.where(runs["mixture"] != "fr+ro", np.exp(0.4 * runs["cross_entropy"]))
    return runs.assign(bleu_low=runs["bleu"] * 0.97, bleu_high=runs["bleu"] / 0.97)


@pytest.fixture
def relations(related: pd.DataFrame) -> pd.DataFrame:
    return relate_runs(related, samples=100)


def drawn(runs: pd.DataFrame, relations: pd.DataFrame) -> Figure:
    figure = draw_metrics(runs, relations, "en-de", 8000)
    assert figure is not None
    return figure


def lines(axes: Axes, style: str) -> list:
    return [line for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata()) == 100]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_selected_run_is_a_point(related: pd.DataFrame, relations: pd.DataFrame):
    more = pd.concat([related, related.assign(selected=False), related.assign(finetune_pairs=1)])
    axes = drawn(more, relations).axes[0]
    points = {
        (x, y)
        for line in axes.lines
        if len(line.get_xdata()) == 1
        for x, y in zip(*line.get_data(), strict=True)
    }
    assert points == set(zip(related["cross_entropy"], related["bleu"], strict=True))
    assert axes.get_yscale() == "log"


def test_it_is_solid_where_it_holds_and_dotted_where_it_fails(related: pd.DataFrame, relations: pd.DataFrame):
    figure = drawn(related, relations)
    axes = figure.axes[0]
    assert len(lines(axes, "-")) == 2
    dotted = lines(axes, ":")
    colours = [style.colour for style in mixture_styles(related).values()]
    assert to_hex(dotted[0].get_color()) == colours[-1].lower()
    assert to_hex(dotted[1].get_color()) not in [colour.lower() for colour in colours]
    (x, y) = lines(axes, "-")[0].get_data()
    np.testing.assert_allclose(y, 900 * np.exp(-1.1 * x), rtol=0.01)
    texts = legend(figure)
    assert texts[0].startswith("en+de (both languages, score 1.0): holds, b = 1.10 [")
    assert texts[2] == "fr+ro (neither, score 0.0): fails: BLEU falls as cross-entropy improves"
    assert texts[3] == "all runs together: fails: the points scatter more than their noise explains"
    assert texts[4] == "no pretraining"


def test_lines_do_not_stretch_the_axis(related: pd.DataFrame, relations: pd.DataFrame):
    steep = relations.assign(ln_a=40.0, b=9.0)
    low, high = drawn(related, steep).axes[0].get_ylim()
    assert related["bleu"].min() > low > related["bleu"].min() / 2
    assert related["bleu"].max() < high < related["bleu"].max() * 2


def test_points_grow_with_dp_and_mixtures_differ(related: pd.DataFrame, relations: pd.DataFrame):
    axes = drawn(related, relations).axes[0]
    points = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert {line.get_marker() for line in points} == {"o", "s", "^", "x"}
    sizes = [line.get_markersize() for line in points if line.get_marker() == "o"]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_the_footnote_says_what_holds_means(related: pd.DataFrame, relations: pd.DataFrame):
    words = drawn(related, relations).texts[-1].get_text()
    assert "BLEU = a * exp(-b * cross-entropy) (Gordon et al. 2021)" in words
    assert "90% interval" in words and "misfit_p of 0.05 or more" in words
    assert "Noise: the intervals of the scores, taken as independent." in words
    assert "Bars: 95% bootstrap interval" in words
    bare = related.drop(columns=["bleu_low", "bleu_high"])
    words = drawn(bare, relate_runs(bare)).texts[-1].get_text()
    assert "Noise unknown: it holds where a point left out is off by 25% of a constant's error." in words
    assert "Bars" not in words


def test_a_bleu_of_0_is_counted_and_its_mixture_named(related: pd.DataFrame):
    related.loc[related["mixture"] == "fr+ro", ["bleu", "bleu_low"]] = 0.0
    figure = drawn(related, relate_runs(related, samples=50))
    assert "6 runs with a BLEU of 0 not shown." in figure.texts[-1].get_text()
    assert legend(figure)[2].endswith("undecided: BLEU is 0 at 6 of 6 points, and has no logarithm")
    assert len(lines(figure.axes[0], ":")) == 0


def test_legend_and_footnote_fit_the_figure(related: pd.DataFrame, relations: pd.DataFrame):
    figure = drawn(related, relations)
    renderer = figure.canvas.get_renderer()
    figure.draw_without_rendering()
    boxes = [figure.legends[0].get_window_extent(renderer), figure.texts[-1].get_window_extent(renderer)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("bleu", [0.0, math.nan])
def test_runs_without_a_bleu_have_no_figure(related: pd.DataFrame, relations: pd.DataFrame, bleu: float):
    assert draw_metrics(related.assign(bleu=bleu), relations, "en-de", 8000) is None
    assert draw_metrics(related.drop(columns="bleu"), relations, "en-de", 8000) is None
    assert draw_metrics(related, relations, "de-en", 8000) is None


def test_a_single_level_of_bleu_is_drawn(related: pd.DataFrame):
    related["bleu"] = 10.0
    assert drawn(related, relate_runs(related, samples=50)) is not None


def test_it_is_written_beside_the_other_figures(
    related: pd.DataFrame, relations: pd.DataFrame, laws: pd.DataFrame, tmp_path: Path
):
    names = [path.name for path in write_figures(related, laws, tmp_path / "a", relations=relations)]
    assert names[-2:] == ["en-de_8000_metrics.png", "en-de_8000_metrics.svg"]
    again = write_figures(related.sample(frac=1, random_state=3), laws, tmp_path / "b", relations=relations)
    assert [path.read_bytes() for path in again] == [(tmp_path / "a" / name).read_bytes() for name in names]


def test_a_table_of_relations_is_read_back(related: pd.DataFrame, relations: pd.DataFrame, tmp_path: Path):
    path = tmp_path / "metric_relations.csv"
    relations.to_csv(path, index=False)
    read = read_relations(path)
    assert read["holds"].to_list() == relations["holds"].to_list()
    assert legend(drawn(related, read)) == legend(drawn(related, relations))
    relations.drop(columns="b_low").to_csv(path, index=False)
    with pytest.raises(TableError, match="column 'b_low' is missing"):
        read_relations(path)
    relations.iloc[:0].to_csv(path, index=False)
    assert read_relations(path).empty
