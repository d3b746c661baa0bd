from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from made_pages import runs_table, write_results

from downlaw.laws import TableError
from downlaw.report.page import State, read_results


def change(folder: Path, table: str, how) -> None:
    path = folder / f"{table}.csv"
    how(pd.read_csv(path)).to_csv(path, index=False)


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    """The finished study, for a test to spoil."""
    folder = tmp_path / "results"
    folder.mkdir()
    for path in study.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


ALL = ("laws", "law_lines", "predictions", "verdicts", "valuations", "metric_relations")


def lacking(text: str) -> list[str]:
    """Which of these tables the page says are not there, in the notice below the answer."""
    notice = text.partition("Not there: the study has not come so far")[2].partition("Laws and their points")[
        0
    ]
    return [table for table in ALL if f"{table}.csv :" in notice]


def test_a_folder_without_runs_is_refused(tmp_path: Path):
    with pytest.raises(TableError, match=r"neither runs\.csv nor lm_runs\.csv is here; run the study first"):
        read_results(tmp_path)
    with pytest.raises(TableError, match="no such folder"):
        read_results(tmp_path / "nowhere")


def test_runs_alone_make_a_page_that_says_what_is_not_there(copy: Path, read):
    for path in copy.glob("*.csv"):
        if path.name != "runs.csv":
            path.unlink()
    text = read(copy).text
    assert "Not there: the study has not come so far" in text and "laws.csv : the laws of each curve" in text
    assert "Not yet decidable: valuations.csv is lacking" in text
    assert "en-de: test BLEU after finetuning on 8,000 pairs" in text


@pytest.mark.parametrize("table", ALL)
def test_any_table_may_lack(copy: Path, read, table: str):
    assert not lacking(read(copy).text)
    (copy / f"{table}.csv").unlink()
    assert lacking(read(copy).text) == [table]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("laws", "held_out_error"),
        ("verdicts", "reason"),
        ("valuations", "share_best"),
        ("predictions", "fitted"),
    ],
)
def test_a_table_of_an_older_version_is_named_and_left_out(copy: Path, read, table: str, column: str):
    change(copy, table, lambda frame: frame.drop(columns=column))
    text = read(copy).text
    assert f"{table}.csv is of another version: this table was written by an older version, without" in text
    assert column in text and read_results(copy).get(table) is None


def test_words_that_are_not_known_are_not_guessed(copy: Path, read):
    change(copy, "verdicts", lambda frame: frame.assign(verdict="promising"))
    assert "holds 'promising', which this version does not know" in read(copy).text
    assert [one.state for one in read_results(copy).left_out if one.file == "verdicts.csv"] == [State.OLDER]


def test_a_broken_table_is_named(copy: Path, read):
    (copy / "laws.csv").write_text('a,b\n1,"2\n')
    (copy / "verdicts.csv").write_bytes(b"")
    text = read(copy).text
    assert "verdicts.csv cannot be read: the file is empty" in text
    states = {one.file: one.state for one in read_results(copy).left_out if one.state != State.MISSING}
    assert states == {"laws.csv": State.BROKEN, "verdicts.csv": State.BROKEN}
    assert "laws.csv cannot be read: " in text


def test_laws_of_other_runs_are_told(copy: Path, read):
    change(copy, "runs", lambda frame: frame[frame["pretrain_tokens"] != 2**15 * 16])
    assert "laws.csv was fitted to other points than runs.csv holds" in read(copy).text
    change(copy, "runs", lambda frame: frame[frame["mixture"] != "en"])
    text = read(copy).text
    assert "speaks of 2 curves that runs.csv does not have, such as en-de, 8,000 pairs, en," in text


def test_runs_that_failed_keep_their_row_and_reason(tmp_path: Path, read):
    runs = runs_table(["en+de", "en"])
    lost = (runs["mixture"] == "en") & (runs["pretrain_tokens"] > 2**17)
    runs.loc[lost, ["status", "reason"]] = ["diverged", "the loss was not finite at update 7"]
    runs.loc[lost, [name for name in runs if name.startswith(("bleu", "cross"))]] = None
    text = read(write_results(tmp_path / "results", runs)).text
    assert "2 did not finish" in text and "the loss was not finite at update 7" in text


def test_every_run_failed(tmp_path: Path, read):
    runs = runs_table(["en+de"]).assign(status="diverged")
    folder = tmp_path / "results"
    folder.mkdir()
    runs.to_csv(folder / "runs.csv", index=False)
    assert "There is no answer: no run of this task finished." in read(folder).text


def test_no_law_fits(tmp_path: Path, read):
    text = read(write_results(tmp_path / "results", runs_table(["en+de", "en"], points=2))).text
    assert "Not decidable: no mixture has a law that can be extrapolated." in text
    assert "underdetermined" in text


def test_a_single_point(tmp_path: Path, read):
    page = read(
        write_results(tmp_path / "results", runs_table(["en+de"], points=1, baseline=False)), draw=True
    )
    assert "What does pretraining on en+de buy" in page.text
    assert any("a single point" in alt for alt in page.alts)


def test_only_the_baseline(tmp_path: Path, read):
    folder = tmp_path / "results"
    folder.mkdir()
    runs_table([]).to_csv(folder / "runs.csv", index=False)
    page = read(folder, draw=True)
    assert "What was measured for en-de after finetuning on 8,000 pairs?" in page.text
    assert any("1 runs; BLEU from 1.9 to 1.9" in alt for alt in page.alts)


def test_a_table_of_two_columns_more(tmp_path: Path, read):
    """Someone's own table: no seeds, no intervals, no status."""
    folder = tmp_path / "results"
    folder.mkdir()
    columns = ["task", "finetune_pairs", "mixture", "pretrain_tokens", "bleu"]
    runs_table(["a", "b"])[columns].to_csv(folder / "runs.csv", index=False)
    assert "does not say which versions trained" in read(folder, draw=True).text


def test_runs_of_an_older_version_are_named(copy: Path, read):
    change(copy, "runs", lambda frame: frame.assign(versions="downlaw 0.0.9, torch 2.12.0"))
    assert "Runs were made by downlaw 0.0.9, and this page by" in read(copy).text
