"""What `downlaw status` says in words: speeds, time left, one line a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from downlaw.durations import duration
from downlaw.look import Failure, Look
from downlaw.pace import Pace, Speed, TimeLeft
from downlaw.progress import all_done, updates_left
from downlaw.report.labels import enumerate_words
from downlaw.status import CRASHED, RUNNING, RunStatus


def speed_lines(paces: dict[str, Pace]) -> Iterator[str]:
    """How fast each kind of training is, where something is known of it."""
    for kind, pace in paces.items():
        parts = []
        if pace.running:
            count = len(pace.running)
            parts.append(f"{_rate(pace.running.values())} now ({count} training{'s' * (count > 1)})")
        if pace.finished:
            median = f"median of {pace.measured}" if pace.measured > 1 else "one training"
            rate = _rate([pace.finished])
            if parts and _unit(parts[0]) == _unit(rate):
                rate = rate.split()[0]
            parts.append(f"{rate} when done ({median})")
        if parts:
            yield f"{kind}: {', '.join(parts)}"


def _rate(speeds: Iterable[Speed]) -> str:
    """The tokens/s of trainings together, or updates/s where their tokens are not known."""
    speeds = list(speeds)
    if all(speed.tokens is not None for speed in speeds):
        return f"{sum(speed.tokens for speed in speeds):,.0f} tokens/s"
    return f"{sum(speed.updates for speed in speeds):,.3g} updates/s"


def _unit(rate: str) -> str:
    return rate.split()[1]


def left_line(look: Look) -> str:
    """How long it still takes, as far as that is known."""
    left = look.left
    if all_done(look.found) and look.open_metrics:
        named = enumerate_words(look.open_metrics)
        return f"all runs are done; {named} (not measured yet), laws and the report come now"
    if all_done(look.found):
        if look.other_jobs is None:
            return "all runs are done and scored"
        return "all runs are done and scored; laws and the report come now"
    if left.seconds is None:
        return "time left: not known, nothing is measured yet"
    bound = "more than" if left.unmeasured else "about"
    line = f"time left: {bound} {duration(left.seconds)} {_together(left)}"
    if left.unmeasured:
        line += f", without {enumerate_words(left.unmeasured)}: not measured yet"
    return f"{line}; laws and the report come after"


def _together(left: TimeLeft) -> str:
    if not left.at_once:
        return "if one job follows the other (none runs now)"
    return f"with {left.at_once:.2g} job{'s' * (left.at_once != 1)} at once, as now"


def run_line(run: RunStatus, look: Look) -> str:
    """A run of any state; of one that runs or crashed, with what is known of it."""
    if run.state == RUNNING:
        if not run.updates:
            return f"{run.name} ({run.reason})"
        line = f"{run.name}, update {run.update:,} of {run.updates:,} ({run.reason})"
        speed = speed_of(run, look)
        return f"{line}; {speed}" if speed else line
    if run.state == CRASHED:
        on = (run.update, run.updates) if run.update else None
        return failed_line(Failure(CRASHED, run.name, run.reason, on))
    return f"{run.name}: {run.reason}" if run.reason else run.name


def speed_of(run: RunStatus, look: Look) -> str:
    """How fast a running training is, and how long it takes; empty where it has not said yet."""
    pace = next((pace for pace in look.paces.values() if run.folder in pace.running), None)
    if pace is None:
        return ""
    speed = pace.running[run.folder]
    return f"{_rate([speed])}, {duration(updates_left(run) / speed.updates)} left"


def failed_line(failure: Failure) -> str:
    line = f"{failure.name}: {failure.reason}"
    if failure.goes_on is None:
        return line
    update, updates = failure.goes_on
    return f"{line}; goes on at update {update:,} of {updates:,}"
