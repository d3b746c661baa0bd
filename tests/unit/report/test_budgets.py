from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from downlaw.report.budgets import draw_budgets
from downlaw.report.labels import mixture_styles

LAST = 32_768 * 32


def draw(runs: pd.DataFrame, valuations: pd.DataFrame, metric: str = "bleu") -> Figure | None:
    return draw_budgets(valuations, mixture_styles(runs), "en-de", 8000, metric)


def predicted(figure: Figure) -> list[list[float]]:
    """The values of each panel, from the top mixture down."""
    return [
        [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1] for axes in figure.axes
    ]


def test_a_panel_for_each_budget_shows_what_the_table_holds(runs: pd.DataFrame, valuations: pd.DataFrame):
    figure = draw(runs, valuations, "cross_entropy")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Dp = 1.05M", "Dp = 2.1M", "Dp = 4.19M"]
    here = valuations[(valuations["metric"] == "cross_entropy") & valuations["predicted"].notna()]
    for axes, budget, values in zip(figure.axes, (LAST, 2 * LAST, 4 * LAST), predicted(figure), strict=True):
        rows = here[here["pretrain_tokens"] == budget]
        assert sorted(values) == pytest.approx(sorted(rows["predicted"]))
        ends = [c.get_segments()[0][:, 0] for c in axes.collections]
        assert sorted(low for low, _ in ends) == pytest.approx(sorted(rows["predicted_low"]))
        assert sorted(high for _, high in ends) == pytest.approx(sorted(rows["predicted_high"]))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["en+de", "en", "fr+ro"]


def test_a_mixture_without_a_prediction_says_why(runs: pd.DataFrame, valuations: pd.DataFrame):
    figure = draw(runs, valuations)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no law"]
    without = (valuations["mixture"] == "en") & (valuations["metric"] == "bleu")
    judged = valuations.astype({"verdict": object})
    judged.loc[without, ["predicted", "answer", "verdict"]] = [None, "void", "misaligned"]
    texts = [text.get_text() for text in draw(runs, judged).axes[0].texts]
    assert sorted(texts) == ["misaligned", "no law"]


def test_the_footnote_says_where_intervals_come_from(runs: pd.DataFrame, valuations: pd.DataFrame):
    words = draw(runs, valuations).texts[-1].get_text()
    assert "Lines: 90% intervals of the laws, from the intervals of the scores" in words
    assert "Dotted: no pretraining." in words
    assert "share one test set" not in words
    joint = draw(runs, valuations.assign(noise="segments")).texts[-1].get_text()
    assert "All mixtures share one test set" in joint
    assert "intervals" not in draw(runs, valuations, "chrf").texts[-1].get_text()


@pytest.mark.parametrize("budgets", [1, 3])
def test_words_stay_within_the_figure(runs: pd.DataFrame, valuations: pd.DataFrame, budgets: int):
    here = valuations[~(valuations["pretrain_tokens"] > budgets * LAST)].assign(noise="segments and seeds")
    figure = draw(runs, here)
    renderer = figure.canvas.get_renderer()
    for text in [*figure.texts, *figure.axes[-1].texts, *figure.axes[0].get_yticklabels()]:
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width
        assert extent.y0 >= 0 and extent.y1 <= figure.bbox.height


def test_an_endless_interval_does_not_flatten_the_rest(runs: pd.DataFrame, valuations: pd.DataFrame):
    figure = draw(runs, valuations.assign(predicted_high=1e6))
    assert figure.axes[0].get_xlim()[1] < 100


def test_without_any_prediction_there_is_no_figure(runs: pd.DataFrame, valuations: pd.DataFrame):
    assert draw(runs, valuations, "comet") is None
    assert draw(runs, valuations.iloc[:0]) is None
