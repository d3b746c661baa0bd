from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from rich.console import Console

from downlaw.laws import TableError
from downlaw.report.summary import PIPED_WIDTH, print_summary

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def printed(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    verdicts: pd.DataFrame,
    valuations: pd.DataFrame,
    capsys: Capsys,
) -> str:
    print_summary(runs, laws, verdicts=verdicts, valuations=valuations)
    return capsys.readouterr().out


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell]


def section(printed: str, name: str) -> list[str]:
    """The lines below a heading, to the next one."""
    lines = printed.splitlines()
    start = lines.index(f"en-de, finetuned on 8,000 pairs: {name}") + 1
    ends = [at for at, line in enumerate(lines) if line.startswith("en-de, finetuned") and at > start]
    return lines[start : min(ends, default=len(lines))]


def test_a_pipe_gets_plain_lines_of_at_most_100_columns(printed: str):
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_the_baseline_comes_first_and_mixtures_follow_by_score(printed: str):
    rows = [line for line in printed.split("laws")[0].splitlines() if "[" in line]
    assert cells(rows[0]) == ["no pretraining", "0", "5.100 [5.040, 5.160]", "1.9 [1.4, 2.4]", "18.8", "0.95"]
    assert len(rows) == 19
    assert [cells(rows[number])[0] for number in (1, 7, 13)] == ["en+de", "en", "fr+ro"]


def test_laws_are_listed_with_status_and_errors(printed: str):
    rows = [line.split() for line in section(printed, "laws") if "law  " in line and "mixture" not in line]
    assert len(rows) == 9
    assert rows[0][:9] == ["en+de", "cross-entropy", "power", "law", "ok", "4", "+", "2", "0.0000"]
    assert rows[-2][:5] == ["fr+ro", "BLEU", "log", "law", "flat"]


def test_diverged_runs_are_shown_in_place_and_counted(runs: pd.DataFrame, capsys: Capsys, fit):
    lost = runs["pretrain_tokens"] == 32_768
    runs.loc[lost, "status"] = "diverged in pretraining"
    runs.loc[lost, ["cross_entropy", "bleu", "chrf", "brevity_penalty"]] = None
    print_summary(runs, fit(runs, "bleu"))
    printed = capsys.readouterr().out
    assert printed.count("diverged in pretraining") == 3
    assert "3 runs diverged and are in no curve." in printed


def test_long_mixture_names_give_way_before_numbers(runs: pd.DataFrame, capsys: Capsys, fit):
    runs["mixture"] = runs["mixture"].replace(
        "en", "english-news-and-encyclopedias-of-the-year-2024-and-before"
    )
    runs["bleu"] = runs["bleu"].where(runs["mixture"] != "en+de", 0.0)
    print_summary(runs, fit(runs, "cross_entropy"))
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 100
    errors = [line.split()[-2:] for line in printed.splitlines() if "  power law  " in line]
    assert len(errors) == 3
    assert all(re.fullmatch(r"0\.\d{4}", error) for pair in errors for error in pair)


def test_a_table_by_hand_with_one_metric_is_summarised(runs: pd.DataFrame, capsys: Capsys, fit):
    few = runs[["task", "finetune_pairs", "mixture", "pretrain_tokens", "chrf"]]
    print_summary(few, fit(few))
    printed = capsys.readouterr().out
    assert "chrF" in printed
    assert "BLEU" not in printed


def test_every_task_and_size_has_its_tables(runs: pd.DataFrame, capsys: Capsys, fit):
    more = pd.concat([runs, runs.assign(task="de-en"), runs.assign(finetune_pairs=1000)], ignore_index=True)
    print_summary(more, fit(more, "bleu"))
    titles = [line for line in capsys.readouterr().out.splitlines() if line.endswith(": test scores")]
    assert titles == [
        "de-en, finetuned on 8,000 pairs: test scores",
        "en-de, finetuned on 1,000 pairs: test scores",
        "en-de, finetuned on 8,000 pairs: test scores",
    ]


def test_a_broken_table_is_refused(runs: pd.DataFrame, laws: pd.DataFrame):
    with pytest.raises(TableError, match="'mixture' is missing"):
        print_summary(runs.drop(columns="mixture"), laws)


def test_every_verdict_is_given_with_its_reason(printed: str, verdicts: pd.DataFrame):
    said = " ".join(line.strip() for line in section(printed, "verdicts"))
    assert "What these models showed" in said
    assert said.count("- ") >= len(verdicts) == 6
    for row in verdicts.itertuples():
        name = {"bleu": "BLEU", "chrf": "chrF"}[row.metric]
        assert f"- {row.mixture}, {name}: {row.verdict}. {row.reason[0].upper()}{row.reason[1:]}." in said


def test_predictions_are_listed_by_budget_and_mixture(printed: str, valuations: pd.DataFrame):
    lines = section(printed, "predictions")
    assert lines[0] == "By the laws of all points, with 90% intervals."
    rows = [cells(line) for line in lines if "[" in line]
    assert [row[0] for row in rows] == ["1.05M", "en", "fr+ro", "2.1M", "en", "fr+ro", "4.19M", "en", "fr+ro"]
    best = valuations[(valuations["mixture"] == "en+de") & (valuations["metric"] == "cross_entropy")]
    first = best.iloc[0]
    assert rows[0][1:3] == [
        "en+de",
        f"{first['predicted']:.3f} [{first['predicted_low']:.3f}, {first['predicted_high']:.3f}]",
    ]
    assert rows[2][2] == "no law"


def test_a_misaligned_mixture_is_named_where_its_prediction_would_stand(
    runs: pd.DataFrame, laws: pd.DataFrame, valuations: pd.DataFrame, capsys: Capsys
):
    void = valuations["mixture"] == "en"
    judged = valuations.astype({"verdict": object})
    judged.loc[void, ["predicted", "answer", "verdict"]] = [None, "void", "misaligned"]
    print_summary(runs, laws, valuations=judged)
    rows = [cells(line) for line in section(capsys.readouterr().out, "predictions")]
    assert ["en", "misaligned", "misaligned", "misaligned"] in rows


def test_without_verdicts_and_valuations_their_sections_are_left_out(
    runs: pd.DataFrame, laws: pd.DataFrame, valuations: pd.DataFrame, capsys: Capsys
):
    print_summary(runs, laws, valuations=valuations.assign(predicted=None))
    printed = capsys.readouterr().out
    assert ": verdicts" not in printed
    assert ": predictions" not in printed


def test_every_metric_at_once_still_fits_the_width(runs: pd.DataFrame, laws: pd.DataFrame):
    runs = runs.assign(rouge_l=runs["chrf"], comet=0.8123, comet_local=-0.5123)
    stream = io.StringIO()
    print_summary(runs, laws, Console(file=stream, width=PIPED_WIDTH))
    table = stream.getvalue().split("laws")[0]
    assert max(map(len, stream.getvalue().splitlines())) <= PIPED_WIDTH
    for name in ("cross-entropy", "BLEU", "chrF", "ROUGE-L", "COMET", "comet-local", "BP", "mixture"):
        assert name in table
    assert "…" not in table and "-0.512" in table
