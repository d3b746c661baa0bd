from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from downlaw import laws
from downlaw.metrics import GROUPS, METRICS, MeanMetric, Translations, text_metrics
from downlaw.metrics.base import MOST_REFERENCE_WORDS
from downlaw.report.labels import METRIC_LABELS
from downlaw.runs import COLUMNS
from downlaw.study.training import Evaluate, FittedMetric


@pytest.mark.parametrize(
    ("sources", "hypotheses", "references", "message"),
    [
        (["a"], ["a", "b"], ["a"], "2 hypotheses but 1 references"),
        (["a", "b"], ["a"], ["a"], "2 sources but 1 references"),
        ([], [], [], "no segments"),
        (["a", "b"], ["a", "b"], ["a", " "], "reference 2 of 2 is empty; take it out"),
        (
            ["a"],
            ["a"],
            ["a " * (MOST_REFERENCE_WORDS + 1)],
            "reference 1 of 1 has 1,001 words, more than 1,000",
        ),
    ],
    ids=["hypotheses", "sources", "nothing", "empty reference", "long reference"],
)
def test_bad_input_is_refused(sources, hypotheses, references, message):
    with pytest.raises(ValueError, match=message):
        Translations(sources, hypotheses, references, "en", "de")


def test_control_characters_and_a_hypothesis_of_10_000_words_are_scored():
    """Text that is odd, but somebody's: scored, and counted where it loops."""
    references = ["open the file", "close the file"]
    text = Translations(references, ["open\x00\x07 the\tfile", "file " * 10_000], references, "en", "en")
    found = {metric.name: metric.count(text) for metric in text_metrics([*GROUPS])}
    assert all(counts.shape[0] == 2 and np.isfinite(counts).all() for counts in found.values())
    assert found["looping_output"][:, 0].tolist() == [0, 1]


def test_a_mean_metric_is_one_short_class():
    class Questions(MeanMetric):
        """Share of hypotheses that ask, in percent."""

        name = "questions"
        signature = "questions"
        scale = 100.0

        def segment_scores(self, translations):
            return [hypothesis.endswith("?") for hypothesis in translations.hypotheses]

    metric = Questions()
    counts = metric.count(Translations(["a"] * 4, ["a?", "b", "c", "d?"], ["a"] * 4, "en", "de"))
    assert metric.columns == ("questions_sum", "scored_segments")
    assert counts.tolist() == [[1, 1], [0, 1], [0, 1], [1, 1]]
    assert metric.score(counts.sum(axis=0)[None]).tolist() == [50]


def test_every_metric_has_columns_of_its_own_and_a_place_in_the_table_of_runs():
    means = [column for metric in METRICS.values() for column in metric.columns]
    shared = {column for column in means if means.count(column) > 1}
    assert shared == {"scored_segments", "negative_log_likelihood"}
    for name, metric in METRICS.items():
        assert metric.name == name
        assert {name, f"{name}_low", f"{name}_high"} <= set(COLUMNS)


def test_every_fitted_metric_is_a_metric_that_reports_can_name_and_studies_can_aim_at():
    assert laws.METRICS.keys() <= METRICS.keys()
    assert laws.METRICS.keys() == METRIC_LABELS.keys() == {*get_args(FittedMetric)}


def test_a_study_can_ask_for_every_group_and_does_so_by_default():
    assert Evaluate().metrics == [*GROUPS]
    names = [metric.name for metric in text_metrics(["ter", "bleu"])]
    assert names == ["bleu", "ter"]
    signatures = [metric.signature for metric in text_metrics([*GROUPS])]
    assert len({*signatures}) == len(signatures) and not any(" " in signature for signature in signatures)
