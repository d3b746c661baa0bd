from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
import yaml
from made_results import MadeResults
from rich.console import Console, ConsoleDimensions

from downlaw.cli.status_live import screen, wait_seconds, watch
from downlaw.engine import holding
from downlaw.look import Looker
from downlaw.study import load_study
from downlaw.study.matrix import segments
from downlaw.unreadable import ResultsError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def made(tmp_path, toy_config) -> MadeResults:
    config = toy_config(results=str(tmp_path / "results"))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    return MadeResults(load_study(config)).subsets()


def terminal(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False)


def drawn(look, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, legacy_windows=False)
    console.print(screen(look, console, 2.0), end="")
    return console.file.getvalue().splitlines()


class Clock:
    """A clock that goes on when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


class Looks:
    """A looker whose looks take a while, end in errors, and come to an end."""

    def __init__(self, clock: Clock, takes: float, *looks) -> None:
        self.clock, self.takes, self.looks = clock, takes, list(looks)

    def look(self):
        self.clock.now += self.takes
        look = self.looks.pop(0)
        if isinstance(look, BaseException):
            raise look
        return look


@pytest.fixture
def half(made, tmp_path):
    made.pretrain(list(segments(made.study))[:1])
    return Looker(made.study, tmp_path).look()


@pytest.fixture
def whole(half, made, tmp_path):
    return Looker(made.everything().study, tmp_path).look()


def test_looking_takes_a_tenth_of_the_time_at_most():
    assert wait_seconds(2.0, 0.01) == 2.0
    assert wait_seconds(2.0, 1.8) == pytest.approx(16.2)
    assert 1.8 / (1.8 + wait_seconds(2.0, 1.8)) == pytest.approx(0.1)


@pytest.mark.parametrize("takes, expected", [(0.01, 4.0), (2.0, 36.0)])
def test_the_view_ends_by_itself_when_all_is_done(half, whole, takes, expected):
    clock = Clock()
    looks = Looks(clock, takes, half, half, whole)
    assert watch(looks, terminal(), 2.0, clock.sleep, clock) is whole
    assert sum(clock.slept) == pytest.approx(expected)


def test_ctrl_c_ends_it_with_what_was_seen_last(half):
    clock = Clock()
    assert watch(Looks(clock, 0, half, KeyboardInterrupt()), terminal(), 2.0, clock.sleep, clock) is half
    assert watch(Looks(clock, 0, KeyboardInterrupt()), terminal(), 2.0, clock.sleep, clock) is None


def test_a_look_that_fails_leaves_the_view_and_says_so(half, whole):
    clock, console = Clock(), terminal()
    stale = ResultsError("results cannot be read: results/x.json: Stale file handle")
    looks = Looks(clock, 0, stale, half, stale, stale, whole)
    assert watch(looks, console, 2.0, clock.sleep, clock) is whole
    told = console.file.getvalue()
    assert told.count("could not look") == 3
    assert "Stale file handle" in told


def test_the_screen_is_drawn_anew_when_its_size_changes(half, whole, monkeypatch):
    clock, sizes = Clock(), iter([(80, 24)] * 3 + [(40, 10)] * 1000)
    console = terminal()
    frames = []
    monkeypatch.setattr(Console, "size", property(lambda _: ConsoleDimensions(*next(sizes))))
    monkeypatch.setattr("downlaw.cli.status_live.screen", lambda *_: frames.append(1) or "frame")
    watch(Looks(clock, 0, half, whole), console, 2.0, clock.sleep, clock)
    assert len(frames) == 2


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40), (60, 8), (30, 3)])
def test_what_is_drawn_fits_the_screen(half, made, tmp_path, width, height):
    made.log(
        "finetune/en-de-none-seed0-0.log", "".join(f"{n} " * 60 + "\n" for n in range(30)) + "error: full\n"
    )
    made.log("laws/laws.log", "error: laws: no points\n")
    lines = drawn(Looker(made.study, tmp_path).look(), width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_what_runs_and_what_failed_is_on_the_screen(made, tmp_path):
    made.log("finetune/en-de-none-seed0-0.log", "one\ntwo\nerror: the disk is full\n")
    with holding.hold(made.segment_folder(next(segments(made.study))), "pretrain", print) as held:
        held.tell(update=3, updates=4)
        held.write()
        lines = drawn(Looker(made.study, tmp_path).look(), 100, 40)
    assert lines[0].startswith("toy  ") and lines[0].endswith("every 2 s, Ctrl-C ends")
    assert lines[1] == "pretrain 0 of 4, 1 running; finetune 0 of 10, 1 crashed; evaluate 0 of 10"
    text = "\n".join(lines)
    assert "time left: not known, nothing is measured yet" in text
    assert f"running: 75%: pretrain en+de seed 1 at 256 tokens (process {os.getpid()} on" in text
    assert "crashed: finetune en-de from nothing, Df 100 rate 0.01 seed 1: the disk is full" in text
    assert "  | two\n  | error: the disk is full" in text
    assert "◐75%    ·" in text


def test_before_the_first_look_succeeds_the_screen_says_why():
    console = terminal(60, 10)
    console.print(screen(None, console, 2.0, "could not look: away"))
    assert "could not look: away" in console.file.getvalue()


def on_its_own_terminal() -> None:
    """Also where the tests run in the background, which hands on that Ctrl-C is ignored."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "downlaw", "status", "--configfile", "study.yaml", *arguments],
            cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "", "LINES": ""} | environment,
            preexec_fn=on_its_own_terminal,
        )  # fmt: skip
        os.close(slave)
        self.said = b""

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 60
        while text.encode() not in self.said:
            assert time.monotonic() < end and self._read(), self.said
        self.said = self.said.partition(text.encode())[2]

    def _read(self) -> bool:
        """Whether more came before the other end closed; fails where nothing comes for a minute."""
        assert select.select([self.master], [], [], 60)[0], self.said
        try:
            more = os.read(self.master, 65536)
        except OSError:  # the other end is closed
            return False
        self.said += more
        return bool(more)

    def end(self) -> tuple[int, str]:
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(timeout=60), self.said.decode()


def test_on_a_terminal_it_follows_what_files_say_and_ends_when_all_is_done(made, tmp_path):
    shown = Terminal(tmp_path, "--live", "--interval", "0.5")
    shown.wait_for("pretrain 0 of 4")
    made.everything()
    code, text = shown.end()
    assert code == 0
    assert "\x1b[?1049l" in text  # the terminal's own screen is back
    assert "all runs are done and scored" in text.rpartition("\x1b[?1049l")[2]


def test_ctrl_c_on_a_terminal_ends_with_code_0(made, tmp_path):
    shown = Terminal(tmp_path, "--watch")
    shown.wait_for("pretrain 0 of 4")
    os.write(shown.master, b"\x03")
    code, text = shown.end()
    assert code == 0
    assert "Traceback" not in text
    assert "to do" in text.rpartition("\x1b[?1049l")[2]


def test_a_terminal_of_another_encoding_gets_ascii(made, tmp_path):
    made.log("laws/laws.log", "error: müde\n")
    shown = Terminal(tmp_path, PYTHONIOENCODING="ascii", NO_COLOR="1", TERM="dumb")
    code, text = shown.end()
    assert code == 0
    assert "# done" in text and "failed: laws/laws: m?de" in text and text.isascii()


def test_without_a_terminal_live_is_one_look(made, tmp_path, run):
    done = run("status", "--configfile", tmp_path / "study.yaml", "--live")
    assert done.exit_code == 0
    assert "note: --live needs a terminal; this is one look" in done.stderr
    assert done.stdout.count("stage") == 1


def test_a_hang_up_ends_it(made, tmp_path):
    shown = Terminal(tmp_path, "--live")
    shown.wait_for("pretrain 0 of 4")
    shown.process.send_signal(signal.SIGTERM)
    assert shown.end()[0] == -signal.SIGTERM
