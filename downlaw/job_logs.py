"""What the logs of a workflow's jobs end in."""

from __future__ import annotations

import re
from pathlib import Path

_TAIL_BYTES = 65536
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
"""Colours and moves of a terminal's cursor, and what else a terminal would obey."""


def job_log(results: Path, job: str) -> Path:
    """The log of a job, named as in `finetune/en-de-fr-seed1-256`."""
    return results / "logs" / f"{job}.log"


def tail(path: Path, most_bytes: int = _TAIL_BYTES, after: int = 0) -> str:
    """The last lines of a log, the first of them perhaps cut; nothing where there is none.

    Args:
        after: bytes at its beginning that are left out.

    Raises:
        OSError: where it is there and cannot be read.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(max(after, path.stat().st_size - most_bytes))
            return stream.read().decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def last_lines(path: Path, most: int = 10) -> list[str]:
    """The last lines of a log that hold something, without colours, and of a line that was written over its
    last state.

    Raises:
        OSError: where it is there and cannot be read.
    """
    return _shown(tail(path))[-most:]


def _shown(text: str) -> list[str]:
    """Its lines that hold something, as a terminal would have left them."""
    shown = (line.rstrip().rpartition("\r")[2] for line in text.split("\n"))
    lines = [_CONTROL.sub("", line.expandtabs(4)).rstrip() for line in shown]
    return [line for line in lines if line]


def last_error(log: Path) -> str:
    """The error that a job's log ends in; nothing where it ends otherwise, or is not there.

    Raises:
        OSError: where it is there and cannot be read.
    """
    lines = _shown(tail(log))
    if not lines:
        return ""
    if lines[-1].startswith("error: "):
        return lines[-1].removeprefix("error: ")
    failed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    return lines[-1] if failed and not lines[-1].startswith(" ") else ""


def errors(results: Path, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    """The errors of all jobs whose last attempt failed, by job.

    Args:
        leave_out: rules whose jobs are looked at elsewhere.

    Raises:
        OSError: where a log is there and cannot be read.
    """
    found = {
        f"{path.parent.name}/{path.stem}": last_error(path)
        for path in sorted((results / "logs").glob("*/*.log"))
        if path.parent.name not in leave_out
    }
    return {job: error for job, error in found.items() if error}
