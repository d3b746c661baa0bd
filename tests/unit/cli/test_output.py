from __future__ import annotations

import io
import json
import math
import sys

import pandas as pd
import pytest

from downlaw.cli import COMMANDS, output
from downlaw.cli.output import Output, count, number, percent, table_for_people, titled, with_interval
from downlaw.laws import FAMILIES


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4123, "0.412"),
        (1.5, "1.50"),
        (151.9, "152"),
        (12345.6, "12346"),
        (0.0123456, "0.0123"),
        (1e-7, "1.0e-7"),
        (-2.5e12, "-2.5e12"),
        (0, "0"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, ""),
        (None, ""),
    ],
)
def test_numbers_have_few_digits(value, text):
    assert number(value) == text


def test_intervals_stand_in_brackets():
    assert with_interval(0.412, 0.371, 0.462, 2) == "0.41 [0.37, 0.46]"
    assert with_interval(0.412, math.nan, math.nan, 2) == "0.41"
    assert with_interval(0.412, math.nan, 0.5, 2) == "0.41 [?, 0.50]"
    assert with_interval(math.nan, 0.1, 0.2) == ""


def test_counts_have_units():
    counts = [count(tokens) for tokens in (950, 33_000, 1.3e6, 2e9, 1.9e12, math.nan)]
    assert counts == ["950", "33k", "1.3M", "2B", "1.9T", ""]


def test_errors_are_percentages():
    assert percent(math.log(1.02)) == "2.0%"
    assert percent(math.nan) == ""


def test_families_lists_every_parameter(run):
    table = pd.read_csv(io.StringIO(run("families").stdout), keep_default_na=False)
    assert list(dict.fromkeys(table["law"])) == list(FAMILIES)
    beta = table[(table["law"] == "log_law") & (table["parameter"] == "beta")].iloc[0]
    assert (beta["low"], beta["high"], beta["unit"]) == (0, math.inf, "none")
    assert beta["fixed_by"] == "slope and bend together"
    records = json.loads(run("families", "--json").stdout)
    assert records[0]["high"] is None


def test_families_for_people_fit_the_terminal(run_on_terminal):
    done = run_on_terminal("families")
    for family in FAMILIES.values():
        assert f"{family.name}: {family.formula}" in done.stdout
    assert "Hoffmann et al. 2022, arXiv:2203.15556, Eq. 2; over params, tokens" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_names_and_intervals_are_printed_as_they_are(monkeypatch, capsys):
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    view = table_for_people({"mixture": "fold", "interval": "right"})
    view.add_row("[red] :x:", with_interval(1.0, math.inf, math.inf))
    Output().write(pd.DataFrame(), lambda _: titled("a [b] title", view, "c"))
    shown = capsys.readouterr().out
    for text in ("a [b] title", "[red] :x:", "1.00 [inf, inf]"):
        assert text in shown


def test_every_command_has_an_example(run):
    for command in COMMANDS:
        done = run(command, "--help")
        assert done.exit_code == 0
        assert f"Example: downlaw {command}" in done.stdout


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_output_goes_to_a_file_alone(run, tmp_path, ending):
    done = run("families", "--output", tmp_path / "new" / f"families.{ending}")
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"families.{ending}: written" in done.stderr
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[ending]
    assert read(tmp_path / "new" / f"families.{ending}")["law"].iloc[0] == "log_law"


def test_output_that_cannot_be_written_is_an_error(run, tmp_path):
    (tmp_path / "file").touch()
    done = run("families", "--output", tmp_path / "file" / "families.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "Not a directory" in done.stderr or "File exists" in done.stderr


def test_parquet_cannot_be_written_without_pyarrow(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    done = run("families", "--output", tmp_path / "families.parquet")
    assert done.exit_code == 1
    assert "Parquet needs the package pyarrow; install it, or write .csv" in done.stderr
    assert list(tmp_path.iterdir()) == []
