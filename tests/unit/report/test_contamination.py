from __future__ import annotations

import io

import pandas as pd
from rich.console import Console

from downlaw.contamination import SCORES_COLUMNS
from downlaw.report.contamination import contamination_said
from downlaw.report.summary import print_summary


def scores(seen: dict[str, int], unseen: float | None = 12.0) -> pd.DataFrame:
    """Scores of a baseline and of mixtures at two Dp, of 500 test segments."""
    rows = [
        {
            **{"task": "en-de", "finetune_pairs": 8000, "mixture": mixture, "pretrain_tokens": tokens},
            **{"n": n, "metric": metric, "test_segments": 500, "segments_seen": count if n == 8 else 0},
            **{"score_all": score, "score_unseen": unseen},
        }
        for mixture, count in seen.items()
        for tokens in ((32_768, 1_048_576) if mixture else (0,))
        for n in (8, 13)
        for metric, score in (("cross_entropy", 12.0), ("bleu", 12.34), ("chrf", 1.0))
    ]
    table = pd.DataFrame(rows, columns=list(SCORES_COLUMNS))
    return table.assign(mixture=table["mixture"].replace("", None))


def test_the_mixture_that_holds_most_is_told_at_its_largest_dp():
    assert list(contamination_said(scores({"": 0, "en": 3, "en+de": 20, "fr": 0}))) == [
        "Of 500 test segments 20 (4.0%) were seen in the text of en+de or in finetuning pairs; without them, "
        "at Dp = 1.05M, cross-entropy is 12.000 too and BLEU is 12.0 and not 12.3."
    ]


def test_what_stands_in_finetuning_pairs_alone_is_told_of_the_baseline():
    assert list(contamination_said(scores({"": 5, "en": 5}))) == [
        "Of 500 test segments 5 (1.0%) were seen in finetuning pairs; without them, with no pretraining, "
        "cross-entropy is 12.000 too and BLEU is 12.0 and not 12.3."
    ]


def test_nothing_seen_everything_seen_and_no_table():
    assert list(contamination_said(scores({"": 0, "en": 0}))) == [
        "None of the 500 test segments was seen in training text."
    ]
    assert list(contamination_said(scores({"en": 500}, None))) == [
        "Of 500 test segments 500 (100.0%) were seen in the text of en or in finetuning pairs."
    ]
    assert list(contamination_said(scores({}))) == []


def test_the_summary_tells_it_under_what_was_seen(runs: pd.DataFrame, laws: pd.DataFrame):
    stream = io.StringIO()
    console = Console(file=stream, width=100)
    print_summary(runs, laws, console, without_seen=scores({"": 0, "en": 0}))
    seen = stream.getvalue().split("what was seen")[1]
    assert "- None of the 500 test segments was seen in training text." in seen
