from __future__ import annotations

import errno
import io
import os
import shlex

import pytest

from downlaw.engine.errors import DivergedError, EngineError
from downlaw.engine.launch import Forked, Processes, paste_ready, run_forked, train, watch
from downlaw.engine.log import TrainingLog


def test_a_command_line_can_be_pasted():
    arguments = ["data folder/it's", "--adam-betas", "(0.9, 0.98)", "--lr", "0.01"]
    assert shlex.split(paste_ready(arguments))[3:] == arguments


# --- Children


def failing(error: BaseException):
    def work() -> None:
        raise error

    return work


def nested(inner: BaseException, outer: BaseException):
    def work() -> None:
        try:
            raise inner
        except BaseException:
            raise outer  # noqa: B904  (fairseq's own code chains without a cause)

    return work


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda: None, 0),
        (failing(ValueError("x")), 1),
        (failing(SystemExit(0)), 1),
        (failing(FloatingPointError("x")), 76),
        (nested(FloatingPointError("x"), StopIteration()), 76),
        (failing(FULL), 77),
        (nested(FULL, RuntimeError("unexpected pos 64 vs 0")), 77),
        (failing(OSError(errno.EACCES, "Permission denied")), 1),
    ],
)
def test_the_code_of_a_child_tells_what_happened(work, code, tmp_path):
    assert run_forked(work, tmp_path / "log", 1) == code


def test_what_a_child_prints_is_appended_to_its_log(tmp_path):
    (tmp_path / "log").write_text("earlier\n")

    def work() -> None:
        print("printed")
        os.write(2, b"written\n")

    run_forked(work, tmp_path / "log", 1)
    assert (tmp_path / "log").read_text() == "earlier\nprinted\nwritten\n"


def test_a_child_uses_as_many_threads_as_it_is_given(tmp_path):
    import torch

    run_forked(lambda: print(torch.get_num_threads()), tmp_path / "log", 3)
    assert (tmp_path / "log").read_text() == "3\n"
    assert torch.get_num_threads() == 1


def test_a_child_does_not_outlive_an_interrupted_job(tmp_path):
    def interrupt() -> None:
        raise KeyboardInterrupt

    def work() -> None:
        import time

        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        watch(Forked(work, tmp_path / "log", 1), interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_crash_is_an_error_with_the_last_words_of_fairseq(tmp_path):
    rule_log = io.StringIO()
    arguments = [
        str(tmp_path),
        *("--task", "translation", "-s", "en", "-t", "de", "--arch", "transformer", "--max-tokens", "9"),
    ]
    with pytest.raises(
        EngineError, match=r"^fairseq stopped with code 1: FileNotFoundError: .*dict\.en\.txt"
    ):
        train(arguments, tmp_path / "train.log", Processes(), lambda log: None, rule_log)
    first, *others = rule_log.getvalue().splitlines()
    assert first == "$ env TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 fairseq-train " + " ".join(arguments)
    assert others
    assert (tmp_path / "train.log").read_text().splitlines() == [first, *others]


def test_a_divergence_carries_the_log():
    log = TrainingLog(updates=7)
    assert DivergedError("loss is nan", log).log.updates == 7
