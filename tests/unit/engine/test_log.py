from __future__ import annotations

import math

import pytest

from downlaw.engine.log import OUTCOME, ProgressPrinter, TrainingLog, read_log, recent_speed

INNER = (
    '2026-01-01 10:00:00,000 | INFO | train_inner | {"epoch": 1, "update": 0.5, "loss": "%s", "wps": "9000", '
    '"wpb": "%s", "bsz": "20", "num_updates": "%s", "lr": "0.002", "gnorm": "1.2"}'
)
EPOCH = (
    '2026-01-01 10:00:01,000 | INFO | train | {"epoch": %s, "train_loss": "%s", "train_wpb": "%s", '
    '"train_num_updates": "%s", "train_wall": "2"}'
)


# --- What fairseq prints


def test_losses_are_read_in_nats():
    log = TrainingLog()
    assert log.read(INNER % ("8.0", "512", "10"))
    assert log.loss == pytest.approx(8 * math.log(2))
    assert (log.updates, log.tokens_per_update, log.diverged) == (10, 512.0, "")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Traceback (most recent call last):",
        "2026-01-01 10:00:00,000 | INFO | fairseq.trainer | Loading checkpoint",
        '2026-01-01 10:00:00,000 | INFO | valid | {"epoch": 1, "valid_loss": "7.1", "valid_wpb": "9"}',
        '2026-01-01 10:00:00,000 | INFO | train_inner | {"epoch": 1, "upd',
        "2026-01-01 10:00:00,000 | INFO | train_inner | none",
    ],
)
def test_other_lines_bring_no_figures(line):
    log = TrainingLog()
    assert not log.read(line)
    assert log == TrainingLog(lines=[line])


@pytest.mark.parametrize("loss", ["nan", "inf"])
def test_a_loss_that_is_not_finite_is_a_divergence(loss):
    log = TrainingLog()
    log.read(INNER % ("8.0", "512", "10"))
    log.read(INNER % (loss, "512", "20"))
    log.read(INNER % ("nan", "512", "30"))
    assert log.diverged == f"training loss is {loss} at update 20"


def test_a_divergence_between_two_reports_shows_at_the_end_of_the_epoch():
    log = TrainingLog()
    log.read(EPOCH % (1, "nan", "512", "13"))
    assert log.diverged == "training loss is nan at update 13"


def test_mean_tokens_are_weighed_by_the_updates_of_each_epoch():
    log = TrainingLog()
    assert log.mean_tokens_per_update == 0
    log.read(EPOCH % (1, "8.0", "100", "10"))
    log.read(EPOCH % (2, "8.0", "100", "20"))
    log.read(EPOCH % (3, "8.0", "40", "25"))
    assert log.mean_tokens_per_update == (20 * 100 + 5 * 40) / 25


def test_a_log_is_read_over_restarts(tmp_path):
    """An epoch that was cut and resumed is reported once more, with all of it."""
    lines = [
        EPOCH % (1, "8.0", "100", "10"),
        "killed",
        EPOCH % (2, "8.0", "50", "20"),
        EPOCH % (2, "8.0", "60", "20"),
    ]
    (tmp_path / "train.log").write_text("\n".join(lines))
    assert read_log(tmp_path / "train.log").mean_tokens_per_update == 80
    assert read_log(tmp_path / "none.log") == TrainingLog()


def test_the_device_is_the_first_gpu_or_the_cpu():
    log = TrainingLog()
    assert log.device == "cpu"
    log.read(
        "x | INFO | fairseq.utils | rank   0: capabilities =  9.0  ; total memory = 1 GB ; name = NVIDIA H200"
    )
    assert log.device == "NVIDIA H200"


def test_the_code_that_a_worker_ends_with_is_read():
    log = TrainingLog()
    assert log.outcome == 0
    log.read(f"{OUTCOME}76")
    assert log.outcome == 76


# --- Progress


def progress(log: TrainingLog, updates: int, printer: ProgressPrinter) -> None:
    log.read(INNER % ("8.0", "500", str(updates)))
    printer(log)


def test_progress_says_how_far_and_how_fast(monkeypatch):
    clock = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr("downlaw.engine.log.time.monotonic", lambda: next(clock))
    said: list[str] = []
    printer = ProgressPrinter("pretrain en", 1000, every_seconds=1, write=said.append)
    log = TrainingLog()
    for updates in (10, 50, 110):
        progress(log, updates, printer)
    # 20, then 25 updates a second since the first figures, of 500 tokens each
    assert said == [
        "pretrain en: update 50/1,000 (5%), 10,000 tokens/s, 0:47 left, loss 5.545 nats",
        "pretrain en: update 110/1,000 (11%), 12,500 tokens/s, 0:35 left, loss 5.545 nats",
    ]


def test_progress_is_said_every_few_seconds_only(monkeypatch):
    clock = iter([100.0 + 2 * tick for tick in range(20)])
    monkeypatch.setattr("downlaw.engine.log.time.monotonic", lambda: next(clock))
    said: list[str] = []
    printer = ProgressPrinter("x", 1000, tokens_per_update=64, write=said.append)
    log = TrainingLog()
    for updates in range(10, 210, 10):
        progress(log, updates, printer)
    assert len(said) == 3  # 38 s, one line every 10
    assert "320 tokens/s" in said[0]


# --- The speed that the end of a log tells of


def timed(clock: str, update: int, ups: str = "9", wpb: str = "70") -> str:
    told = f'"wps": "1", "ups": "{ups}", "wpb": "{wpb}", "num_updates": "{update}"'
    return f'2026-01-01 {clock},000 | INFO | train_inner | {{"epoch": 1, "loss": "8", {told}}}\n'


def test_the_speed_is_that_of_the_last_two_minutes():
    text = timed("09:00:00", 1) + timed("10:00:00", 100) + timed("10:01:00", 130, wpb="80") + "other\n"
    assert recent_speed(text) == (0.5, 75.0)


def test_one_line_tells_what_fairseq_measured():
    assert recent_speed("cut off in the middle\n" + timed("10:00:00", 5)) == (9.0, 70.0)
    assert recent_speed(timed("10:00:00", 5) * 2) == (9.0, 70.0)


def test_midnight_is_passed():
    before = timed("23:59:50", 10)
    assert recent_speed(before + timed("00:00:00", 20).replace("01-01", "01-02", 1)) == (1.0, 70.0)


@pytest.mark.parametrize(
    "text", ["", "none", timed("10:00:00", 5)[:-9], timed("10:00:00", 5, ups="inf"), timed("25:00:00", 5)]
)
def test_a_log_that_tells_of_no_update_has_no_speed(text):
    assert recent_speed(text) is None
