from __future__ import annotations

import pytest

from downlaw.console import job
from downlaw.corpora.mixing import SizeError
from downlaw.engine.launch import EngineError


@pytest.mark.parametrize(
    "error",
    [EngineError("the disk is full"), SizeError("finetune.pairs[0]: too many"), FileNotFoundError("x")],
)
def test_an_error_for_people_is_one_line_and_code_1(error, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped, job(tmp_path / "job.log", "pretrain en"):
        raise error
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"error: pretrain en: {error}\n"
    assert (tmp_path / "job.log").read_text() == f"error: pretrain en: {error}\n"


def test_another_error_keeps_its_traceback(tmp_path, capsys):
    with pytest.raises(ZeroDivisionError), job(tmp_path / "job.log", "pretrain en"):
        _ = 1 / 0
    assert "ZeroDivisionError" in (tmp_path / "job.log").read_text()
    assert "done" not in capsys.readouterr().err


def test_a_job_keeps_what_it_logged_and_announces_its_end(tmp_path, capsys):
    with job(tmp_path / "job.log", "evaluate") as log:
        log.write("some details\n")
    assert (tmp_path / "job.log").read_text() == "some details\n"
    assert capsys.readouterr().err == "evaluate: done in 0 s\n"


def test_a_job_without_a_label_ends_silently(tmp_path, capsys):
    with job(tmp_path / "job.log"):
        pass
    assert capsys.readouterr().err == ""
