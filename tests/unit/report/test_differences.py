from __future__ import annotations

import pandas as pd
import pytest

from downlaw.laws import TableError
from downlaw.metrics.comparisons import COMPARISON_COLUMNS, MIXTURES, MORE_TOKENS
from downlaw.report.differences import differences_said
from downlaw.report.tables import read_comparisons


def compared(comparison: str, a: tuple[str, int], b: tuple[str, int], difference: float, p: float) -> dict:
    row = {"task": "en-de", "finetune_pairs": 8000, "comparison": comparison, "metric": "bleu"}
    row |= {"mixture_a": a[0], "pretrain_tokens_a": a[1], "mixture_b": b[0], "pretrain_tokens_b": b[1]}
    row |= {"score_a": 3.0 + difference, "score_b": 3.0, "difference": difference, "p_value": p}
    return row | {"low": difference - 0.4, "high": difference + 0.4, "why": "shorter output"}


@pytest.fixture
def comparisons() -> pd.DataFrame:
    rows = [
        compared(MIXTURES, ("en", 1000), ("fr", 1000), -2.0, 0.001),
        compared(MIXTURES, ("en", 2000), ("fr", 2000), -1.0, 0.0042),
        compared(MIXTURES, ("de", 2000), ("fr", 2000), 0.2, 0.4),
        compared(MORE_TOKENS, ("en", 2000), ("en", 1000), -0.5, 0.03),
        compared(MORE_TOKENS, ("fr", 2000), ("fr", 1000), -0.5, 0.06),
        compared(MORE_TOKENS, ("de", 2000), ("de", 1000), 0.5, 0.01),
    ]
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    return pd.concat([table, table.assign(metric="chrf")], ignore_index=True)


def test_mixtures_are_compared_at_the_largest_dp_and_falls_beyond_noise_are_told(comparisons: pd.DataFrame):
    assert list(differences_said(comparisons)) == [
        "At Dp = 2k, BLEU with en differs from that with fr by -1.0 [-1.4, -0.6] (p = 0.0042):"
        " shorter output.",
        "At Dp = 2k, BLEU with de differs from that with fr by 0.2 [-0.2, 0.6], which noise of the test set"
        " explains (p = 0.4).",
        "BLEU with en fell from 3.0 at Dp = 1k to 2.5 at 2k (p = 0.03): shorter output.",
    ]


def test_a_study_of_one_mixture_has_no_difference_between_mixtures(comparisons: pd.DataFrame):
    assert list(differences_said(comparisons[comparisons["comparison"] == MORE_TOKENS].iloc[2:3])) == []
    assert list(differences_said(comparisons.iloc[:0])) == []


def test_another_table_is_refused(comparisons: pd.DataFrame, tmp_path):
    path = tmp_path / "comparisons.csv"
    comparisons.to_csv(path, index=False)
    assert len(read_comparisons(path)) == len(comparisons)
    comparisons.drop(columns="why").to_csv(path, index=False)
    with pytest.raises(TableError, match=r"comparisons.csv: column 'why' is missing; compare the runs again"):
        read_comparisons(path)
