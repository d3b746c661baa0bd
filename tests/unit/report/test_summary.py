from __future__ import annotations

import re

import pandas as pd
import pytest

from downlaw.laws import TableError, fit_runs
from downlaw.report import print_summary
from downlaw.report.summary import what_was_seen


@pytest.fixture
def printed(runs: pd.DataFrame, laws: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> str:
    print_summary(runs, laws)
    return capsys.readouterr().out


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell]


def test_a_pipe_gets_plain_lines_of_at_most_100_columns(printed: str):
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_the_baseline_comes_first_and_mixtures_follow_by_score(printed: str):
    rows = [line for line in printed.split("laws")[0].splitlines() if "[" in line]
    assert cells(rows[0]) == ["no pretraining", "0", "5.100 [5.040, 5.160]", "1.9 [1.4, 2.4]", "18.8", "0.95"]
    assert len(rows) == 19
    assert [cells(rows[number])[0] for number in (1, 7, 13)] == ["en+de", "en", "fr+ro"]


def test_laws_are_listed_with_status_and_errors(printed: str):
    rows = [line.split() for line in printed.splitlines() if "law  " in line and "mixture" not in line]
    assert len(rows) == 9
    assert rows[0][:9] == ["en+de", "cross-entropy", "power", "law", "ok", "4", "+", "2", "0.0000"]
    assert rows[-2][:5] == ["fr+ro", "BLEU", "log", "law", "flat"]


def test_what_was_seen_is_said_in_plain_words_for_better_and_for_worse(
    runs: pd.DataFrame, laws: pd.DataFrame
):
    seen = list(what_was_seen(runs, laws))
    assert seen[0].startswith(
        "With en+de, from no pretraining to Dp = 1.05M: cross-entropy fell from 5.100 to "
    )
    assert " 3.769 (better); BLEU rose from 1.9 to " in seen[0]
    assert seen[2].endswith("BLEU fell from 1.9 to 1.6 (worse, but the intervals overlap).")
    assert seen[3].startswith(
        "The laws of cross-entropy, fitted to the smallest Dp, missed the held-out points by"
    )
    assert "fr+ro" not in seen[4]
    assert seen[5].startswith("One pretraining seed")


def test_a_metric_that_did_not_move_is_said_to_have_stayed(runs: pd.DataFrame):
    runs["bleu"] = 4.0
    assert "BLEU stayed at 4.0" in next(iter(what_was_seen(runs, fit_runs(runs))))


def test_diverged_runs_are_shown_in_place_and_counted(runs: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    lost = runs["pretrain_tokens"] == 32_768
    runs.loc[lost, "status"] = "diverged in pretraining"
    runs.loc[lost, ["cross_entropy", "bleu", "chrf", "brevity_penalty"]] = None
    print_summary(runs, fit_runs(runs))
    printed = capsys.readouterr().out
    assert printed.count("diverged in pretraining") == 3
    assert "3 runs diverged and are in no curve." in printed


def test_several_pretraining_seeds_are_not_called_one(runs: pd.DataFrame):
    again = runs[runs["mixture"] != ""].assign(pretraining_seed=2)
    both = pd.concat([runs, again], ignore_index=True)
    assert not any("One pretraining seed" in line for line in what_was_seen(both, fit_runs(both)))


def test_long_mixture_names_give_way_before_numbers(runs: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    runs["mixture"] = runs["mixture"].replace(
        "en", "english-news-and-encyclopedias-of-the-year-2024-and-before"
    )
    runs["bleu"] = runs["bleu"].where(runs["mixture"] != "en+de", 0.0)
    print_summary(runs, fit_runs(runs))
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 100
    errors = [line.split()[-2:] for line in printed.splitlines() if "power law" in line]
    assert len(errors) == 3
    assert all(re.fullmatch(r"0\.\d{4}", error) for pair in errors for error in pair)


def test_a_table_by_hand_with_one_metric_is_summarised(
    runs: pd.DataFrame, capsys: pytest.CaptureFixture[str]
):
    few = runs[["task", "finetune_pairs", "mixture", "pretrain_tokens", "chrf"]]
    print_summary(few, fit_runs(few))
    printed = capsys.readouterr().out
    assert "chrF" in printed
    assert "BLEU" not in printed


def test_every_task_and_size_has_its_tables(runs: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    more = pd.concat([runs, runs.assign(task="de-en"), runs.assign(finetune_pairs=1000)], ignore_index=True)
    print_summary(more, fit_runs(more))
    titles = [line for line in capsys.readouterr().out.splitlines() if line.endswith(": test scores")]
    assert titles == [
        "de-en, finetuned on 8,000 pairs: test scores",
        "en-de, finetuned on 1,000 pairs: test scores",
        "en-de, finetuned on 8,000 pairs: test scores",
    ]


def test_a_broken_table_is_refused(runs: pd.DataFrame, laws: pd.DataFrame):
    with pytest.raises(TableError, match="'mixture' is missing"):
        print_summary(runs.drop(columns="mixture"), laws)
