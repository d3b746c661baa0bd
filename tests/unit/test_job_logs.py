from __future__ import annotations

import pytest

from downlaw import job_logs
from downlaw.job_logs import errors, last_error, last_lines, tail


@pytest.fixture
def log(tmp_path):
    def write(text, name="rule/job.log"):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_the_last_lines_that_hold_something(log):
    path = log("one\n\ntwo  \n   \nthree\n\n")
    assert last_lines(path, 2) == ["two", "three"]
    assert last_lines(path) == ["one", "two", "three"]


def test_colours_bells_and_lines_written_over_are_as_a_terminal_left_them(log):
    path = log("\x1b[31mred\x1b[0m\x07\n 10%|#  |\r 50%|## |\r100%|###|\r\n\ttab\x1b]\n")
    assert last_lines(path) == ["red", "100%|###|", "    tab]"]


def test_what_is_not_text_is_shown_as_far_as_it_is(log):
    assert last_lines(log(b"\xff\xfe half \xe2\x82")) == ["�� half �"]


def test_of_a_log_that_is_not_there_nothing_is_shown(tmp_path):
    (tmp_path / "file").touch()
    assert last_lines(tmp_path / "none.log") == last_lines(tmp_path / "file/none.log") == []
    assert last_error(tmp_path / "none.log") == ""


def test_a_long_log_is_read_from_its_end_and_after_what_is_left_out(log):
    path = log("x" * 100_000 + "\nlast\n")
    assert len(tail(path)) == job_logs._TAIL_BYTES
    assert last_lines(path, 1) == ["last"]
    assert tail(path, after=100_001) == "last\n"
    assert tail(path, after=200_000) == ""


def test_the_error_that_a_log_ends_in(log):
    assert last_error(log("error: of an attempt\nerror: the disk is full\n\n")) == "the disk is full"
    assert last_error(log("Traceback (most recent call last):\n  x\nKeyError: 'a'\n")) == "KeyError: 'a'"
    assert last_error(log("Traceback (most recent call last):\n  half\n  a line")) == ""
    assert last_error(log("error: of an attempt\ngoing on\n")) == ""


def test_an_error_has_nothing_that_a_terminal_would_obey(log):
    assert last_error(log("\x1b[31merror: the disk \x1b[1mis full\x07\x1b[0m\n")) == "the disk is full"
    assert (
        last_error(log("Traceback (most recent call last):\n\tx\n\x1b[1mKeyError\x1b[0m: 'a'\r\n"))
        == "KeyError: 'a'"
    )


def test_errors_by_job_without_the_rules_that_are_left_out(log, tmp_path):
    log("error: one\n", "laws/laws.log")
    log("error: two\n", "finetune/en-de.log")
    log("fine\n", "mixture/fr.log")
    assert errors(tmp_path, leave_out=("finetune",)) == {"laws/laws": "one"}
