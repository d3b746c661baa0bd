"""The live view of `downlaw status`: a screen that is drawn anew after each look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from downlaw import status
from downlaw.look import Failure, Look, Looker
from downlaw.progress import updates_left
from downlaw.status import RunStatus
from downlaw.unreadable import ResultsError

from .status_curves import curve_lines, legend
from .status_words import failed_line, left_line, speed_lines, speed_of

MOST_SHARE = 0.1
"""Of the time from look to look that looking may take: of one core, or of a network drive's patience."""
_NAP = 0.25


def watch(
    looker: Looker,
    console: Console,
    interval: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Look | None:
    """Look and draw until all is done or Ctrl-C; the last look, None where there was none.

    A look that fails, as of a file that changes or a network drive that is away, leaves the view as it was,
    and says so.

    Args:
        interval: seconds from look to look, as asked for.
    """
    look, trouble = None, ""
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                begun = clock()
                try:
                    look, trouble = looker.look(), ""
                except ResultsError as error:
                    trouble = f"could not look: {error}; trying again"
                if look is not None and look.is_over:
                    return look
                pause = wait_seconds(interval, clock() - begun)
                until = clock() + pause
                size = None
                while clock() < until:
                    if size != console.size:  # somebody pulled at the window
                        size = console.size
                        live.update(screen(look, console, pause, trouble), refresh=True)
                    sleep(min(_NAP, max(0.0, until - clock())))
    except KeyboardInterrupt:
        return look


def wait_seconds(interval: float, looked: float) -> float:
    """How long to wait after a look that took so many seconds."""
    return max(interval, looked * (1 / MOST_SHARE - 1))


def screen(look: Look | None, console: Console, pause: float, trouble: str = "") -> Group:
    """What fits on the screen: what runs and what failed first."""
    width, height = console.size
    when = f"{datetime.now():%H:%M:%S}, every {pause:.0f} s, Ctrl-C ends"
    if look is None:
        return Group(_line(trouble or "looking ...", "bold"), _line(when, "dim"))
    name = f"{look.study.study}  {look.study.results}"[: max(0, width - len(when) - 2)]
    gap = max(2, width - len(name) - len(when))
    lines = [Text(no_wrap=True, overflow="crop").append(name, "bold").append(" " * gap).append(when, "dim")]
    if trouble:
        lines += _folded(trouble, console, "bold red")
    lines += _folded(_stages(look), console)
    lines += [_line(line) for line in _few(list(speed_lines(look.paces)), 4)]
    lines += _folded(left_line(look), console, "bold")
    rest = height - len(lines) - 2  # the legend, and the last line, which some terminals scroll at
    failed = _failed(look, console, max(4, rest // 3))
    running = _running(look, max(3, rest // 4))
    rest -= len(failed) + len(running)
    ascii_only = console.options.ascii_only
    curves = curve_lines(look.curves, width, ascii_only, max(0, rest))
    return Group(*[*lines, *running, *failed, *curves, legend(ascii_only)][: max(1, height - 1)])


def _stages(look: Look) -> str:
    """How many runs of each stage are done, and which are not as they should be."""
    counted: dict[str, Counter[str]] = {}
    for run in look.found:
        counted.setdefault(run.stage, Counter())[run.state] += 1
    parts = []
    for stage, states in counted.items():
        others = [
            f"{states[state]:,} {state}"
            for state in (status.RUNNING, status.CRASHED, status.DIVERGED)
            if states[state]
        ]
        parts.append(", ".join([f"{stage} {states[status.DONE]:,} of {sum(states.values()):,}", *others]))
    return "; ".join(parts)


def _running(look: Look, most: int) -> list[Text]:
    """What runs, a line each."""
    lines, jobs = [], set()
    for run in look.found:
        if run.state == status.RUNNING and (run.updates or run.job not in jobs):
            jobs.add(run.job)
            lines.append(_line(_running_line(run, look), "cyan"))
    lines += [_line(f"running: {job}", "cyan") for job in look.other_jobs or ()]
    return _few(lines, most)


def _running_line(run: RunStatus, look: Look) -> str:
    if not run.updates:
        return f"running: {run.name}"
    made = run.updates - run.first_update - updates_left(run)
    share = 100 * made / max(1, run.updates - run.first_update)
    told = ", ".join(part for part in (f"{share:.0f}%", speed_of(run, look)) if part)
    return f"running: {told}: {run.name} ({run.reason})"


def _failed(look: Look, console: Console, most: int) -> list[Text]:
    """What failed, and below the first as much of the end of its log as there is room for."""
    if not look.failures:
        return []
    first, *others = look.failures
    lines = _folded(f"{first.heading}: {failed_line(first)}", console, "bold red")
    heads = _few([_line(f"{one.heading}: {failed_line(one)}", "bold red") for one in others], most // 2)
    room = most - len(lines) - len(heads)
    if first.log and room > 1:
        lines += _tail(first, room)
    return lines + heads


def _tail(failure: Failure, room: int) -> list[Text]:
    lines = failure.lines[-(room - 1) :]
    return [_line(f"  {failure.log}", "dim"), *(_line(f"  | {line}", "dim") for line in lines)]


def _few(lines: list, most: int) -> list:
    """The first lines, the last of them saying how many are left out."""
    if len(lines) <= most:
        return lines
    told = f"and {len(lines) - most + 1:,} more"
    return [*lines[: most - 1], _line(told, "dim") if isinstance(lines[0], Text) else told]


def _folded(text: str, console: Console, style: str = "") -> list[Text]:
    """A sentence that may take two lines."""
    return list(Text(text, style).wrap(console, console.width))[:2]


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="crop")
