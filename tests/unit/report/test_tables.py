from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from downlaw.laws import TableError
from downlaw.laws.valuation import value_runs
from downlaw.laws.verdicts import verdict_runs
from downlaw.report.figures import write_figures
from downlaw.report.lines import law_lines
from downlaw.report.summary import print_summary
from downlaw.report.tables import (
    VALUATIONS_NEEDED,
    VERDICTS_NEEDED,
    read_lines,
    read_valuations,
    read_verdicts,
)


def test_tables_are_read_back_as_they_were(
    lines: pd.DataFrame, verdicts: pd.DataFrame, valuations: pd.DataFrame, tmp_path: Path
):
    for table, read in ((lines, read_lines), (verdicts, read_verdicts), (valuations, read_valuations)):
        table.to_csv(tmp_path / "table.csv", index=False)
        again = read(tmp_path / "table.csv")
        assert list(again.columns) == list(table.columns)
        numbers = table.select_dtypes("number").columns.intersection(again.select_dtypes("number").columns)
        pd.testing.assert_frame_equal(again[numbers], table[numbers], check_dtype=False, check_exact=True)


@pytest.mark.parametrize("read", [read_lines, read_verdicts, read_valuations])
def test_another_table_is_refused_with_the_column_that_is_missing(read, laws: pd.DataFrame, tmp_path: Path):
    laws.to_csv(tmp_path / "laws.csv", index=False)
    with pytest.raises(TableError, match=r"laws.csv: column '\w+' is missing; fit the runs again"):
        read(tmp_path / "laws.csv")


def test_figures_and_summary_of_a_study_without_any_law_are_made_from_its_files(
    runs: pd.DataFrame, fit, tmp_path: Path
):
    few = runs[runs["pretrain_tokens"] < 70_000]
    laws, verdicts = fit(few), verdict_runs(few, samples=100)
    law_lines(few, samples=100).to_csv(tmp_path / "lines.csv", index=False)
    verdicts.to_csv(tmp_path / "verdicts.csv", index=False)
    value_runs(few, verdicts=verdicts, samples=100).to_csv(tmp_path / "valuations.csv", index=False)
    lines, valuations = read_lines(tmp_path / "lines.csv"), read_valuations(tmp_path / "valuations.csv")
    verdicts = read_verdicts(tmp_path / "verdicts.csv")
    figures = write_figures(few, laws, tmp_path, lines=lines, verdicts=verdicts, valuations=valuations)
    assert len(figures) == 6
    with (tmp_path / "summary.txt").open("w") as stream:
        print_summary(few, laws, Console(file=stream, width=100), verdicts=verdicts, valuations=valuations)
    assert "inconclusive. 2 points, at least 4 are needed" in (tmp_path / "summary.txt").read_text()


def test_the_columns_that_are_asked_for_are_all_that_is_read(
    runs: pd.DataFrame, laws: pd.DataFrame, verdicts: pd.DataFrame, valuations: pd.DataFrame, tmp_path: Path
):
    some = {
        "verdicts": verdicts[list(VERDICTS_NEEDED)],
        "valuations": valuations[list(VALUATIONS_NEEDED)],
    }
    with (tmp_path / "summary.txt").open("w") as stream:
        print_summary(runs, laws, Console(file=stream), **some)
    assert len(write_figures(runs, laws, tmp_path, **some)) == 12
