"""The command, on few curves and without packages."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import ours, published
from benchmarks.command import app
from benchmarks.report import COLUMNS, DETAIL_COLUMNS


@pytest.fixture(autouse=True)
def no_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The searches from hundreds of starts take seconds a curve, and have tests of their own."""
    law = {"ln_A": 1.0, "A": 3.0, "B": 3.0, "alpha": 0.3, "beta": 0.3, "E": 1.0}
    monkeypatch.setattr(published, "fit", lambda *_: law)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_method_has_a_row_or_a_reason(tmp_path):
    table, details = tmp_path / "speed.csv", tmp_path / "details.csv"
    laws = ["--law", "power_law", "--law", "error_law"]
    options = ["--curves", "3", "--limit", "0", "--samples", "20", "--no-packages", *laws]
    done = CliRunner().invoke(app, [*options, "--csv", str(table), "--details", str(details)])
    assert done.exit_code == 0, done.output
    found = rows(table)
    assert tuple(found[0]) == COLUMNS
    assert {(row["law"], row["method"]) for row in found if not row["not_run"]} >= {
        ("power_law", "downlaw"),
        ("power_law", "downlaw, method paper"),
        ("power_law", "L-BFGS-B from 150 starts"),
        ("error_law", "downlaw, one by one"),
    }
    (absent,) = (row for row in found if row["not_run"])
    assert absent["method"] == "code of Gadre et al."
    assert absent["not_run"].startswith("not given")
    assert "not run: code of Gadre et al.: not given" in done.output
    assert "20 bootstrap samples" in done.output
    fits = rows(details)
    assert tuple(fits[0]) == DETAIL_COLUMNS
    assert sum(fit["method"] == "downlaw" and fit["law"] == "power_law" for fit in fits) == 3


def test_packages_that_are_left_out_are_named(monkeypatch):
    monkeypatch.setattr(ours, "alone", lambda curves, delta, *_, **__: ours.together(curves, delta))
    done = CliRunner().invoke(
        app, ["--curves", "1", "--limit", "0", "--samples", "0", "--no-packages", "--law", "chinchilla"]
    )
    assert done.exit_code == 0, done.output
    for package in ("chinchilla", "simple-scaling-laws"):
        assert f"not run: package {package}: left out by --no-packages" in done.output


def test_an_unknown_law_is_refused():
    done = CliRunner().invoke(app, ["--law", "cubic"])
    assert done.exit_code == 2
    assert "no curves of cubic" in done.output
