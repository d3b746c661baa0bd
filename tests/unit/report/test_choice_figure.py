from __future__ import annotations

import pandas as pd
from test_choice_error import study

from downlaw.laws import choice_laws
from downlaw.report.choice_figure import draw_choice, write_choice_figures


def test_the_figure_has_each_law_and_fills_what_was_fitted():
    runs = study()
    laws = choice_laws(runs)
    figure = draw_choice(runs, laws, 4, "en-de", 8000)
    axes = figure.axes[0]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1 and line.get_marker() != "x"]
    hollow = [line for line in marks if line.get_markerfacecolor() == "white"]
    assert (len(marks), len(hollow)) == (12, 4)
    curves = [line for line in axes.lines if len(line.get_xdata()) == 100]
    assert len(curves) == 3
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[0].startswith("en: held-out error 0.00") and said[-1] == "no pretraining"


def test_a_law_that_could_not_be_fitted_is_said_and_not_drawn(tmp_path):
    runs = study()
    few = runs[(runs["mixture"] == "en") & (runs["pretrain_tokens"] <= 65_536)]
    laws = choice_laws(few)
    axes = draw_choice(few, laws, 4, "en-de", 8000)
    assert not [line for line in axes.axes[0].lines if len(line.get_xdata()) == 100]
    assert "no law: underdetermined" in axes.legends[0].get_texts()[0].get_text()
    paths = write_choice_figures(few, laws, 4, tmp_path, formats=["svg"])
    assert [path.name for path in paths] == ["en-de_8000_choice.svg"]
    assert write_choice_figures(few, pd.DataFrame(columns=laws.columns), 4, tmp_path / "none") == []
