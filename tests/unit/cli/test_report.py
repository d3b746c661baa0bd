from __future__ import annotations

from pathlib import Path

import pytest
from made_pages import runs_table
from typer.testing import CliRunner

from downlaw.cli import app

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    runs_table(["en+de", "en"]).to_csv(folder / "runs.csv", index=False)
    return folder


def report(*arguments: object):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_page_goes_into_the_results_by_default(results: Path):
    done = report(results)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{results / 'report/report.html'}: ")
    assert "note: laws.csv is not there: the study has not come so far" in done.stderr
    made = {path.name for path in (results / "report").iterdir()}
    assert made == {"report.html", "report_tables", "report_figures"}


def test_another_place_and_the_study_file(results: Path, tmp_path: Path):
    page = tmp_path / "sent/study.html"
    done = report(results, "--output", page, "--configfile", ROOT / "config.yaml", "--no-figures")
    assert done.exit_code == 0, done.output
    assert "track: transfer" in page.read_text() or "study: default" in page.read_text()
    assert not list((page.parent).rglob("*.png")) and list(results.iterdir()) == [results / "runs.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nowhere"],
            "nowhere (no such folder): neither runs.csv nor lm_runs.csv is here; run the study first",
        ),
        (
            ["nowhere", "--output", "page.pdf"],
            "--output page.pdf: the page is HTML; let the name end in .html",
        ),
        (["nowhere", "--configfile", "none.yaml"], "the study file cannot be read:\nnone.yaml: No such file"),
    ],
)
def test_what_cannot_be_is_one_message(arguments: list[str], said: str):
    done = report(*arguments)
    assert done.exit_code == 1 and done.stderr.startswith(f"error: {said}")


def test_a_table_that_is_none(results: Path):
    (results / "runs.csv").write_text("a,b\n1,2\n")
    done = report(results)
    assert done.exit_code == 1 and "runs.csv: column 'task' is missing" in done.stderr


def test_without_a_study_file_the_one_of_the_page_before_stays(results: Path):
    kept = "the study file was not given"
    assert report(results, "--no-figures").exit_code == 0
    page = results / "report/report.html"
    assert kept in page.read_text().lower()
    assert report(results, "--no-figures", "--configfile", ROOT / "config.yaml").exit_code == 0
    with_study = page.read_bytes()
    assert kept not in with_study.decode().lower()
    assert report(results, "--no-figures").exit_code == 0
    assert page.read_bytes() == with_study
    sent = results.parent / "sent.html"
    assert report(results, "--no-figures", "--output", sent).exit_code == 0
    assert "study: default" in sent.read_text()
