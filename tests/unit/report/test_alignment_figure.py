from __future__ import annotations

import math

import numpy as np
import pytest
from made_alignment import made_alignment, made_runs, made_verdicts

from downlaw.alignment.measures import MEASURES
from downlaw.alignment.points import points
from downlaw.alignment.relations import relate_alignment
from downlaw.report.alignment_figure import draw_alignment, write_alignment_figures

WORDS = ["aligned", "misaligned", "saturated"]


def drawn(runs, alignment, verdicts=None):
    found = points(runs, verdicts)
    here = found[found["metric"] == "bleu"]
    relations = relate_alignment(alignment, runs, verdicts)
    return draw_alignment(here, alignment, relations[relations["metric"] == "bleu"])


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_a_panel_a_measure_with_every_mixture_named_and_closer_at_the_right():
    figure = drawn(made_runs([0.1, 0.3, 0.2]), made_alignment(3), made_verdicts(WORDS))
    assert len(figure.axes) == len(MEASURES)
    for axes, measure in zip(figure.axes, MEASURES, strict=True):
        assert axes.xaxis_inverted() != measure.higher_is_closer
        assert [text.get_text() for text in axes.texts] == ["m00", "m01", "m02"]
        assert "rho " in axes.get_title(loc="left") and "AUC" in axes.get_title(loc="left")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == WORDS
    assert any("3 mixtures: which measure predicts best is not decidable" in line for line in words(figure))


def test_many_mixtures_are_numbered_and_named_at_the_foot_and_the_best_measure_is_said():
    alignment = made_alignment(12, js_bigram_target=range(12, 0, -1))
    figure = drawn(made_runs(np.arange(12) / 20), alignment)
    assert [text.get_text() for text in figure.axes[0].texts] == [str(place) for place in range(1, 13)]
    assert "12 m11" in words(figure)[-1]
    assert (
        "12 mixtures: best is bigrams, JS divergence, target (rho +1.00); by chance the best of all"
        in "".join(words(figure))
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no verdict"]


def test_what_was_not_measured_and_what_has_no_gain_is_said():
    runs = made_runs([0.1, 0.3, 0.2])
    runs = runs[(runs["mixture"] != "m02") | (runs["pretrain_tokens"] < 4000)]
    figure = drawn(runs, made_alignment(3, domain_distance_target=[math.nan] * 3))
    assert "not measured" in [text.get_text() for text in figure.axes[-1].texts]
    assert "no rank correlation" in figure.axes[0].get_title(loc="left")
    assert "Not shown: m02 (no finished run at Dp = 4,000)." in words(figure)[-1]


def test_cross_entropy_and_the_first_score_are_drawn_and_nothing_without_a_gain(tmp_path):
    runs = made_runs([0.1, 0.3, 0.2], metrics=["cross_entropy", "bleu", "chrf"])
    alignment = made_alignment(3)
    relations = relate_alignment(alignment, runs)
    paths = write_alignment_figures(runs, alignment, relations, None, tmp_path, formats=["png"], dpi=30)
    assert [path.name for path in paths] == [
        "en-de_200_cross_entropy_alignment.png",
        "en-de_200_bleu_alignment.png",
    ]
    assert all(path.stat().st_size > 1000 for path in paths)
    bare = made_runs([0.1, 0.3], baseline=None)
    nothing = relate_alignment(alignment, bare)
    assert write_alignment_figures(bare, alignment, nothing, None, tmp_path / "none") == []
    assert (tmp_path / "none").is_dir()


@pytest.mark.parametrize("gains", [[0.2], [0.0, 0.0]])
def test_one_mixture_or_equal_gains_are_drawn(gains):
    figure = drawn(made_runs(gains), made_alignment(len(gains)))
    assert len(figure.axes[0].lines) == 1 + len(gains)
