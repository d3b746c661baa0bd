from __future__ import annotations

import pandas as pd

from downlaw.laws import check_runs
from downlaw.report.degenerate import FAULTS, degenerate_said
from downlaw.report.findings import what_was_seen


def with_shares(runs: pd.DataFrame, **shares: pd.Series | float) -> pd.DataFrame:
    return check_runs(runs.assign(**({column: 0.0 for column in FAULTS} | shares)))


def test_shares_are_told_where_they_are_more_than_a_few_percent(runs: pd.DataFrame):
    largest = runs["pretrain_tokens"].max()
    copied = (runs["mixture"] == "en") & (runs["pretrain_tokens"] < largest)
    runs = with_shares(
        runs,
        looping_output=(runs["pretrain_tokens"] == 0) * 0.25,
        empty_output=(runs["pretrain_tokens"] == 0) * 0.031,
        copied_output=copied * 0.4 + 0.019,
    )
    assert list(degenerate_said(runs)) == [
        "Of the output without pretraining, 3% is empty and 25% loops.",
        "Of the output with en, 42% copies the source at Dp = 32.8k.",
    ]
    assert "Of the output with en, 42% copies the source at Dp = 32.8k." in what_was_seen(
        runs, pd.DataFrame(columns=["role", "metric", "status", "held_out_error", "misfit_p", "mixture",
                                    "leave_last_out_error", "best", "interval_level", "interval_status",
                                    "noise"])
    )  # fmt: skip


def test_seeds_are_averaged_and_both_ends_of_a_curve_told(runs: pd.DataFrame):
    runs = with_shares(runs, wrong_language_output=(runs["mixture"] == "fr+ro") * 0.1)
    again = runs.assign(finetuning_seed=2, wrong_language_output=0.0)
    assert list(degenerate_said(pd.concat([runs, again], ignore_index=True))) == [
        "Of the output with fr+ro, 5% is in another language at Dp = 32.8k;"
        " 5% is in another language at Dp = 1.05M."
    ]


def test_a_table_without_shares_has_nothing_to_say(runs: pd.DataFrame):
    assert list(degenerate_said(check_runs(runs))) == []
